# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeping the table small: what was done long ago is forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection

from patchwork.databases import places, seconds_from_now, select, table
from patchwork.jobs import periodic
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.tasks import OnDead, task

BATCH = 1000
"""Rows of one transaction: SQLite's other writers wait that long."""

_FORGOTTEN = (JobState.DONE.value, JobState.CANCELLED.value)


@task(on_dead=OnDead.CONTINUE, max_attempts=3)
def prune() -> int:
    """Delete what was done or dropped JOB_KEEP_DAYS ago; what is dead stays until somebody acts.

    Goes by the ids, which rise with time: so nothing has to be indexed by when it ended.
    """
    deleted, last = 0, 0
    while rows := _next_rows(last):
        last = rows[-1][0]
        gone = [row_id for row_id, _, is_forgotten in rows if is_forgotten]
        if gone:
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table(Job)} WHERE id IN {places(gone)}", gone)  # noqa: S608
            deleted += len(gone)
        if not rows[-1][1]:
            break
    return deleted


def _next_rows(last: int) -> list[tuple[int, bool, bool]]:
    """Ids, whether they are that old, and whether nobody needs them any more."""
    limit = seconds_from_now()
    seconds = -settings.JOB_KEEP_DAYS * 86400.0
    return select(
        f"SELECT id, created < {limit}, finished < {limit} AND state IN (%s, %s) "  # noqa: S608
        f"FROM {table(Job)} WHERE id > %s ORDER BY id LIMIT %s",
        [seconds, seconds, *_FORGOTTEN, last, BATCH],
    )


def register_all() -> None:
    periodic.register("jobs.prune", prune, every=timedelta(hours=1))
