# SPDX-License-Identifier: GPL-2.0-or-later
"""What all addresses of this dialect have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    PermissionDenied,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import access, links
from patchwork.api.counting import count
from patchwork.api.getpatchwork import asking, paging
from patchwork.api.getpatchwork.sent import Sent
from patchwork.api.getpatchwork.shapes import Body, Shape, list_of
from patchwork.api.getpatchwork.wording import Said, Wording
from patchwork.api.parameters import Asked, is_id, wrong
from patchwork.api.views import Door
from patchwork.databases import column, containing, load, places
from patchwork.people.models import Scope
from patchwork.projects.models import Project

DEFAULT_MINOR = 4
"""What ``/api/`` speaks: the newest version that all servers of this family know."""
NEWEST_MINOR = 5
MOST_WORDS = 20
"""Each of them is looked for by itself."""
CHANGING = ("PATCH", "PUT")


class Face(Door):
    """One address, in the version that was asked. What it declares is what it goes by, and what
    the published description says."""

    first_minor: ClassVar[int] = 0
    """The version that brought the address."""
    since: ClassVar[Mapping[str, int]] = {}
    """Methods that an older version does not have -> the one that has."""
    told: ClassVar[Shape | None] = None
    """What is answered, or what a list is made of; without one it is a text."""
    body: ClassVar[Body | None] = None
    """What can be sent."""
    scope: ClassVar[Scope] = Scope.WRITE
    """What a token has to be good for, to change something here."""
    for_accounts: ClassVar[bool] = False
    """Whether reading needs an account, too. It is of no project: any good token will do."""
    refusals: ClassVar[Sequence[type[APIException]]] = ()
    """What can be in the way besides what is wrong with a request itself."""

    @property
    def minor(self) -> int:
        return int(self.kwargs.get("minor") or DEFAULT_MINOR)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.minor < self.first_minor:
            raise Http404
        if self.for_accounts and request.method in ("GET", "HEAD"):
            account_of(request)
        if self.minor < self.since.get(str(request.method), 0):
            raise MethodNotAllowed(str(request.method))

    @property
    def allowed_methods(self) -> list[str]:
        """Those that the version has."""
        known: list[str] = super().allowed_methods
        return [method for method in known if self.since.get(method, 0) <= self.minor]

    def sent(self, told: Iterable[str]) -> Sent:
        """The body of the request; ``told`` are the fields that a reader sees."""
        assert self.body is not None
        if self.request.method in CHANGING and not self.request.data:
            raise ValidationError({"detail": "Send an object with the fields to be changed."})
        return Sent(self.request.data, self.body.at(self.minor), told)

    @classmethod
    def parameters(cls, minor: int) -> dict[str, Any]:
        """All that can be asked for, with their schemas; only lists are asked for anything."""
        return {}

    def number(self, name: str) -> int:
        """An id in the address; what can be no id is nothing that we have."""
        written: str = self.kwargs[name]
        if not is_id(written):
            raise Http404
        return int(written)

    def wording(self, project_ids: Collection[int]) -> Wording:
        """For speaking of things of these projects."""
        site = links.absolute(self.request, "/").rstrip("/")
        where = f"{column(Project, 'id')} IN {places(project_ids)}"
        found = load(Project, where, [*project_ids]) if project_ids else []
        return Wording(self.minor, site, {project.pk: project for project in found})


class Listing(Face):
    """A list: filtered, sorted, cut into pages."""

    filters: ClassVar[Mapping[str, Any]] = {}
    orders: ClassVar[dict[str, str]] = {"id": "pk"}
    default_order: ClassVar[str] = "id"
    searched: ClassVar[Sequence[str]] = ()
    has_texts: ClassVar[bool] = False
    """Whether ``q`` looks into texts as well, from 1.5 on."""

    def get(self, request: Request, **_: str) -> Response:
        asked = Asked(request.query_params)
        order = paging.order_of(asked, self.orders, self.default_order)
        by_place = self.minor >= 5 and "page" not in request.query_params and order.has_place
        known = self.parameters(self.minor)
        if not by_place:
            known.pop("cursor", None)
        asking.known_names(request.query_params, known)
        selected = self.select(asked)
        for word in self._words(asked):
            selected = selected.filter(self.having(word))
        address = links.absolute(request, request.path)
        if by_place:
            page = paging.page_after(request, selected, order, address)
        else:
            total = partial(self.total, asked, selected)
            page = paging.page_numbered(request, selected, order, address, total)
        response = Response(self.say(page.ids))
        response["Link"] = page.links
        if page.place:
            response["Cursor"] = quote(page.place, safe=",;:")
        return response

    @classmethod
    def parameters(cls, minor: int) -> dict[str, Any]:
        orders = [f"{sign}{name}" for name in cls.orders for sign in ("", "-")]
        known = {**asking.EVERYWHERE, "order": list_of({"enum": orders}), **cls.filters}
        if not cls.searched:
            del known["q"]
        if minor >= 5:
            known["cursor"] = asking.CURSOR
            if cls.has_texts:
                known["q"] = asking.IN_TEXTS
        return known

    def select(self, asked: Asked) -> QuerySet[Any]:
        """The rows that are asked for, in no order."""
        raise NotImplementedError

    def _words(self, asked: Asked) -> Iterable[str]:
        words = dict.fromkeys(asked.text("q").split())
        if len(words) > MOST_WORDS:
            raise wrong("q", f"There are more than {MOST_WORDS} words.")
        return words

    def having(self, word: str) -> Q:
        """Rows with a word of ``q`` in one of the fields that are searched."""
        return reduce(or_, (containing(field, word) for field in self.searched), Q())

    def total(self, asked: Asked, selected: QuerySet[Any]) -> int:
        """How many rows there are, of those that ``select`` has found."""
        return count(selected)

    def say(self, ids: list[int]) -> list[Said]:
        """The rows with these ids, in their order."""
        raise NotImplementedError


class Conflict(APIException):
    """What is asked for does not go together with what is there."""

    status_code = 409
    default_code = "conflict"


def allow(
    request: Request, scope: Scope, project_id: int, may: Callable[[AbstractBaseUser], bool]
) -> AbstractBaseUser:
    """The account that asks, if it may, by a token (if by one) that is good for it."""
    user = somebody(request, scope, project_id)
    if not may(user):
        raise PermissionDenied
    return user


def somebody(request: Request, scope: Scope, project_id: int | None = None) -> AbstractBaseUser:
    """The account that asks, by a token (if by one) that is good for it; nobody else."""
    user = account_of(request)
    access.require(request, scope, project_id)
    return user


def account_of(request: Request) -> AbstractBaseUser:
    """The account that asks, whatever its token is good for; nobody else."""
    user = request.user
    if not isinstance(user, AbstractBaseUser):
        raise PermissionDenied("Authentication credentials were not provided.")
    return user
