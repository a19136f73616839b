# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers are killed at random, and everything is done all the same.

200 jobs and 3 kills; with PW_TEST_CHAOS set, 1,500 jobs and 30 kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from patchwork.jobs.models import Job, JobKey, JobState
from patchwork.jobs.tasks import enqueue_many
from patchwork.tests.ingest.installation import PATIENCE, Installation, until
from patchwork.tests.jobs import celery_runner, chores
from patchwork.tests.jobs.celery_runner import Site
from patchwork.tests.jobs.processes import Trace, start_worker, unfinished

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MANY = bool(os.environ.get("PW_TEST_CHAOS"))
JOBS, KILLS, WORKERS, KEYS = (1500, 30, 4, 8) if MANY else (200, 3, 3, 4)
LEASE = 3

Start = Callable[[], subprocess.Popen[Any]]


@contextmanager
def built_in(path: Path, queue: Callable[[], None]) -> Iterator[tuple[Installation, Start]]:
    installation = Installation(path, JOB_LEASE_SECONDS=LEASE)
    queue()
    installation.publish()
    yield installation, lambda: start_worker(installation)


@contextmanager
def celery(
    broker: str, path: Path, queue: Callable[[], None]
) -> Iterator[tuple[Installation, Start]]:
    site = Site(path / "site", broker, JOB_LEASE_SECONDS=LEASE)
    try:
        with site.here():
            queue()
            with site.beat():
                yield site.installation, lambda: site.start_worker("default", concurrency=1)
    finally:
        site.clean_up()


RUNNERS: dict[str, Callable[..., AbstractContextManager[tuple[Installation, Start]]]] = {
    "worker": built_in,
    "rabbitmq": partial(celery, "rabbitmq"),
    "redis": partial(celery, "redis"),
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("in_line", [False, True], ids=["free", "keyed"])
def test_random_kills(tmp_path, runner, in_line):
    trace = Trace(tmp_path / "trace")
    task = chores.leave_trace_in_line if in_line else chores.leave_trace
    calls = [(str(trace.path), f"k{number % KEYS}", number, 0.002) for number in range(JOBS)]
    with RUNNERS[runner](tmp_path, lambda: enqueue_many(task, calls)) as (installation, start):
        rampage(installation, trace, start)
        installation.fetch()
        ours = Job.objects.filter(name=task.module_path)
        assert list(ours.values_list("state", flat=True)) == [JobState.DONE] * JOBS
        assert not JobKey.objects.exclude(name__startswith="periodic:").exists()
    assert trace.ended() == JOBS
    assert trace.doubles() <= KILLS
    if in_line:
        assert trace.disorder() == []


def rampage(installation: Installation, trace: Trace, start: Start) -> None:
    """Let workers do all that there is, killing one of them every now and then."""
    dice = random.Random(JOBS)
    workers = [start() for _ in range(WORKERS)]
    try:
        for kill in range(1, KILLS + 1):
            until(partial(trace.has_ended, JOBS * kill // (KILLS + 1)))
            celery_runner.kill(workers.pop(dice.randrange(len(workers))))
            workers.append(start())
        until(lambda: unfinished(installation) == 0)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(PATIENCE)
    finally:
        for worker in workers:
            celery_runner.kill(worker)


def test_operators_and_workers_do_not_get_into_each_others_way(tmp_path):
    """Jobs of one key are dropped while it is worked on: nobody waits for ever, nothing is left."""
    installation = Installation(tmp_path, JOB_LEASE_SECONDS=LEASE)
    trace = Trace(tmp_path / "trace")
    ids = enqueue_many(
        chores.leave_trace_in_line, [(str(trace.path), "k", number) for number in range(120)]
    )
    installation.publish()
    worker = start_worker(installation)
    try:
        dropping = installation.manage("shell", "-c", DROPPING.format(ids=ids[::2]))
        assert dropping.returncode == 0, dropping.stderr
        until(lambda: unfinished(installation) == 0)
        worker.send_signal(signal.SIGTERM)
        worker.wait(PATIENCE)
    finally:
        celery_runner.kill(worker)
    installation.fetch()
    done = Job.objects.filter(state=JobState.DONE, name__endswith="in_line").count()
    assert done == trace.ended()
    assert done + Job.objects.filter(state=JobState.CANCELLED).count() == 120
    assert not JobKey.objects.exclude(name__startswith="periodic:").exists()
    assert trace.disorder() == []


DROPPING = """
from patchwork.jobs.changes import CannotDo, drop
for job_id in reversed({ids}):
    try:
        drop(job_id)
    except CannotDo:
        pass
"""
