# SPDX-License-Identifier: GPL-2.0-or-later
"""What a request asks for, read strictly: a word that means nothing here is told, with those that
do. A filter that is passed over would answer everything to somebody who asked for a part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.exceptions import ValidationError

LARGEST_ID = 2**63 - 1
"""What every database can look up."""
_LONGEST_ID = len(str(LARGEST_ID))
LONGEST_TEXT = 500

FLAGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""What clients of both families write for true and false, in any case."""


class Asked:
    """The parameters of an address, by name; one that is empty was not given."""

    def __init__(self, parameters: QueryDict) -> None:
        self._parameters = parameters

    def text(self, name: str) -> str:
        text = _searchable(name, self._parameters.get(name, "").strip())
        if len(text) > LONGEST_TEXT:
            raise wrong(name, f"It has more than {LONGEST_TEXT} characters.")
        return text

    def every(self, name: str) -> list[str]:
        """Given several times; for what may have commas in it."""
        given = (_searchable(name, value.strip()) for value in self._parameters.getlist(name))
        return [value for value in given if value]

    def texts(self, name: str) -> list[str]:
        """Given several times, or as a list with commas."""
        given = _searchable(name, ",".join(self._parameters.getlist(name))).split(",")
        return [value.strip() for value in given if value.strip()]

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        return None if not value else as_integer(name, value)

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if not value:
            return None
        if value.lower() not in FLAGS:
            raise unknown(name, value, ("true", "false"))
        return FLAGS[value.lower()]

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        return None if not value else as_moment(name, value)

    def word(self, name: str, allowed: Iterable[str]) -> str:
        """One of a closed list, or nothing."""
        value = self.text(name)
        if value and value not in (known := list(allowed)):
            raise unknown(name, value, known)
        return value

    def words(self, name: str, allowed: Iterable[str]) -> list[str]:
        known = list(allowed)
        values = self.texts(name)
        for value in values:
            if value not in known:
                raise unknown(name, value, known)
        return values


def _searchable(name: str, value: str) -> str:
    if "\0" in value:
        raise wrong(name, "A NUL character cannot be searched for.")
    return value


def is_id(written: str) -> bool:
    """Whether it can be the id of something. Python reads no number of thousands of digits."""
    is_number = written.isascii() and written.isdecimal() and len(written) <= _LONGEST_ID
    return is_number and int(written) <= LARGEST_ID


def as_integer(name: str, value: str) -> int:
    """A number as it stands in an address."""
    if not is_id(value):
        raise wrong(name, f"{shown(value)} is not a number.")
    return int(value)


def as_moment(name: str, value: str) -> datetime:
    """ISO 8601: a date alone is its beginning; without an offset it is UTC."""
    try:
        # A plus sign that nobody has quoted arrives as a blank.
        moment = parse_datetime(value) or parse_datetime(value.replace(" ", "+"))
        day: date | None = None if moment else parse_date(value)
    except ValueError:
        moment = day = None
    if day is not None:
        moment = datetime.combine(day, time.min)
    if moment is None:
        raise wrong(name, f"{shown(value)} is not a date: give it as 2026-11-20T14:30:00.")
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise wrong(name, f"{shown(value)} is beyond all calendars.") from error


def wrong(name: str, words: str) -> ValidationError:
    return ValidationError({name: [words]})


def unknown(name: str, value: str, allowed: Iterable[str]) -> ValidationError:
    """A word that is not among those that are allowed, which are told."""
    known = ", ".join(sorted(allowed))
    return wrong(name, f"{shown(value)} is none of: {known}.")


def shown(value: str) -> str:
    printable = "".join(each if each.isprintable() else "?" for each in value[:100])
    return f'"{printable}"'


def without(parameters: QueryDict, **changes: str | None) -> str:
    """The same parameters with some changed, or (None) left out, as they stand in an address."""
    kept = parameters.copy()
    for name, value in changes.items():
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return kept.urlencode()
