# SPDX-License-Identifier: GPL-2.0-or-later
"""Dates of mails: what RFC 2822 says, and what senders make of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from functools import lru_cache

DATE_LIMIT = 100
FIRST_YEAR, LAST_YEAR = 1970, 2100
FARTHEST_ZONE = timedelta(hours=24)
USUAL = re.compile(
    r"(?:[A-Z][a-z]{2}, )? ?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    r" ([+-]\d\d\d\d)"
)
ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)}


def parse(value: str) -> datetime | None:
    """The moment ``value`` names, in UTC; None when it names none between 1970 and 2100."""
    value = value[:DATE_LIMIT].strip()
    try:
        return _within_range(_parse_usual(value) or _parse_iso(value) or _parse_odd(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _within_range(moment: datetime | None) -> datetime | None:
    return moment if moment and FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _parse_usual(value: str) -> datetime | None:
    """``Mon, 1 Jan 2024 00:17:01 +0000``, as nearly all senders write it."""
    usual = USUAL.match(value)
    if not usual or usual[2] not in MONTHS:
        return None
    day, year, hour, minute, second = map(int, usual.group(1, 3, 4, 5, 6))
    return _utc((year, MONTHS[usual[2]], day, hour, minute, second), _offset(usual[7]))


@lru_cache(maxsize=256)
def _offset(zone: str) -> timedelta:
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    return -ahead if zone[0] == "-" else ahead


def _parse_iso(value: str) -> datetime | None:
    if not ISO.match(value):
        return None
    moment = datetime.fromisoformat(value.replace(" +", "+").replace(" -", "-"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _parse_odd(value: str) -> datetime | None:
    fields = parsedate_tz(value)
    if fields is None:
        return None
    year, month, day, hour, minute, second = fields[:6]
    return _utc((year, month, day, hour, minute, second), timedelta(seconds=fields[9] or 0))


def _utc(local: tuple[int, int, int, int, int, int], offset: timedelta) -> datetime | None:
    """The moment ``local`` is ``offset`` ahead of UTC; a senseless offset means none."""
    year, month, day, hour, minute, second = local
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return moment - offset if abs(offset) < FARTHEST_ZONE else moment
