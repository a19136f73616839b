# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mailing lists a mail came through, by what the lists wrote into it."""

from __future__ import annotations

from functools import lru_cache

from patchwork.mail.charset import one_line
from patchwork.mail.headers import Headers

LIST_HEADERS = ("list-id", "x-mailing-list", "x-list", "x-beenthere", "list-post")
"""The most trustworthy first."""
VALUE_LIMIT = 1_000
NAME_LIMIT = 255
HEADER_COUNT_LIMIT = 10


def list_ids(headers: Headers) -> tuple[str, ...]:
    """What the list headers name, lower case, each once."""
    values: tuple[str, ...] = ()
    for header in LIST_HEADERS:
        values += headers.every(header, VALUE_LIMIT, HEADER_COUNT_LIMIT)
    return _names(values)


@lru_cache(maxsize=256)
def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_name, values))))


def _name(value: str) -> str:
    """``test.example.com`` out of ``The list <test.example.com>``, ``<mailto:...>`` or bare."""
    before, bracket, rest = value.rpartition("<")
    name = rest.partition(">")[0] if bracket else before or rest
    name = name.strip().lower().removeprefix("mailto:").partition("?")[0]
    return one_line(name, NAME_LIMIT) if name and len(name.split()) == 1 else ""
