# SPDX-License-Identifier: GPL-2.0-or-later
"""What addresses of this dialect ask for: things by id or by name, periods, words.

A name that nobody has is told; else a typing mistake would look like an empty tracker.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from patchwork.api import parameters
from patchwork.api.getpatchwork.shapes import ID, TEXT, Schema, list_of
from patchwork.api.parameters import LARGEST_ID, Asked
from patchwork.people.models import Person, email_key
from patchwork.projects.models import Project, State
from patchwork.tracking.queries.mails import bracketed
from patchwork.tracking.queries.records import posted

Row = TypeVar("Row", bound=Model)

_MOMENT = {
    "type": "string",
    "description": "A date, or a date and a time, in UTC unless it says an offset.",
    "examples": ["2026-11-20", "2026-11-20T14:30:00"],
}
_POSITIVE = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
IDS: Schema = list_of(ID)
NAMED: Schema = list_of({"type": "string", "description": "An id or a name."})
WORDS: Schema = list_of(TEXT)
PERIOD: Schema = {"since": _MOMENT, "before": _MOMENT}
EVERYWHERE: Schema = {
    "page": _POSITIVE | {"description": "The number of a page, from 1 on."},
    "per_page": _POSITIVE | {"description": "How many elements a page has."},
    "q": {"type": "string", "description": "Words that all stand in the name."},
    "format": {"enum": ["json"], "description": "For people there is a page as well: api."},
    "project": NAMED,
}
"""What every list can be asked for. ``format`` chooses between JSON and the page for people.
git-pw names its project whatever it asks for; accounts, for one, belong to none."""
IN_TEXTS: Schema = {
    "type": "string",
    "description": "Words that all stand in the name or, as whole words, in the text.",
}
CURSOR: Schema = {
    "type": "string",
    "description": "Behind where a page of the same order ended, as its headers say it.",
}


def known_names(given: QueryDict, known: Iterable[str]) -> None:
    """Refuse a filter that there is not: passed over, it would answer everything."""
    allowed = sorted(known)
    for name in given:
        if name not in allowed:
            filters = ", ".join(allowed)
            raise parameters.wrong(name, f"There is no such filter; there are: {filters}.")


def projects(asked: Asked, rows: QuerySet[Row], field: str = "project") -> QuerySet[Row]:
    return _among(asked, "project", rows, field, Project.objects.all(), "linkname")


def submitters(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    return _among(asked, "submitter", rows, "submitter", Person.objects.all(), "email_key")


def accounts(asked: Asked, name: str, rows: QuerySet[Row]) -> QuerySet[Row]:
    return _among(asked, name, rows, name, get_user_model().objects.all(), "username")


def states(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    words = asked.texts("state")
    if not words:
        return rows
    ids = dict(State.objects.values_list("slug", "pk"))
    for word in words:
        if word not in ids:
            raise parameters.unknown("state", word, ids)
    return _one_of(rows, "state", [ids[word] for word in words])


def series(asked: Asked) -> list[int]:
    """Series of this dialect, by their ids; empty when none were asked for."""
    ids = [parameters.as_integer("series", value) for value in asked.texts("series")]
    if ids:
        found = posted().filter(pk__in=ids)
        _all_found("series", ids, found.values_list("pk", flat=True))
    return ids


def one_of_ids(
    asked: Asked, name: str, rows: QuerySet[Row], of: QuerySet[Model], field: str = ""
) -> QuerySet[Row]:
    """The rows about something that is asked for by its id alone."""
    ids = [parameters.as_integer(name, value) for value in asked.texts(name)]
    if not ids:
        return rows
    _all_found(name, ids, of.filter(pk__in=ids).values_list("pk", flat=True))
    return _one_of(rows, field or name, ids)


def with_msgid(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those that came with these Message-IDs, given with or without their brackets.

    Message-IDs are looked up project by project: there is no index of them all.
    """
    msgids = [bracketed(msgid) for msgid in asked.every("msgid")]
    if not msgids:
        return rows
    everywhere = list(Project.objects.values_list("pk", flat=True))
    return rows.filter(mail__project__in=everywhere, mail__msgid__in=msgids)


def period(asked: Asked, rows: QuerySet[Row], field: str = "date") -> QuerySet[Row]:
    """From ``since`` on, up to but without ``before``."""
    conditions = {"since": "gte", "before": "lt"}
    for name, condition in conditions.items():
        moment: datetime | None = asked.moment(name)
        if moment is not None:
            rows = rows.filter(**{f"{field}__{condition}": moment})
    return rows


def _among(
    asked: Asked, name: str, rows: QuerySet[Row], field: str, of: QuerySet[Model], key: str
) -> QuerySet[Row]:
    """The rows of things asked for by ids or by names."""
    values = asked.texts(name)
    if not values:
        return rows
    numbers = [parameters.as_integer(name, value) for value in values if parameters.is_id(value)]
    keys = [email_key(value) if key == "email_key" else value for value in values]
    found = list(of.filter(Q(pk__in=numbers) | Q(**{f"{key}__in": keys})).values_list("pk", key))
    known = {str(each) for pair in found for each in pair}
    for value, named in zip(values, keys, strict=True):
        if value not in known and named not in known:
            raise parameters.wrong(name, f"There is no {name} {parameters.shown(value)} here.")
    return _one_of(rows, field, [pk for pk, _ in found])


def _one_of(rows: QuerySet[Row], field: str, ids: list[int]) -> QuerySet[Row]:
    if len(ids) == 1:
        return rows.filter(**{f"{field}_id": ids[0]})
    return rows.filter(**{f"{field}_id__in": ids})


def _all_found(name: str, ids: Iterable[int], found: Iterable[int]) -> None:
    missing = set(ids) - set(found)
    if missing:
        raise parameters.wrong(name, f"There is no {name} {min(missing)} here.")
