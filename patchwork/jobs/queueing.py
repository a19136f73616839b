# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing jobs, in the transaction that decides on them.

A job of a key is queued if no other one of the key is unfinished, else it is blocked until its
turn comes: so those who look for work never see a job that may not run yet.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django_tasks.base import Task
from django_tasks.utils import normalize_json

from patchwork import correlation
from patchwork.databases import insert, now, select, table
from patchwork.jobs.announcing import announce
from patchwork.jobs.models import Job, JobKey, JobState
from patchwork.jobs.tasks import JobTask

DEEPEST = 30
"""MariaDB takes 32."""

Call = tuple[Sequence[Any], dict[str, Any]]

_COLUMNS = ("name", "queue", "arguments", "state", "correlation")
_LOCK_KEY = {
    "postgresql": "ON CONFLICT (name) DO UPDATE SET name = excluded.name",
    "sqlite": "ON CONFLICT (name) DO UPDATE SET name = excluded.name",
    "mysql": "ON DUPLICATE KEY UPDATE name = VALUES(name)",
}


def queue_calls(task: Task[Any, Any], calls: Sequence[Call]) -> list[int]:
    """Write a job for each call; answers their ids, in order."""
    if isinstance(task, JobTask) and (task.key or task.idempotency_key):
        with transaction.atomic():
            return [_queue_keyed(task, call) for call in calls]
    ids = _insert(task, calls)
    if ids and task.run_after is None:
        announce(task.queue_name, ids)
    return ids


def _queue_keyed(task: JobTask[Any, Any], call: Call) -> int:
    key, once = task.key_for(*call), task.idempotency_key_for(*call)
    if once and (known := _known(once)):
        return known
    if key:
        head = lock_key(key)
    try:
        with transaction.atomic(savepoint=bool(once)):
            [job_id] = _insert(task, [call], key=key, once=once, blocked=bool(key and head))
    except IntegrityError:
        # Somebody else queued it in this moment, and has committed.
        if known := _known(once):
            if key and not head:
                release_key(key)
            return known
        raise
    if key and not head:
        JobKey.objects.filter(pk=key).update(head=job_id)
    if not (key and head) and task.run_after is None:
        announce(task.queue_name, [job_id])
    return job_id


def _known(idempotency_key: str) -> int | None:
    return (
        Job.objects.filter(idempotency_key=idempotency_key).values_list("id", flat=True).first()
        if idempotency_key
        else None
    )


def _insert(
    task: Task[Any, Any],
    calls: Sequence[Call],
    *,
    key: str = "",
    once: str = "",
    blocked: bool = False,
) -> list[int]:
    state = JobState.BLOCKED if blocked else JobState.QUEUED
    carried = correlation.current() or correlation.new()
    more: dict[str, str | datetime | None] = {}
    if key:
        more["key"] = key
    if once:
        more["idempotency_key"] = once
    if blocked:
        more |= {"blocked_key": key, "due": None}
    if task.run_after is not None:
        more["run_after"] = task.run_after
        more.setdefault("due", task.run_after)
    # What is not named has its default in the database: above all ``due``, by its clock.
    rows = [
        (
            task.module_path,
            task.queue_name,
            _arguments(task, args, kwargs),
            state.value,
            carried,
            *more.values(),
        )
        for args, kwargs in calls
    ]
    return insert(Job, [*_COLUMNS, *more], rows)


def _arguments(task: Task[Any, Any], args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """As every database takes them; whoever queues what one of them refuses is told at once."""
    arguments = {"args": normalize_json(args), "kwargs": normalize_json(kwargs)}
    try:
        text = json.dumps(arguments, allow_nan=False, ensure_ascii=False)
        text.encode()
        if "\\u0000" in text:
            raise ValueError("a text has a NUL character")
        if _depth(arguments) > DEEPEST:
            raise ValueError(f"they are nested more than {DEEPEST} deep")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{task.module_path} cannot be queued with these: {error}") from error
    return arguments


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def lock_key(key: str) -> int | None:
    """Lock the key until the transaction ends; answers which job goes first, if there is one.

    Whoever changes jobs of a key locks it before the jobs: so nobody waits for each other.
    """
    statement = (
        f"INSERT INTO {table(JobKey)} (name) VALUES (%s) "  # noqa: S608 (names)
        f"{_LOCK_KEY[connection.vendor]} RETURNING head"
    )
    [(head,)] = select(statement, [key])
    return None if head is None else int(head)


def pass_on(key: str, ended: int, head: int | None) -> list[tuple[int, str]]:
    """Let the next one of the key go; answers the id and queue of what is runnable now.

    ``head`` is what locking the key has answered. Nothing happens if the job that ended was not
    the one that the others waited for.
    """
    if head is None:
        release_key(key)
    if head != ended:
        return []
    following = select(
        f"SELECT id, queue, run_after FROM {table(Job)} "  # noqa: S608 (names)
        "WHERE blocked_key = %s ORDER BY id LIMIT 1",
        [key],
    )
    if not following:
        release_key(key)
        return []
    [(job_id, queue, run_after)] = following
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table(Job)} SET state = %s, blocked_key = NULL, "  # noqa: S608 (names)
            f"due = COALESCE(run_after, {now()}) WHERE id = %s",
            [JobState.QUEUED.value, job_id],
        )
        cursor.execute(
            f"UPDATE {table(JobKey)} SET head = %s WHERE name = %s",  # noqa: S608 (names)
            [job_id, key],
        )
    return [(job_id, queue)] if run_after is None else []


def release_key(key: str) -> None:
    JobKey.objects.filter(pk=key).delete()
