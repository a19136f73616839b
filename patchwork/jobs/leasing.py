# SPDX-License-Identifier: GPL-2.0-or-later
"""Who works on what: taking jobs, keeping them, and recording how they ended.

A worker takes some jobs at a time, and holds them by leases that its heartbeat extends. A job is
begun in the same transaction that records the end of the one before it: so a quick job costs one
commit, and whoever is killed leaves one job at most that has been begun. Jobs whose lease has run
out are due again, and taken like any other. All by the database's clock.

Every record is fenced: it says which worker's which attempt it is of, and changes nothing when
somebody else has taken the job over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from patchwork.databases import column, now, places, seconds_from_now, select, table
from patchwork.jobs.announcing import announce
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.queueing import lock_key, pass_on, release_key
from patchwork.jobs.tasks import LostLease

VANISHED = "Its worker was not heard of any more."

_READ = ("id", "name", "queue", "arguments", "attempts", "key", "correlation")
_WAITING = (JobState.QUEUED.value, JobState.RETRY.value)

logger = logging.getLogger("patchwork.jobs")


@dataclass(slots=True)
class Held:
    """A job in the hands of a worker."""

    id: int
    name: str
    queue: str
    arguments: dict[str, Any]
    attempts: int
    key: str
    correlation: str
    worker: str
    is_recorded: bool = False
    """The task has recorded its end itself."""

    def __str__(self) -> str:
        return f"job {self.id}: {self.name}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended."""

    held: Held
    state: JobState
    error: str = ""
    traceback: str = ""
    result: Any = None
    retry_in: float | None = None
    """Seconds until the next attempt."""
    passes_on: bool = True
    """Whether the next one of its key may go."""


@dataclass(slots=True)
class Grip:
    """What one worker holds, and the transactions by which it moves on.

    It runs one job at a time; the others it holds are taken beforehand, as many as it does
    quickly.
    """

    worker: str
    queues: Sequence[str] = ()
    waiting: list[Held] = field(default_factory=list)

    def move_on(self, ended: Ended | None, take: int) -> Held | None:
        """Record an end, and begin the next job, if there is one: in one transaction."""
        with transaction.atomic():
            passed = record_if_ours(ended) if ended else []
            waiting = self.waiting or _lease(self.worker, _wanted(self.queues), self.queues, take)
            begun, left = _begin_first(waiting)
            ours = {held.id for held in (begun, *left) if held}
            _announce([each for each in passed if each[0] not in ours])
        self.waiting = left
        return begun

    def leave(self, ended: Ended | None) -> None:
        """Record an end, and begin nothing any more."""
        if ended:
            with transaction.atomic():
                _announce(record_if_ours(ended))
        self.give_back()

    def give_back(self) -> None:
        """Let others have what has not been begun."""
        if self.waiting:
            ids = [held.id for held in self.waiting]
            hand_back(self.worker, ids)
            announce(self.waiting[0].queue, ids)
            self.waiting = []


def is_anything_due(queues: Sequence[str] = ()) -> bool:
    return seconds_until_due(queues) == 0


def seconds_until_due(queues: Sequence[str] = ()) -> float | None:
    """When the next job will be due, as far as is known now; 0 if one is.

    Always by the order of an index: where nothing is due, PostgreSQL may believe that much is, and
    read all that is done to find the first one.
    """
    statement = {
        "postgresql": f"EXTRACT(EPOCH FROM due - {now()})",
        "mysql": f"TIMESTAMPDIFF(MICROSECOND, {now()}, due) / 1e6",
        "sqlite": f"(julianday(due) - julianday({now()})) * 86400.0",
    }[connection.vendor]
    rows = select(
        f"SELECT {statement} FROM {table(Job)} WHERE {_wanted(queues)} "  # noqa: S608
        "AND due IS NOT NULL ORDER BY due, id LIMIT 1",
        queues,
    )
    return max(0.0, float(rows[0][0])) if rows else None


def take_one(worker: str, job_id: int) -> Held | None:
    """Take and begin a certain job, if it is due and nobody else has it."""
    with transaction.atomic():
        begun, _ = _begin_first(_lease(worker, "id = %s", [job_id], 1))
    return begun


def extend(worker: str, ids: Collection[int]) -> None:
    """The heartbeat: what the worker holds stays its own for another while.

    A row that is locked is being begun or ended in this moment, which says until when it is held.
    Whoever does that may need the next one as well: waiting for him would be a deadlock.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        rows = select(
            f"SELECT id FROM {table(Job)} "  # noqa: S608 (names)
            f"WHERE id IN {places(ids)} AND worker = %s AND due IS NOT NULL {_skipping_locked()}",
            [*ids, worker],
        )
        cursor.execute(
            f"UPDATE {table(Job)} SET due = {seconds_from_now()} WHERE id IN {places(rows)}",  # noqa: S608
            [settings.JOB_LEASE_SECONDS, *(row[0] for row in rows)],
        )


def hand_back(worker: str, ids: Collection[int]) -> None:
    """What the worker has taken and not begun is due again at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table(Job)} SET due = {now()}, worker = '' "  # noqa: S608 (names)
            f"WHERE id IN {places(ids)} AND worker = %s AND state IN (%s, %s)",
            [*ids, worker, *_WAITING],
        )


def abandon(worker: str, job_id: int, seconds: float) -> None:
    """The worker ends in this moment, with the job begun: others may have it after a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table(Job)} SET due = {seconds_from_now()} "  # noqa: S608 (names)
            "WHERE id = %s AND worker = %s AND state = %s",
            [seconds, job_id, worker, JobState.RUNNING.value],
        )


def record(ended: Ended) -> list[tuple[int, str]]:
    """Write down how an attempt ended, and let the next one of its key go.

    Answers the id and queue of what may run now, which is to be announced unless we run it.
    Raises ``LostLease`` when the job is no longer ours; nothing is changed then.
    """
    held = ended.held
    if ended.state == JobState.RETRY:
        due, when = f"{seconds_from_now()}, worker = '', finished = NULL", [ended.retry_in or 0]
    else:
        due, when = f"NULL, finished = {now()}", []
    passes_on = held.key and ended.state != JobState.RETRY and ended.passes_on
    head = lock_key(held.key) if passes_on else None
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table(Job)} SET state = %s, error = %s, traceback = %s, "  # noqa: S608 (names)
            f"result = %s, due = {due} "
            "WHERE id = %s AND worker = %s AND attempts = %s AND state = %s",
            [
                ended.state.value,
                ended.error,
                ended.traceback,
                None if ended.result is None else json.dumps(ended.result),
                *when,
                held.id,
                held.worker,
                held.attempts,
                JobState.RUNNING.value,
            ],
        )
        if not cursor.rowcount:
            if passes_on and head is None:
                release_key(held.key)
            raise LostLease(f"{held} has been taken over by another worker")
    return pass_on(held.key, held.id, head) if passes_on else []


def record_if_ours(ended: Ended) -> list[tuple[int, str]]:
    """What others have taken over is theirs, and we go on."""
    try:
        return record(ended)
    except LostLease as error:
        logger.warning("%s; how our attempt ended is not recorded", error)
        return []


def finish(held: Held) -> None:
    """Record the job as done, in the transaction of the task itself."""
    _announce(record(Ended(held, JobState.DONE)))
    held.is_recorded = True


def _announce(runnable: Sequence[tuple[int, str]]) -> None:
    for job_id, queue in runnable:
        announce(queue, [job_id])


def _wanted(queues: Sequence[str]) -> str:
    return f"queue IN {places(queues)}" if queues else "1 = 1"


def _skipping_locked() -> str:
    """SQLite has one writer at a time, who needs no locks."""
    return "" if connection.vendor == "sqlite" else "FOR UPDATE SKIP LOCKED"


@lru_cache
def _columns() -> str:
    return ", ".join(column(Job, name) for name in _READ)


def _lease(worker: str, condition: str, values: Sequence[Any], count: int) -> list[Held]:
    """Lock what is due and nobody else is taking just now, and lease it."""
    rows = select(
        f"SELECT {_columns()} FROM {table(Job)} WHERE {condition} AND due <= {now()} "  # noqa: S608
        f"ORDER BY due, id LIMIT %s {_skipping_locked()}",
        [*values, count],
    )
    if not rows:
        return []
    # One that was running when its lease ran out is to be tried again, by us.
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table(Job)} SET worker = %s, due = {seconds_from_now()}, "  # noqa: S608
            "error = CASE WHEN state = %s THEN %s ELSE error END, "
            "state = CASE WHEN state = %s THEN %s ELSE state END "
            f"WHERE id IN {places(rows)}",
            [
                worker,
                settings.JOB_LEASE_SECONDS,
                *(JobState.RUNNING.value, VANISHED),
                *(JobState.RUNNING.value, JobState.RETRY.value),
                *(row[0] for row in rows),
            ],
        )
    return [
        Held(job_id, name, queue, _loaded(arguments), attempts, key, carried, worker)
        for job_id, name, queue, arguments, attempts, key, carried in rows
    ]


def _begin_first(waiting: Sequence[Held]) -> tuple[Held | None, list[Held]]:
    """Begin the first one that is still ours."""
    for place, held in enumerate(waiting):
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table(Job)} SET state = %s, attempts = attempts + 1, "  # noqa: S608
                f"started = {now()}, due = {seconds_from_now()} "
                "WHERE id = %s AND worker = %s AND state IN (%s, %s)",
                [
                    JobState.RUNNING.value,
                    settings.JOB_LEASE_SECONDS,
                    held.id,
                    held.worker,
                    *_WAITING,
                ],
            )
            if cursor.rowcount:
                return replace(held, attempts=held.attempts + 1), list(waiting[place + 1 :])
    return None, []


def _loaded(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str | bytes) else arguments
