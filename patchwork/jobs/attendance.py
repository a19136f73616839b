# SPDX-License-Identifier: GPL-2.0-or-later
"""Which processes are there to run jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from patchwork.databases import now, seconds_from_now, select, table
from patchwork.jobs.models import Worker

FORGOTTEN_SECONDS = 24 * 3600.0
"""A worker that was killed is shown for so long."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A process among the workers, for as long as it says that it is there."""

    name: str
    runner: str
    queues: Sequence[str] = ()
    concurrency: int = 1

    def be_seen(self) -> None:
        """Again and again; the first time, or when it was forgotten meanwhile, it signs in."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table(Worker)} SET seen = {now()} WHERE name = %s",  # noqa: S608 (names)
                [self.name],
            )
            if cursor.rowcount:
                return
        forget_the_vanished()
        Worker.objects.create(
            name=self.name,
            runner=self.runner,
            queues=",".join(self.queues),
            concurrency=self.concurrency,
        )

    def sign_out(self) -> None:
        Worker.objects.filter(name=self.name).delete()


def forget_the_vanished() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table(Worker)} WHERE seen < {seconds_from_now()}",  # noqa: S608
            [-FORGOTTEN_SECONDS],
        )


def is_anybody_there(within: float) -> bool:
    """Whether a worker was seen in the last so many seconds."""
    statement = f"SELECT 1 FROM {table(Worker)} WHERE seen >= {seconds_from_now()} LIMIT 1"  # noqa: S608
    return bool(select(statement, [-within]))
