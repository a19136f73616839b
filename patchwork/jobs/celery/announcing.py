# SPDX-License-Identifier: GPL-2.0-or-later
"""Telling the broker of jobs that may run.

Nobody depends on it: beat finds by the rows what was not told, or got lost. So a broker that is
away costs those who queue jobs a moment, once in a while, and a message need not be kept on disk.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from kombu import Producer
from kombu.exceptions import KombuError

from patchwork.jobs.celery.app import app, broker_queue
from patchwork.jobs.celery.running import run

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
SILENCE_SECONDS = 10.0
"""For so long after a failure nobody tries again."""

_IMPATIENT = {
    "read_timeout": ANSWER_SECONDS,
    "write_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": ANSWER_SECONDS,
    "max_retries": 0,
}
"""Options of AMQP, of Redis and of both: each takes no notice of the other's."""
_NOT_ON_DISK = 1

Answer = TypeVar("Answer")

logger = logging.getLogger("patchwork.jobs")


def announce(queue: str, ids: Sequence[int]) -> None:
    """Called after a commit that has made jobs runnable."""
    destination = broker_queue(queue)

    def tell(producer: Producer) -> None:
        for job_id in ids:
            run.apply_async(
                (job_id,),
                queue=destination,
                producer=producer,
                retry=False,
                delivery_mode=_NOT_ON_DISK,
            )

    line().use(tell)


def waiting_messages(queue: str) -> int | None:
    """How many jobs of a queue the broker has told nobody of yet; None if it does not answer.

    Makes the queue if it is missing.
    """
    destination = broker_queue(queue)

    def ask(producer: Producer) -> int:
        declared = destination(producer.channel).queue_declare()
        return int(declared.message_count)

    return line().use(ask)


class Line:
    """A process's connection to the broker. One at a time uses it, for a moment."""

    def __init__(self) -> None:
        self._connection = app.connection_for_write(
            connect_timeout=CONNECT_SECONDS, transport_options=_IMPATIENT
        )
        self._failures = (
            *(KombuError, OSError),
            *self._connection.connection_errors,
            *self._connection.channel_errors,
        )
        self._producer: Producer | None = None
        self._lock = threading.Lock()
        self._silent_until = 0.0
        self._is_down = False

    def use(self, action: Callable[[Producer], Answer]) -> Answer | None:
        """What the action answers; None if the broker is away."""
        if not self._lock.acquire(timeout=ANSWER_SECONDS):
            return None
        try:
            if time.monotonic() < self._silent_until:
                return None
            return self._use(action)
        finally:
            self._lock.release()

    def _use(self, action: Callable[[Producer], Answer]) -> Answer | None:
        if self._producer:
            try:
                return action(self._producer)
            except self._failures:
                # The broker may have been started again since the line was used last.
                self._hang_up()
        try:
            self._producer = self._connected()
            answer = action(self._producer)
        except self._failures as error:
            self._hang_up()
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            if not self._is_down:
                logger.warning("the broker is away, beat will tell it of jobs later: %s", error)
            self._is_down = True
            return None
        if self._is_down:
            logger.info("the broker is back")
        self._is_down = False
        return answer

    def _connected(self) -> Producer:
        # Where there are several brokers, each of them is asked once.
        others = len(self._connection.alt or [None]) - 1
        self._connection.ensure_connection(max_retries=others, interval_start=0, interval_step=0)
        return Producer(self._connection, auto_declare=False)

    def _hang_up(self) -> None:
        self._producer = None
        self._connection.collect()


_lines: dict[int, Line] = {}
"""By process: what a process has inherited by a fork is its parent's, and stays untouched."""


def line() -> Line:
    return _lines.setdefault(os.getpid(), Line())
