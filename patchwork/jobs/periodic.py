# SPDX-License-Identifier: GPL-2.0-or-later
"""What recurs. The table says when each of it is due next, so it is queued once cluster-wide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from patchwork.databases import now, seconds_from_now, select, table
from patchwork.jobs.models import JobKey, PeriodicJob
from patchwork.jobs.tasks import JobTask, OnDead


@dataclass(frozen=True, slots=True)
class Registration:
    name: str
    task: JobTask[[], Any]
    every: timedelta


_registered: dict[str, Registration] = {}


def register(name: str, task: JobTask[[], Any], every: timedelta) -> None:
    """Have a task without arguments run again and again, after so much time each.

    The interval is the one that a new installation begins with; the admin may change it. The task
    should be one that goes on after its death (``on_dead``), else a dead one ends the series.
    """
    if task.on_dead is not OnDead.CONTINUE:
        raise ValueError(f"{task.module_path} recurs: give it on_dead=OnDead.CONTINUE")
    _registered[name] = Registration(name, task, every)


def registered() -> tuple[Registration, ...]:
    return tuple(_registered.values())


def provide() -> None:
    """Let the table have a row for each that is registered."""
    known = set(PeriodicJob.objects.values_list("name", flat=True))
    for name in sorted(_registered.keys() - known):
        seconds = int(_registered[name].every.total_seconds())
        PeriodicJob.objects.get_or_create(name=name, defaults={"every": seconds})


def queue_due() -> int:
    """Queue what is due; what is still waiting or running since the last time is left out."""
    is_due = f"FROM {table(PeriodicJob)} WHERE enabled AND due <= {now()}"
    if not select(f"SELECT 1 {is_due} LIMIT 1", []):
        return 0
    lock = "" if connection.vendor == "sqlite" else "FOR UPDATE SKIP LOCKED"
    queued = 0
    with transaction.atomic():
        for name, every in select(f"SELECT name, every {is_due} ORDER BY name {lock}", []):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {table(PeriodicJob)} SET last_queued = {now()}, "  # noqa: S608
                    f"due = {seconds_from_now()} WHERE name = %s",
                    [every, name],
                )
            queued += _queue(name)
    return queued


def _queue(name: str) -> bool:
    registration = _registered.get(name)
    key = f"periodic:{name}"
    if registration is None or JobKey.objects.filter(pk=key).exists():
        return False
    registration.task.using(key=key).enqueue()
    return True
