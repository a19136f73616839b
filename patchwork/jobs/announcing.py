# SPDX-License-Identifier: GPL-2.0-or-later
"""Telling the runner, after the commit, that there is something to do.

An announcement may be lost: runners also look by themselves. It only makes them look at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

RUNNERS = {
    "worker": "patchwork.jobs.waking.announce",
    "celery": "patchwork.jobs.celery.announcing.announce",
}
"""What the setting JOB_RUNNER may say, and how each of them is told."""


class _Announcement:
    """What has become runnable in one queue."""

    def __init__(self, queue: str, ids: Sequence[int]) -> None:
        self.queue = queue
        self.ids = list(ids)

    def __call__(self) -> None:
        import_string(RUNNERS[settings.JOB_RUNNER])(self.queue, self.ids)


def announce(queue: str, ids: Sequence[int]) -> None:
    """These jobs of a queue may run as soon as the transaction that is open is committed.

    What is announced in a row in one transaction is told together.
    """
    if connection.run_on_commit:
        savepoints, latest, *_ = connection.run_on_commit[-1]
        if (
            isinstance(latest, _Announcement)
            and latest.queue == queue
            and savepoints == set(connection.savepoint_ids)
        ):
            latest.ids += ids
            return
    transaction.on_commit(_Announcement(queue, ids), robust=True)
