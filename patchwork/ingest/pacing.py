# SPDX-License-Identifier: GPL-2.0-or-later
"""A bulk writer that leaves the database to others.

SQLite has one lock for all writers and no queue at it: whoever waits looks again every now and
then, and meets a bulk writer's next transaction each time. So a bulk writer holds the lock for a
moment only, and then stays away for another, long enough for everybody who waits to look. What it
does without the lock (reading the next mails) counts as staying away. Servers queue their writers
by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

HOLD_SECONDS = 0.050
"""No transaction of a bulk writer is to be longer. Shorter ones are not kinder: the fixed costs of
a transaction are a good part of them, and there are more of them."""
AWAY_SECONDS = 0.040
"""Staying away longer gains nobody anything: who has waited for less than 180 ms looks again after
25 ms at most."""
AIM_SECONDS = 0.8 * HOLD_SECONDS
"""Transactions of equal size are not of equal length."""
LEAST_SIZE = 40
"""Smaller ones would hold the lock for hardly less time, and for more of it in all: a transaction
costs as much as a few dozen mails in it."""
FAR_TOO_LONG_SECONDS = 4 * HOLD_SECONDS
"""Unless the mails themselves are what takes so long."""


class Pace:
    """How many mails the next transaction may have, and when it may begin."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._connection = connection
        self._shares = connection.vendor == "sqlite"
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._began: float | None = None
        self._ended = 0.0
        self._owed = 0.0
        self._held = 0.0
        self.size = min(LEAST_SIZE, most) if self._shares else most

    @contextmanager
    def batch(self, count: int) -> Iterator[None]:
        """Around storing ``count`` mails: waits before each transaction, learns from its length."""
        self._held = 0.0
        watching = self._connection.execute_wrapper(self._watch) if self._shares else nullcontext()
        try:
            with watching:
                yield
        finally:
            self._end()
        if self._held:
            self._adapt(count)

    def _watch(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if not sql.startswith("BEGIN"):
            return execute(sql, params, many, context)
        self._end()
        self._rest()
        answer = execute(sql, params, many, context)
        self._began = self._clock()
        return answer

    def _end(self) -> None:
        """The lock is free (or just about to be): note for how long it was held."""
        if self._began is None:
            return
        self._ended = self._clock()
        held = self._ended - self._began
        self._held += held
        self._owed = min(held, AWAY_SECONDS)
        self._began = None

    def _rest(self) -> None:
        debt = self._owed - (self._clock() - self._ended)
        if debt > 0:
            self._sleep(debt)

    def _adapt(self, count: int) -> None:
        fitting = int(count * AIM_SECONDS / self._held)
        least = 1 if self._held > FAR_TOO_LONG_SECONDS else LEAST_SIZE
        self.size = min(max(fitting, least), 2 * self.size, self._most)
