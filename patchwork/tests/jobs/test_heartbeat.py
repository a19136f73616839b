# SPDX-License-Identifier: GPL-2.0-or-later
"""The heartbeat goes on beside the lanes, and must never stand in their way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from patchwork.jobs.leasing import Ended, Grip, extend
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.tasks import enqueue_many
from patchwork.tests.jobs import chores


@pytest.mark.django_db(transaction=True)
def test_it_does_not_wait_for_a_lane_that_moves_on():
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time")
    enqueue_many(chores.nothing, [(1,), (2,), (3,)])
    grip = Grip("us")
    running = grip.move_on(None, 3)
    assert running
    ids = [running.id, *(held.id for held in grip.waiting)]
    Job.objects.update(due="2020-01-01T00:00:00Z")

    def beat() -> None:
        extend("us", ids)
        connections.close_all()

    with ThreadPoolExecutor(1) as beside, transaction.atomic():
        begun = grip.move_on(Ended(running, JobState.DONE), 3)
        beside.submit(beat).result(timeout=10)
    assert begun
    due = Job.objects.in_bulk(ids)
    assert due[running.id].due is None
    assert due[begun.id].state == JobState.RUNNING
    waiting = due[ids[-1]].due
    assert waiting and waiting.year > 2020
