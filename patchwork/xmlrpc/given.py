# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters, read strictly: what means nothing here is told, and never passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from xmlrpc.client import Fault

from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime

from patchwork.tracking.queries import lookups
from patchwork.xmlrpc.wire import WRONG_PARAMETERS

LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 1_000
LONGEST_LIST = 1_000

_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_TEXTS = frozenset(
    {"exact", "iexact", "contains", "icontains", "startswith", "istartswith"}
    | {"endswith", "iendswith", "in"}
)
_NUMBERS = frozenset({"exact", "in", "gt", "gte", "lt", "lte"})
_MOMENTS = frozenset({"exact", "gt", "gte", "lt", "lte", "range"})
# The years before and after have to be years as well, in every time zone.
_PARTS = {"year": range(2, 9_999), "month": range(1, 13), "day": range(1, 32)}

Read = Callable[[str, Any], Any]


def wrong(name: str, words: str) -> Fault:
    return Fault(WRONG_PARAMETERS, f"{name}: {words}")


def unknown(kind: str, name: object, known: Iterable[str]) -> Fault:
    written = f"{name}"[:100]
    return Fault(WRONG_PARAMETERS, f"No {kind} {written!r}: there are {', '.join(sorted(known))}.")


def text(name: str, value: Any, longest: int = LONGEST_TEXT) -> str:
    """None is an empty one: newer clients leave a search out like that."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(name, "has to be a text.")
    if len(value) > longest:
        raise wrong(name, f"is too long: {longest:,} characters are the most.")
    return value


def number(name: str, value: Any) -> int:
    """Some clients send what they were given on the command line."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise wrong(name, "has to be a number.")
    return value


def amount(name: str, value: Any) -> int:
    """How many at most, below 0 of the last ones; 0 and None for no limit."""
    if value is None:
        return 0
    if isinstance(value, int) and value < 0:
        return -number(name, -value)
    return number(name, value)


def flag(name: str, value: Any) -> bool:
    known = _FLAGS.get(str(value).lower())
    if known is None:
        raise wrong(name, "has to be true or false, yes or no.")
    return known


def moment(name: str, value: Any) -> datetime:
    """Without an offset it is UTC; a day alone is its beginning."""
    parsed: date | None = value if isinstance(value, datetime) else None
    if isinstance(value, str):
        try:
            parsed = parse_datetime(value) or parse_date(value)
        except ValueError:
            parsed = None
    if parsed is None:
        raise wrong(name, "has to be a date: 2026-11-20 or 2026-11-20T14:30:00.")
    if not isinstance(parsed, datetime):
        parsed = datetime(parsed.year, parsed.month, parsed.day)  # noqa: DTZ001 (told just below)
    try:
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except OverflowError:
        raise wrong(name, "is beyond all calendars.") from None


def struct(name: str, value: Any) -> Mapping[str, Any]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise wrong(name, "has to be a struct.")
    return value


FIELDS: Mapping[str, tuple[frozenset[str], Read]] = {
    "id": (_NUMBERS, number),
    "name": (_TEXTS, text),
    "date": (_MOMENTS | _PARTS.keys(), moment),
    "hash": (_TEXTS, text),
    "commit_ref": (_TEXTS, text),
    "msgid": (_TEXTS, text),
    "archived": (frozenset({"exact"}), flag),
    "project_id": (_NUMBERS, number),
    "state_id": (_NUMBERS, number),
    "submitter_id": (_NUMBERS, number),
}
"""By what patches can be found, how it can be compared, and what it is compared with."""
BEYOND_FIELDS: Mapping[str, Callable[[int], Q]] = {
    "delegate_id": lookups.delegated_to,
    "series": lookups.in_revision,
}
"""By what else: the id of a person, of a series."""


def patch_condition(key: str, value: Any) -> Q:
    """``name__icontains`` and its like, as a condition."""
    if key in BEYOND_FIELDS:
        return BEYOND_FIELDS[key](number(key, value))
    field, _, comparison = key.partition("__")
    if field not in FIELDS:
        raise unknown("filter", key, [*FIELDS, *BEYOND_FIELDS, "max_count"])
    comparisons, read = FIELDS[field]
    if (comparison := comparison or "exact") not in comparisons:
        raise unknown(f"comparison of {field}", comparison, comparisons)
    if comparison in _PARTS:
        part = number(key, value)
        if part not in _PARTS[comparison]:
            raise wrong(key, "is beyond all calendars.")
        return lookups.condition(field, comparison, part)
    if comparison in ("in", "range"):
        return lookups.condition(field, comparison, list(_each(key, value, comparison, read)))
    return lookups.condition(field, comparison, read(key, value))


def _each(key: str, values: Any, comparison: str, read: Read) -> Iterator[Any]:
    if not isinstance(values, list) or len(values) > LONGEST_LIST:
        raise wrong(key, f"has to be an array of no more than {LONGEST_LIST}.")
    if comparison == "range" and len(values) != 2:
        raise wrong(key, "has to be an array of two.")
    for value in values:
        yield read(key, value)
