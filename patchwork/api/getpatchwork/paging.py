# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of lists: 30 rows unless asked otherwise, with links to the neighbours in a header.

A page is found by its number, counted off in an index that holds no more than what the list is
sorted by; only then are its rows read. From 1.5 on a page can also be asked for by where the one
before it ended, which costs the same for every page. Such a page says where it ends even if it is
the last one, for those who come back to see what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, CharField, DateTimeField, Model, Q, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from patchwork.api import parameters
from patchwork.api.parameters import Asked, without

DEFAULT_SIZE = 30
LARGEST_SIZE = 250


UNIQUE = ("pk", "event_time")
"""Fields in which no two rows are equal."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by."""

    words: str
    """As addresses say it, such as ``-date,id``."""
    fields: tuple[str, ...]
    """The last one decides between rows that are equal in all others."""

    @property
    def field(self) -> str:
        return self.fields[0].removeprefix("-")

    @property
    def has_place(self) -> bool:
        """Whether where a page ended can be said by one value and an id."""
        return self.fields[1:] in ((), ("pk",), ("-pk",))


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of a page's rows, and the headers that lead on."""

    ids: list[int]
    links: str
    place: str = ""
    """Where it ends, if it was asked for by a place."""


def page_numbered(
    request: Request,
    rows: QuerySet[Any],
    order: Order,
    address: str,
    total: Callable[[], int],
) -> Page:
    """The page that is asked for by its number.

    ``address``: of the list as it was asked, without parameters. ``total``: how many rows there
    are; asked only where it is not known already.
    """
    asked = Asked(request.query_params)
    size = _size(asked)
    number = _positive(asked, "page") or 1
    start = (number - 1) * size
    if start > parameters.LARGEST_ID:
        raise NotFound("Invalid page.")
    ids = list(rows.order_by(*order.fields).values_list("pk", flat=True)[start : start + size + 1])
    if not ids and number > 1:
        raise NotFound("Invalid page.")
    has_next = len(ids) > size
    last = -(-total() // size) if has_next else number
    # pwclient finds the next page only where its link comes first.
    numbers = {
        "next": number + 1 if has_next else 0,
        "prev": number - 1,
        "first": 1,
        "last": max(last, number + has_next),
    }
    links = (
        _link(address, without(request.query_params, page=str(to)), name)
        for name, to in numbers.items()
        if to > 0
    )
    return Page(ids[:size], ", ".join(links))


def page_after(request: Request, rows: QuerySet[Any], order: Order, address: str) -> Page:
    """The page behind where another one ended, or the first one; nothing is counted."""
    asked = Asked(request.query_params)
    size = _size(asked)
    # Names are as long as they are: a place is not cut.
    given = (asked.every("cursor") or [""])[-1]
    if given:
        rows = rows.filter(_beyond(rows.model, order, given))
    found = list(rows.order_by(*order.fields).values_list(order.field, "pk")[: size + 1])
    place = _place(order, *found[:size][-1]) if found else given
    links = [_link(address, without(request.query_params, cursor=None), "first")]
    if len(found) > size:
        links.insert(0, _link(address, without(request.query_params, cursor=place), "next"))
    return Page([pk for _, pk in found[:size]], ", ".join(links), place)


def _place(order: Order, value: object, pk: int) -> str:
    """Where a row stands, with the order in which it stands there."""
    written = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"{order.words};{written}" + ("" if order.field in UNIQUE else f",{pk}")


def _beyond(model: type[Model], order: Order, cursor: str) -> Q:
    words, _, place = cursor.partition(";")
    if words != order.words:
        reason = f"{parameters.shown(cursor)} is no place in a list by {order.words}."
        raise parameters.wrong("cursor", reason)
    field, comparison = order.field, _later(order.fields[0])
    if field in UNIQUE:
        return Q(**{f"{field}__{comparison}": _value(model, field, place)})
    written, _, pk = place.rpartition(",")
    value = _value(model, field, written)
    later = Q(**{f"{field}__{comparison}": value})
    equal_but_later = Q(**{f"pk__{_later(order.fields[1])}": parameters.as_integer("cursor", pk)})
    # Said twice, so that databases enter their index at the value.
    return Q(**{f"{field}__{comparison}e": value}) & (later | equal_but_later)


def _later(field: str) -> str:
    return "lt" if field.startswith("-") else "gt"


def _value(model: type[Model], path: str, written: str) -> object:
    *relations, last = path.split("__")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        assert isinstance(related, type)
        model = related
    field = model._meta.pk if last == "pk" else model._meta.get_field(last)
    if isinstance(field, DateTimeField):
        return parameters.as_moment("cursor", written)
    if isinstance(field, CharField):
        return written
    if isinstance(field, BooleanField):
        flags = {str(flag): flag for flag in (True, False)}
        if written not in flags:
            raise parameters.unknown("cursor", written, flags)
        return flags[written]
    return parameters.as_integer("cursor", written)


def _link(address: str, query: str, name: str) -> str:
    return f'<{address}{"?" if query else ""}{query}>; rel="{name}"'


def order_of(asked: Asked, allowed: dict[str, str], default: str) -> Order:
    """What is asked to sort by; the id decides between equals."""
    words = asked.texts("order") or [default]
    fields = []
    for word in words:
        name = word.removeprefix("-")
        if name not in allowed:
            raise parameters.unknown("order", word, allowed)
        fields.append(("-" if word.startswith("-") else "") + allowed[name])
    if fields[-1].removeprefix("-") not in UNIQUE:
        fields.append("-pk" if fields[-1].startswith("-") else "pk")
    return Order(",".join(words), tuple(fields))


def _size(asked: Asked) -> int:
    """More than the largest is the largest, as everywhere in this family."""
    return min(_positive(asked, "per_page") or DEFAULT_SIZE, LARGEST_SIZE)


def _positive(asked: Asked, name: str) -> int | None:
    number = asked.integer(name)
    if number == 0:
        raise parameters.wrong(name, "Numbers begin at 1.")
    return number
