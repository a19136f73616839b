# SPDX-License-Identifier: GPL-2.0-or-later
"""People and accounts. Their addresses are told to those who are logged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import access
from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing, somebody
from patchwork.api.getpatchwork.sent import Sent
from patchwork.api.getpatchwork.shapes import COUNT, FLAG, Body, Shape, Since, nullable, text
from patchwork.api.getpatchwork.wording import ACCOUNT, PERSON, Said
from patchwork.api.parameters import Asked
from patchwork.people.changes import AccountEdit, edit_account
from patchwork.people.models import Person, Scope
from patchwork.people.permissions import may_edit_account
from patchwork.people.queries import accounts, people, profile_of

LONGEST_PAGE = 1_000
LISTED_PERSON = Shape("Person", {**PERSON.fields, "user": nullable(ACCOUNT)})
SETTINGS = Shape("Settings", {"send_email": FLAG, "items_per_page": COUNT, "show_ids": FLAG})
USER = Shape("User", {**ACCOUNT.fields, "settings": Since(2, SETTINGS)}, optional=("settings",))
"""With ``settings`` if it is the account that asks."""
SETTINGS_EDIT = Body(
    "SettingsEdit",
    {
        "send_email": FLAG,
        "items_per_page": {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE},
        "show_ids": FLAG,
    },
)
USER_EDIT = Body(
    "UserEdit",
    {"first_name": text(30), "last_name": text(150), "settings": Since(2, SETTINGS_EDIT)},
)


class People(Listing):
    """``/people/``"""

    told = LISTED_PERSON
    for_accounts = True
    orders: ClassVar[dict[str, str]] = {"id": "pk", "name": "name", "email": "email"}
    searched = ("name", "email")

    def select(self, asked: Asked) -> QuerySet[Any]:
        asking.known_projects(asked)
        return Person.objects.all()

    def say(self, ids: list[int]) -> list[Said]:
        return say_people(self, ids)


class OnePerson(Face):
    """``/people/5/``"""

    told = LISTED_PERSON
    for_accounts = True

    def get(self, request: Request, **_: str) -> Response:
        said = say_people(self, [self.number("person_id")])
        if not said:
            raise Http404
        return Response(said[0])


def say_people(face: Face, ids: Sequence[int]) -> list[Said]:
    found = people(ids)
    users = accounts({person.user_id for person in found.values() if person.user_id})
    wording = face.wording(())
    return [
        {
            **wording.person(person_id, found[person_id].name, found[person_id].email),
            "user": wording.account(users.get(found[person_id].user_id or 0)),
        }
        for person_id in ids
        if person_id in found
    ]


class Users(Listing):
    """``/users/``"""

    told = ACCOUNT
    for_accounts = True
    orders: ClassVar[dict[str, str]] = {"id": "pk", "username": "username", "email": "email"}
    searched = ("username", "first_name", "last_name", "email")

    def select(self, asked: Asked) -> QuerySet[Any]:
        asking.known_projects(asked)
        return get_user_model()._default_manager.all()

    def say(self, ids: list[int]) -> list[Said]:
        found = accounts(ids)
        wording = self.wording(())
        said = (wording.account(found.get(user_id)) for user_id in ids)
        return [one for one in said if one is not None]


class OneUser(Face):
    """``/users/5/``: everybody may change what is said about themselves, superusers also the
    names of others"""

    told = USER
    body = USER_EDIT
    for_accounts = True

    def get(self, request: Request, **_: str) -> Response:
        return Response(self.say(self.number("user_id")))

    def patch(self, request: Request, **_: str) -> Response:
        user = somebody(request, self.scope)
        user_id = self.number("user_id")
        told = self.say(user_id)
        if not may_edit_account(user, user_id):
            raise PermissionDenied
        sent = self.sent(told)
        if user_id != user.pk:
            access.require(request, Scope.ADMIN)
            if "settings" in sent:
                raise PermissionDenied("Settings are changed by their owner.")
        edit_account(user_id, self.edit(sent))
        return Response(self.say(user_id))

    put = patch

    def edit(self, sent: Sent) -> AccountEdit:
        edit = AccountEdit()
        if "first_name" in sent:
            edit["first_name"] = sent.line("first_name")
        if "last_name" in sent:
            edit["last_name"] = sent.line("last_name")
        if "settings" in sent:
            wishes = sent.part("settings", SETTINGS_EDIT, self.minor)
            if "send_email" in wishes:
                edit["send_email"] = wishes.flag("send_email")
            if "show_ids" in wishes:
                edit["show_ids"] = wishes.flag("show_ids")
            if "items_per_page" in wishes:
                edit["items_per_page"] = wishes.number("items_per_page")
                if not 0 < edit["items_per_page"] <= LONGEST_PAGE:
                    raise wishes.wrong("items_per_page", f"A page has 1 to {LONGEST_PAGE} items.")
        return edit

    def say(self, user_id: int) -> Said:
        """Somebody's wishes are told to nobody else."""
        said = self.wording(()).account(accounts([user_id]).get(user_id))
        if said is None:
            raise Http404
        if self.minor >= 2 and user_id == self.request.user.pk:
            profile = profile_of(self.request.user)
            said["settings"] = {
                "send_email": profile.send_email,
                "items_per_page": profile.items_per_page or settings.DEFAULT_ITEMS_PER_PAGE,
                "show_ids": profile.show_ids,
            }
        return said
