# SPDX-License-Identifier: GPL-2.0-or-later
"""What people are forgotten for."""

from __future__ import annotations

from datetime import timedelta

from patchwork.jobs import periodic
from patchwork.jobs.tasks import OnDead, task
from patchwork.people import confirmations, throttling


@task(on_dead=OnDead.CONTINUE, max_attempts=3)
def prune_throttles() -> int:
    return throttling.prune()


@task(on_dead=OnDead.CONTINUE, max_attempts=3)
def forget_expired() -> None:
    confirmations.forget_expired()


def register_all() -> None:
    periodic.register("people.forget", forget_expired, every=timedelta(hours=1))
    periodic.register("people.prune", prune_throttles, every=timedelta(hours=1))
