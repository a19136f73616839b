# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to be done now and then where Celery runs the jobs: queue what recurs, and tell the
broker of jobs that it does not know of.

Beat does that itself. It would be of little use to ask a worker by a message: it is needed most
when messages are lost, or when all workers are busy. Several beats do no harm: what recurs is
queued once, and a message too many is one that a worker drops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from celery.beat import Scheduler

from patchwork.databases import now, seconds_from_now, select, table
from patchwork.jobs import attendance, periodic
from patchwork.jobs.celery.announcing import announce, waiting_messages
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.worker import ROUND_SECONDS, Round

SWEEP_SECONDS = 1.0
PERIODIC_SECONDS = 1.0
FORGOTTEN_SECONDS = 2.0
"""A job that has been due for so long, and of which there may be no message."""
MOST = 500
"""Jobs that one sweep tells of, for each queue."""

_more: list[tuple[Callable[[], object], float]] = []


def do_besides(action: Callable[[], object], every: float) -> None:
    """Let beat do something else as well, every so many seconds."""
    _more.append((action, every))


class Sweep:
    """Tells the broker of jobs that are due and that it does not know of.

    Those that are to be tried again, or were not to run before their time, are told of once, when
    their time has come: nobody else does it. Jobs that were told of when they were queued are told
    of again if fewer messages wait than jobs, oldest first, for then some have been lost. While
    messages wait for every job nothing is sent, however long the jobs have to wait.
    """

    def __init__(self) -> None:
        self._told_until: Any = None

    def sweep(self) -> None:
        self._tell_whose_time_has_come()
        for queue, jobs in _due():
            messages = waiting_messages(queue)
            if messages is not None and messages < jobs:
                announce(queue, _forgotten(queue))

    def _tell_whose_time_has_come(self) -> None:
        since, values = (
            ("", []) if self._told_until is None else ("due > %s AND", [self._told_until])
        )
        rows = select(
            f"SELECT id, queue, due FROM {table(Job)} WHERE {since} due <= {now()} "  # noqa: S608
            "AND (state <> %s OR run_after IS NOT NULL) ORDER BY due, id LIMIT %s",
            [*values, JobState.QUEUED.value, MOST],
        )
        queues = sorted({queue for _, queue, _ in rows})
        for queue in queues:
            announce(queue, [job_id for job_id, its_queue, _ in rows if its_queue == queue])
        if rows:
            self._told_until = rows[-1][2]


def _due() -> Sequence[tuple[str, int]]:
    """How many jobs wait for a worker now, by queue."""
    statement = f"FROM {table(Job)} WHERE due <= {now()} GROUP BY queue ORDER BY queue"
    return select(f"SELECT queue, COUNT(*) {statement}", [])


def _forgotten(queue: str) -> list[int]:
    rows = select(
        f"SELECT id FROM {table(Job)} WHERE queue = %s AND due <= {seconds_from_now()} "  # noqa: S608
        "ORDER BY due, id LIMIT %s",
        [queue, -FORGOTTEN_SECONDS, MOST],
    )
    return [job_id for (job_id,) in rows]


class Beat(Scheduler):
    """Celery's beat, whose every tick is a look at what is to be done by now."""

    def setup_schedule(self) -> None:
        periodic.provide()
        attendance.forget_the_vanished()
        doings = [
            (periodic.queue_due, PERIODIC_SECONDS),
            (Sweep().sweep, SWEEP_SECONDS),
            *_more,
        ]
        self._rounds = [Round(action, every) for action, every in doings]

    def tick(self, **options: Any) -> float:
        for each in self._rounds:
            each.go()
        return ROUND_SECONDS
