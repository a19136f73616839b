# SPDX-License-Identifier: GPL-2.0-or-later
"""The built-in runner, as a process."""

from __future__ import annotations

import os
import signal

import pytest

from patchwork.jobs.models import Job, JobState, PeriodicJob, Worker
from patchwork.jobs.tasks import enqueue_many
from patchwork.jobs.worker import Crew, Lane
from patchwork.tests.ingest.installation import PATIENCE, Installation, until
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.processes import Trace, log_of, start_worker, unfinished, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def installation(tmp_path) -> Installation:
    return Installation(tmp_path, JOB_LEASE_SECONDS=2)


@pytest.fixture
def trace(tmp_path) -> Trace:
    return Trace(tmp_path / "trace")


def state_of(job_id: str) -> str:
    return str(Job.objects.get(pk=job_id).state)


def test_it_does_what_there_is_and_what_comes(installation, trace):
    enqueue_many(chores.leave_trace, [(str(trace.path), "-", number) for number in range(100)])
    installation.publish()
    with worker(installation) as process:
        until(lambda: unfinished(installation) == 0)
        assert trace.ended() == 100
        done = installation.manage(
            "shell",
            "-c",
            "from patchwork.tests.jobs import chores; "
            f"chores.leave_trace.enqueue({str(trace.path)!r}, '-', 100)",
        )
        assert done.returncode == 0, done.stderr
        until(lambda: trace.ended() == 101)
        assert installation.count(Worker) == 1
    assert process.returncode == 0
    assert installation.count(Worker) == 0
    assert trace.doubles() == 0
    assert "chores.leave_trace done after" in log_of(installation)


def test_told_to_stop_it_finishes_its_job_and_hands_back_the_others(installation, trace):
    path = str(trace.path)
    enqueue_many(chores.leave_trace, [(path, "-", number) for number in range(20)])
    slow = chores.leave_trace_when_told.enqueue(path, "-", 20)
    ids = enqueue_many(chores.leave_trace, [(path, "-", number) for number in range(21, 40)])
    installation.publish()
    with worker(installation, "--queues", "default") as process:
        until(lambda: ["begin", "-", "20"] in trace.lines())
        process.send_signal(signal.SIGTERM)
        until(lambda: "takes no more jobs" in log_of(installation))
        trace.tell()
        assert process.wait(PATIENCE) == 0
    installation.fetch()
    assert state_of(slow.id) == JobState.DONE
    left = Job.objects.filter(pk__in=ids).values_list("state", "worker", "attempts")
    assert set(left) == {(JobState.QUEUED, "", 0)}


def test_its_own_queues(installation, trace):
    path = str(trace.path)
    for number, queue in enumerate(("mail", "git.1", "git.2", "default")):
        chores.leave_trace.using(queue_name=queue).enqueue(path, queue, number)
    installation.publish()
    with worker(installation, "--queues", "git.2, mail"):
        until(lambda: trace.ended() == 2)
    assert {queue for _, queue, _ in trace.lines()} == {"mail", "git.2"}


def test_a_job_that_takes_too_long_is_left_to_others(installation, trace):
    slow = chores.leave_trace.enqueue(str(trace.path), "-", 0, 600)
    installation.publish()
    with worker(installation, "--grace", "0") as process:
        until(lambda: len(trace.lines()) == 1)
    assert process.returncode == 0
    installation.fetch()
    assert state_of(slow.id) == JobState.RUNNING
    assert "is left to others" in log_of(installation)


def test_a_quick_one_does_not_wait_behind_a_slow_one(installation, trace):
    """A worker that has taken many gives them back when the first of them takes long."""
    path = str(trace.path)
    enqueue_many(chores.leave_trace, [(path, "-", number) for number in range(40)])
    enqueue_many(chores.leave_trace, [(path, "-", 40, 600)])
    enqueue_many(chores.leave_trace, [(path, "-", number) for number in range(41, 60)])
    installation.publish()
    with worker(installation, "--grace", "0"):
        until(lambda: ["begin", "-", "40"] in trace.lines())
        with worker(installation):
            until(lambda: trace.ended() == 59)
    assert trace.doubles() == 0


def test_several_at_once(installation, trace):
    path = str(trace.path)
    enqueue_many(chores.leave_trace, [(path, str(number), 0, 600) for number in range(3)])
    installation.publish()
    with worker(installation, "--concurrency", "3", "--grace", "0"):
        until(lambda: len(trace.lines()) == 3)


def test_what_a_job_leaves_behind_harms_no_other_one(installation, trace):
    messes = ["atomic", "autocommit", "raw", "closed"]
    for number, kind in enumerate(messes):
        chores.leave_a_mess.enqueue(kind)
        chores.leave_trace.enqueue(str(trace.path), "-", number)
        chores.break_down.enqueue("exit")
    installation.publish()
    with worker(installation) as process:
        until(lambda: unfinished(installation) == 0)
        assert process.poll() is None
    installation.fetch()
    assert trace.ended() == len(messes)
    assert trace.doubles() == 0
    jobs = {
        job.arguments["args"][0]: job for job in Job.objects.filter(name__endswith="leave_a_mess")
    }
    # A transaction that Django knows nothing of may have been ended by the next one of Django's.
    ended = {kind for kind, job in jobs.items() if job.state == JobState.DONE}
    assert ended <= {"raw"}
    assert all("left a transaction" in jobs[kind].error for kind in ("atomic", "autocommit"))
    # What was written before the connection was closed had been committed.
    assert "mess closed" in chores.written()
    assert "mess atomic" not in chores.written()


def test_a_lane_that_falls_is_replaced(monkeypatch, caplog):
    """That takes a mistake of ours."""
    started: list[Lane] = []
    monkeypatch.setattr(Lane, "start", lambda lane: started.append(lane))
    crew = Crew()
    [lane] = crew._lanes
    monkeypatch.setattr(lane, "_next", lambda ended, take: 1 / 0)
    lane.run()
    assert f"{crew.name}/0 has fallen" in caplog.text
    crew._replace_the_fallen()
    crew._replace_the_fallen()
    assert [other.grip.worker for other in started] == [f"{crew.name}/1"]
    assert crew._lanes == started


@pytest.mark.parametrize("when", ["first", "last"])
def test_killed_by_its_own_job(installation, when):
    """Between claim and run, and between run and record."""
    job = chores.be_killed_once.enqueue("a", when)
    installation.publish()
    first = start_worker(installation)
    assert first.wait(PATIENCE) == -signal.SIGKILL
    with worker(installation):
        until(lambda: unfinished(installation) == 0)
    installation.fetch()
    row = Job.objects.get(pk=job.id)
    assert (row.state, row.attempts) == (JobState.DONE, 2)
    assert (
        chores.written()
        == {
            "first": ["a was here", "a"],
            "last": ["a was here", "a", "a"],
        }[when]
    )


def test_no_heartbeat_no_job(installation, trace):
    """A worker that was stopped for too long finds its job taken over, and leaves it alone."""
    job = chores.leave_trace_when_told.enqueue(str(trace.path), "-", 0)
    installation.publish()
    with worker(installation) as stalled:
        until(lambda: len(trace.lines()) == 1)
        installation.stop_between_writes(stalled)
        with worker(installation):
            until(lambda: len(trace.lines()) == 2)
            trace.tell()
            until(lambda: unfinished(installation) == 0)
            stalled.send_signal(signal.SIGCONT)
            until(lambda: "has been taken over" in log_of(installation))
    installation.fetch()
    row = Job.objects.get(pk=job.id)
    assert (row.state, row.attempts) == (JobState.DONE, 2)


def test_what_recurs(installation):
    installation.publish()
    with worker(installation):
        until(lambda: installation.count(Job, "name = 'patchwork.jobs.upkeep.prune'") == 1)
        until(lambda: unfinished(installation) == 0)
    installation.fetch()
    assert PeriodicJob.objects.filter(name="jobs.prune", last_queued__isnull=False).exists()


def test_cron_does_what_is_due_and_ends(installation, trace):
    path = str(trace.path)
    for number in range(20):
        chores.leave_trace_in_line.enqueue(path, "k", number)
    chores.carry_on.enqueue(3)
    installation.publish()
    done = installation.manage("cron")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    installation.fetch()
    assert trace.ended() == 20
    assert trace.disorder() == []
    assert len(chores.written()) == 4
    assert Job.objects.filter(name="patchwork.jobs.upkeep.prune", state="done").exists()
    assert not Worker.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--queues", ","], "name at least one queue"),
        (["--concurrency", "0"], "not a number between 1 and 1000"),
        (["--grace", "nan"], "not a number of seconds"),
    ],
)
def test_wrong_options(installation, arguments, words):
    installation.publish()
    done = installation.manage("worker", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_another_runner_is_in_charge(tmp_path):
    installation = Installation(tmp_path, JOB_RUNNER="celery")
    installation.publish()
    done = installation.manage("worker")
    assert done.returncode == 1
    assert "JOB_RUNNER is 'celery'" in done.stderr


@pytest.mark.parametrize("command", ["worker", "cron", "jobs"])
def test_without_a_database_it_says_so(tmp_path, command):
    (tmp_path / "child_settings.py").write_text(
        "from patchwork.settings.dev import *\n"
        "from patchwork.settings.databases import from_url\n"
        f"DATABASES = {{'default': from_url('sqlite:///{tmp_path}/new.sqlite3')}}\n"
    )
    installation = Installation.__new__(Installation)
    installation.environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "child_settings",
    }
    done = installation.manage(command, *(["stats"] if command == "jobs" else []))
    assert done.returncode == 1
    assert "CommandError: The database cannot be used: no such table" in done.stderr
    assert "manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr
