# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of long lists, found by where the one before ended, never by counting rows off.

Page 400 costs what page 1 costs, and a mail that comes in while somebody reads moves nothing
from one page to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import DateTimeField, Model, Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

AFTER = "after"
BEFORE = "before"

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order that a list can have; the id decides between equals."""

    word: str
    """What the address says."""
    field: str
    label: str
    descending: bool = False

    @property
    def order(self) -> tuple[str, str]:
        sign = "-" if self.descending else ""
        return f"{sign}{self.field}", f"{sign}pk"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the addresses of their neighbours (empty at the ends)."""

    rows: list[Row]
    previous: str
    next: str


def page(rows: QuerySet[Row], sort: Sort, asked: QueryDict, size: int) -> Page[Row]:
    """The page that the address asks for; what cannot be understood is the first page."""
    backwards = AFTER not in asked and BEFORE in asked
    position = _position(rows, sort, asked.get(AFTER) or asked.get(BEFORE) or "")
    ordered = rows.order_by(*sort.order)
    if position and backwards:
        ordered = ordered.reverse()
    if position:
        ordered = ordered.filter(_beyond(sort, *position, backwards=backwards))
    found = list(ordered[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    if position and backwards:
        found.reverse()
        return Page(
            found,
            previous=_link(asked, BEFORE, sort, found[0]) if has_more else "",
            next=_link(asked, AFTER, sort, found[-1]) if found else "",
        )
    return Page(
        found,
        previous=_link(asked, BEFORE, sort, found[0]) if position and found else "",
        next=_link(asked, AFTER, sort, found[-1]) if has_more else "",
    )


def without_place(asked: QueryDict, changes: Mapping[str, str]) -> str:
    """The address of the first page of what is asked for, with some parameters changed."""
    kept = {
        name: asked[name]
        for name in sorted(asked)
        if name not in (AFTER, BEFORE) and name not in changes and asked[name]
    }
    return "?" + urlencode({**kept, **{name: value for name, value in changes.items() if value}})


def _link(asked: QueryDict, direction: str, sort: Sort, row: Model) -> str:
    value: object = row
    for name in sort.field.split("__"):
        value = getattr(value, name)
    written = value.isoformat() if isinstance(value, datetime) else str(value)
    return without_place(asked, {direction: f"{written},{row.pk}"})


def _position(rows: QuerySet[Row], sort: Sort, written: str) -> tuple[object, int] | None:
    """The value and the id where a page begins; None when they mean nothing."""
    text, _, pk = written.rpartition(",")
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19) or "\0" in text:
        return None
    if not isinstance(_field(rows.model, sort.field), DateTimeField):
        return text, int(pk)
    try:
        date = parse_datetime(text)
    except ValueError:
        return None
    return (date, int(pk)) if date and date.tzinfo else None


def _field(model: type[Model], path: str) -> object:
    *relations, last = path.split("__")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        assert isinstance(related, type)
        model = related
    return model._meta.get_field(last)


def _beyond(sort: Sort, value: object, pk: int, *, backwards: bool) -> Q:
    comparison = "lt" if sort.descending != backwards else "gt"
    return Q(**{f"{sort.field}__{comparison}": value}) | Q(
        **{sort.field: value, f"pk__{comparison}": pk}
    )
