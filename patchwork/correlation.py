# SPDX-License-Identifier: GPL-2.0-or-later
"""What belongs together: one id from a mail or webhook that comes in to the last thing it causes.

Whoever takes something in carries a new id; jobs, events and mails keep the one that was carried
when they were written, and whoever works on them later carries it on. Log lines show it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_LENGTH = 40

_carried: ContextVar[str] = ContextVar("correlation", default="")


def current() -> str:
    """The id that is carried; empty when nothing came in."""
    return _carried.get()


def new() -> str:
    return secrets.token_hex(8)


@contextmanager
def carried(correlation: str = "") -> Iterator[str]:
    """Carry this id, or a new one, for a while."""
    correlation = correlation or new()
    token = _carried.set(correlation)
    try:
        yield correlation
    finally:
        _carried.reset(token)
