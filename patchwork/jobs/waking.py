# SPDX-License-Identifier: GPL-2.0-or-later
"""Letting an idle worker know at once that there is something to do.

PostgreSQL tells those who LISTEN. SQLite's file shows cheaply that somebody has committed. MariaDB
has to be asked. All are asked once in a while besides, so nothing depends on a signal.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections

from patchwork.jobs.leasing import seconds_until_due

CHANNEL = "patchwork_jobs"

ASK_SECONDS = {"postgresql": 1.0, "sqlite": 1.0, "mysql": 0.1}
"""How long an idle worker goes without asking."""
BUSY_SECONDS = 0.2
"""Somebody has been told of what is due; let them take it."""
GLANCE_SECONDS = 0.02
"""How often SQLite's file is looked at: a few microseconds each."""

logger = logging.getLogger("patchwork.jobs")


class Alarm:
    """Wakes those who have found nothing to do."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.rung = 0

    def ring(self) -> None:
        with self._condition:
            self.rung += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Until it rings, or has rung since ``seen``."""
        with self._condition:
            self._condition.wait_for(lambda: self.rung != seen, seconds)


_alarms: WeakSet[Alarm] = WeakSet()


def announce(queue: str, ids: Sequence[int]) -> None:
    """Called after a commit that has made jobs runnable."""
    for alarm in tuple(_alarms):
        alarm.ring()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, queue])


class Lookout(threading.Thread):
    """Rings the alarm whenever there may be something to do, for as long as it runs."""

    def __init__(self, alarm: Alarm, queues: Sequence[str], stop: threading.Event) -> None:
        super().__init__(name="lookout", daemon=True)
        self.alarm = alarm
        self._queues = queues
        self._stop_asked = stop
        waits: dict[str, Callable[[float], bool]] = {
            "postgresql": self._listen,
            "sqlite": self._glance,
            "mysql": self._stop_asked.wait,
        }
        self._wait = waits[connection.vendor]
        self._listening: Any = None
        _alarms.add(alarm)

    def run(self) -> None:
        patience = 0.0
        while not self._stop_asked.is_set():
            try:
                if self._wait(patience):
                    self.alarm.ring()
                due = seconds_until_due(self._queues)
            except Error as error:
                logger.warning("the database does not answer: %s", error)
                self._hang_up()
                self._stop_asked.wait(1)
                continue
            if due == 0:
                self.alarm.ring()
            patience = self._patience(due)
        self._hang_up()

    def _patience(self, due: float | None) -> float:
        longest = ASK_SECONDS[connection.vendor]
        return longest if due is None else min(longest, due or BUSY_SECONDS)

    def _hang_up(self) -> None:
        listening, self._listening = self._listening, None
        if listening:
            listening.close()
        connections.close_all()

    def _listen(self, seconds: float) -> bool:
        if self._listening is None:
            self._listening = connections.create_connection(DEFAULT_DB_ALIAS)
            with self._listening.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            # What was announced before we listened is due already.
            return True
        # A new connection raises what Django's cursors would have turned into its own errors.
        with self._listening.wrap_database_errors:
            told = self._listening.connection.notifies(timeout=seconds, stop_after=1)
            return any(not self._queues or tell.payload in self._queues for tell in told)

    def _glance(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        before = self._data_version()
        while time.monotonic() < end and not self._stop_asked.is_set():
            if self._data_version() != before:
                return True
            time.sleep(GLANCE_SECONDS)
        return False

    def _data_version(self) -> int:
        """Another number than before if another connection has committed meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            return int(cursor.fetchone()[0])
