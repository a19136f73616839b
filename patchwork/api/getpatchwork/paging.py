# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of lists: 30 rows unless asked otherwise, with links to the neighbours in a header.

A page is found by its number, counted off in an index that holds no more than what the list is
sorted by; only then are its rows read. From 1.5 on a page can also be asked for by where the one
before it ended, which costs the same for every page.
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
class Page:
    """The ids of a page's rows, and the header that leads on."""

    ids: list[int]
    links: str


def page_numbered(
    request: Request,
    rows: QuerySet[Any],
    order: tuple[str, ...],
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
    ids = list(rows.order_by(*order).values_list("pk", flat=True)[start : start + size + 1])
    if not ids and number > 1:
        raise NotFound("Invalid page.")
    has_next = len(ids) > size
    last = -(-total() // size) if has_next else number
    numbers = {
        "first": 1,
        "prev": number - 1,
        "next": number + 1 if has_next else 0,
        "last": max(last, number + has_next),
    }
    links = (
        _link(address, without(request.query_params, page=str(to)), name)
        for name, to in numbers.items()
        if to > 0
    )
    return Page(ids[:size], ", ".join(links))


def page_after(request: Request, rows: QuerySet[Any], order: tuple[str, ...], address: str) -> Page:
    """The page behind where another one ended, or the first one; nothing is counted."""
    asked = Asked(request.query_params)
    size = _size(asked)
    field = order[0].removeprefix("-")
    if cursor := asked.text("cursor"):
        rows = rows.filter(_beyond(rows, order, cursor))
    found = list(rows.order_by(*order).values_list(field, "pk")[: size + 1])
    links = [_link(address, without(request.query_params, cursor=None), "first")]
    if len(found) > size:
        value, pk = found[size - 1]
        place = f"{value.isoformat() if isinstance(value, datetime) else value},{pk}"
        links.append(_link(address, without(request.query_params, cursor=place), "next"))
    return Page([pk for _, pk in found[:size]], ", ".join(links))


def has_place(order: tuple[str, ...]) -> bool:
    """Whether where a page ended can be said by one value and an id."""
    return len(order) == 1 or (len(order) == 2 and order[1].removeprefix("-") == "pk")


def _beyond(rows: QuerySet[Any], order: tuple[str, ...], cursor: str) -> Q:
    field = order[0].removeprefix("-")
    comparison = "lt" if order[0].startswith("-") else "gt"
    written, _, pk = cursor.rpartition(",")
    last_id = parameters.as_integer("cursor", pk)
    if field in UNIQUE and field != "event_time":
        return Q(**{f"pk__{comparison}": last_id})
    value = _value(rows.model, field, written)
    later = Q(**{f"{field}__{comparison}": value})
    if field in UNIQUE:
        return later
    # Said twice, so that databases enter their index at the value.
    return Q(**{f"{field}__{comparison}e": value}) & (later | Q(**{f"pk__{comparison}": last_id}))


def _value(model: type[Model], path: str, written: str) -> object:
    *relations, last = path.split("__")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        assert isinstance(related, type)
        model = related
    field = model._meta.get_field(last)
    if isinstance(field, DateTimeField):
        return parameters.as_moment("cursor", written)
    if isinstance(field, CharField):
        return written
    if isinstance(field, BooleanField):
        return written == "True"
    return parameters.as_integer("cursor", written)


def _link(address: str, query: str, name: str) -> str:
    return f'<{address}{"?" if query else ""}{query}>; rel="{name}"'


def order_of(asked: Asked, allowed: dict[str, str], default: str) -> tuple[str, ...]:
    """The fields to sort by; the id decides between equals."""
    fields = []
    for word in asked.texts("order") or [default]:
        name = word.removeprefix("-")
        if name not in allowed:
            raise parameters.unknown("order", word, allowed)
        fields.append(("-" if word.startswith("-") else "") + allowed[name])
    if fields[-1].removeprefix("-") not in UNIQUE:
        fields.append("-pk" if fields[-1].startswith("-") else "pk")
    return tuple(fields)


def _size(asked: Asked) -> int:
    """More than the largest is the largest, as everywhere in this family."""
    return min(_positive(asked, "per_page") or DEFAULT_SIZE, LARGEST_SIZE)


def _positive(asked: Asked, name: str) -> int | None:
    number = asked.integer(name)
    if number == 0:
        raise parameters.wrong(name, "Numbers begin at 1.")
    return number
