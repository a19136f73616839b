# SPDX-License-Identifier: GPL-2.0-or-later
"""What addresses of this dialect ask for: things by id or by name, periods, words.

A name that nobody has is told; else a typing mistake would look like an empty tracker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Lower
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


def projects(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    return _one_of(rows, "project", known_projects(asked))


def known_projects(asked: Asked) -> list[int]:
    """The ids of those that are asked for. Lists of what belongs to no project look at it as well,
    so that a typing mistake is told everywhere."""
    return _known(asked, "project", Project.objects.all(), "linkname")


def submitters(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    found = _known(asked, "submitter", Person.objects.all(), "email_key")
    return _one_of(rows, "submitter", found)


def accounts(asked: Asked, name: str, rows: QuerySet[Row]) -> QuerySet[Row]:
    return _one_of(rows, name, _known(asked, name, get_user_model().objects.all(), "username"))


def states(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    return _one_of(rows, "state", [state.pk for state in states_called(asked.texts("state"))])


def states_called(words: Sequence[str]) -> list[State]:
    """By their slugs, by their names in any case, or by their ids."""
    if not words:
        return []
    known = list(State.objects.all())
    slugs = {state.slug: state for state in known}
    names = {state.name.lower(): state for state in known}
    by_word = {str(state.pk): state for state in known} | names | slugs
    for word in words:
        if word.lower() not in by_word:
            raise parameters.unknown("state", word, slugs)
    return [by_word[word.lower()] for word in words]


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


def _known(asked: Asked, name: str, of: QuerySet[Model], key: str) -> list[int]:
    """The ids of what is asked for by ids or by names; empty when nothing is.

    A name may be written in any case, unless something else is called exactly so.
    """
    values = asked.texts(name)
    if not values:
        return []
    keys = [email_key(value) if key == "email_key" else value for value in values]
    numbers = [int(value) for value in values if parameters.is_id(value)]
    found = _ids_by_name(of.filter(Q(pk__in=numbers) | Q(**{f"{key}__in": keys})), key)
    if key != "email_key" and (missing := _missing(keys, found)):
        # MariaDB compares columns byte for byte that are declared so, "iexact" or not.
        alike = of.alias(lower=Lower(key)).filter(lower__in=[word.lower() for word in missing])
        found |= _ids_by_name(alike, key)
    if missing := _missing(keys, found):
        raise parameters.wrong(name, f"There is no {name} {parameters.shown(missing[0])} here.")
    return list(found)


def _ids_by_name(rows: QuerySet[Model], key: str) -> dict[int, str]:
    return dict(rows.values_list("pk", key))


def _missing(keys: Iterable[str], found: Mapping[int, str]) -> list[str]:
    known = {word for pk, named in found.items() for word in (str(pk), named.lower())}
    return [key for key in keys if key.lower() not in known]


def _one_of(rows: QuerySet[Row], field: str, ids: Sequence[int]) -> QuerySet[Row]:
    """Those of one of these things; all rows if there is none of them."""
    if not ids:
        return rows
    if len(ids) == 1:
        return rows.filter(**{f"{field}_id": ids[0]})
    return rows.filter(**{f"{field}_id__in": ids})


def _all_found(name: str, ids: Iterable[int], found: Iterable[int]) -> None:
    missing = set(ids) - set(found)
    if missing:
        raise parameters.wrong(name, f"There is no {name} {min(missing)} here.")
