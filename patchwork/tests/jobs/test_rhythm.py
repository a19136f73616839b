# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator decides about what recurs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from patchwork.jobs import periodic
from patchwork.jobs.changes import CannotDo, run_now, set_rhythm
from patchwork.jobs.models import PeriodicJob
from patchwork.jobs.worker import drain
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.chores import written

pytestmark = pytest.mark.django_db

HOUR = 3600


@pytest.fixture(autouse=True)
def ticking(monkeypatch, db) -> PeriodicJob:
    """Ticked just now; due again in an hour."""
    monkeypatch.setattr(periodic, "_registered", {})
    periodic.register("ticking", chores.tick, every=timedelta(hours=1))
    periodic.provide()
    periodic.queue_due()
    drain()
    return PeriodicJob.objects.get()


def due_in(row: PeriodicJob) -> float:
    """Seconds after the last time."""
    row.refresh_from_db()
    assert row.last_queued
    return round((row.due - row.last_queued).total_seconds())


def test_the_time_counts_from_the_last_run(ticking):
    assert due_in(ticking) == HOUR
    set_rhythm("ticking", every=24 * HOUR, enabled=True)
    assert due_in(ticking) == 24 * HOUR
    set_rhythm("ticking", every=60, enabled=True)
    assert due_in(ticking) == 60


def test_switching_off_and_on_leaves_the_time(ticking):
    for enabled in (False, True):
        set_rhythm("ticking", every=HOUR, enabled=enabled)
        assert due_in(ticking) == HOUR
        assert ticking.enabled is enabled


def test_the_first_run_is_due_whatever_the_rhythm():
    PeriodicJob.objects.all().delete()
    periodic.provide()
    set_rhythm("ticking", every=60, enabled=True)
    assert periodic.queue_due() == 1


def test_now(ticking):
    assert periodic.queue_due() == 0
    run_now("ticking")
    assert periodic.queue_due() == 1
    assert due_in(ticking) == HOUR
    drain()
    assert written() == ["tick", "tick"]


def test_what_is_switched_off_is_not_run():
    set_rhythm("ticking", every=HOUR, enabled=False)
    with pytest.raises(CannotDo, match="switched off"):
        run_now("ticking")


def test_what_nobody_knows_is_not_run():
    PeriodicJob.objects.create(name="of.yesterday", every=60)
    with pytest.raises(CannotDo, match="Nothing is known here"):
        run_now("of.yesterday")
