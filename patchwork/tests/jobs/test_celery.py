# SPDX-License-Identifier: GPL-2.0-or-later
"""The other runner: the same rows and the same rules, with Celery between them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from patchwork import correlation
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import Consumer, EventKind
from patchwork.jobs.celery import announcing, beat
from patchwork.jobs.celery.announcing import announce, waiting_messages
from patchwork.jobs.celery.app import broker_name
from patchwork.jobs.celery.beat import Sweep
from patchwork.jobs.models import UNFINISHED, Job, JobState, JobTally, PeriodicJob, Worker
from patchwork.jobs.tasks import enqueue_many
from patchwork.tests.ingest.installation import PATIENCE, ROOT, until
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.celery_runner import BROKERS, NOWHERE, Site, kill, sweeping
from patchwork.tests.jobs.processes import Trace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(scope="module", params=list(BROKERS))
def shared(request, tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Site]:
    """A worker that all tests share, for a worker takes seconds to start."""
    with django_db_blocker.unblock():
        site = Site(tmp_path_factory.mktemp(request.param), request.param, JOB_LEASE_SECONDS=2)
        site.installation.publish()
        with site.workers("default", "mail", "git.1"):
            yield site
        Worker.objects.all().delete()
        connection.close()
    site.clean_up()


@pytest.fixture
def site(shared) -> Iterator[Site]:
    with shared.here():
        yield shared
        # What is left over is not for the next test.
        purge("git.2")


@pytest.fixture
def own_site(tmp_path, shared) -> Iterator[Site]:
    """One without a worker yet."""
    site = Site(tmp_path / "site", shared.broker, JOB_LEASE_SECONDS=2)
    with site.here():
        yield site
    site.clean_up()


@pytest.fixture
def trace(tmp_path) -> Trace:
    return Trace(tmp_path / "trace")


@pytest.fixture
def at_once(monkeypatch) -> None:
    """A job counts as forgotten as soon as it is due."""
    monkeypatch.setattr(beat, "FORGOTTEN_SECONDS", 0.0)


def purge(queue: str) -> None:
    """Lose all messages that wait."""
    name = broker_name(queue)
    assert waiting_messages(queue) is not None
    announcing.line().use(lambda producer: producer.channel.queue_purge(name))
    until(lambda: waiting_messages(queue) == 0)


def is_idle() -> bool:
    return not Job.objects.filter(state__in=UNFINISHED).exists()


def job(job_id: str) -> Job:
    return Job.objects.get(pk=job_id)


class TestTelling:
    def test_a_committed_job_runs_once(self, site):
        with transaction.atomic():
            done = chores.note.enqueue("done")
            assert waiting_messages("default") == 0
        until(is_idle)
        row = job(done.id)
        assert (row.state, row.attempts, row.result) == (JobState.DONE, 1, "DONE")
        assert chores.written() == ["done"]
        assert f"job {done.id}: patchwork.tests.jobs.chores.note done after" in site.log()

    def test_a_job_that_was_never_committed_does_not_run(self, site):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            chores.note.enqueue("never")
            raise ZeroDivisionError
        chores.note.enqueue("after it")
        until(is_idle)
        assert chores.written() == ["after it"]

    def test_all_of_many_run_once_and_those_of_a_key_in_order(self, site, trace):
        path = str(trace.path)
        enqueue_many(chores.leave_trace, [(path, "-", number) for number in range(50)])
        for number in range(50, 80):
            chores.leave_trace_in_line.enqueue(path, f"key{number % 3}", number)
        until(is_idle)
        assert trace.ended() == 80
        assert trace.doubles() == 0
        keyed = [line for line in trace.lines() if line[1] != "-"]
        trace.path.write_text("".join(f"{' '.join(line)}\n" for line in keyed))
        assert trace.disorder() == []

    def test_a_message_that_comes_twice_runs_the_job_once(self, site, trace):
        done = chores.leave_trace.enqueue(str(trace.path), "-", 0, 0.2)
        announce("default", [int(done.id)] * 3)
        until(is_idle)
        announce("default", [int(done.id)] * 3)
        chores.note.enqueue("after them")
        until(is_idle)
        assert (trace.ended(), trace.doubles(), job(done.id).attempts) == (1, 0, 1)

    def test_jobs_of_jobs_carry_the_id_on(self, site):
        with correlation.carried("from-a-mail"):
            chores.carry_on.enqueue(2)
        until(is_idle)
        assert chores.written() == ["from-a-mail"] * 3

    def test_each_shard_of_git_has_its_queue(self, site):
        ours = chores.note.using(queue_name="git.1").enqueue("ours")
        theirs = chores.note.using(queue_name="git.2").enqueue("theirs")
        until(lambda: job(ours.id).state == JobState.DONE)
        until(lambda: waiting_messages("git.2") == 1)
        assert job(theirs.id).state == JobState.QUEUED

    def test_a_line_that_broke_meanwhile_is_made_anew(self, site):
        assert waiting_messages("git.2") is not None
        producer = announcing.line()._producer
        assert producer
        if site.broker == "redis":
            producer.channel.client.connection_pool.disconnect()
        else:
            producer.connection.connection.transport.sock.shutdown(socket.SHUT_RDWR)
        chores.note.enqueue("told all the same")
        until(is_idle)


class TestEnds:
    def test_what_fails_is_tried_again_until_it_is_dead(self, site):
        failed = chores.come_back.enqueue(0)
        sweeping(lambda: job(failed.id).state == JobState.DEAD)
        assert (job(failed.id).attempts, job(failed.id).error) == (3, "451 busy")

    def test_a_dead_one_lets_the_next_of_its_key_go_if_it_may(self, site):
        dead = chores.note_or_go_on.enqueue("key", "bad")
        chores.note_or_go_on.enqueue("key", "good")
        until(lambda: chores.written() == ["good"])
        assert job(dead.id).state == JobState.DEAD

    def test_a_task_may_record_its_end_itself(self, site):
        done = chores.finish_itself.enqueue("with the rest")
        until(lambda: job(done.id).state == JobState.DONE)
        assert chores.written() == ["with the rest"]


@pytest.mark.usefixtures("at_once")
class TestSweeping:
    def test_a_broker_that_is_away_fails_nobody(self, site, trace, caplog):
        with site.line_to(NOWHERE):
            for number in range(3):
                chores.leave_trace.enqueue(str(trace.path), "-", number)
            Sweep().sweep()
        told = [record for record in caplog.records if "the broker is away" in record.message]
        assert len(told) == 1
        assert trace.lines() == []
        sweeping(is_idle)
        assert (trace.ended(), trace.doubles()) == (3, 0)

    def test_a_broker_that_does_not_say_a_word_is_away(self, site):
        scheme = site.url.partition(":")[0]
        with (
            socket.create_server(("127.0.0.1", 0)) as mute,
            site.line_to(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}//"),
        ):
            chores.note.enqueue("heard by nobody")
            assert waiting_messages("default") is None
        sweeping(is_idle)

    def test_lost_messages_are_sent_again_and_no_more_of_them(self, site):
        elsewhere = chores.note.using(queue_name="git.2")
        enqueue_many(elsewhere, [(f"{number}",) for number in range(10)])
        until(lambda: waiting_messages("git.2") == 10)
        sweep = Sweep()
        for _ in range(3):
            sweep.sweep()
            assert waiting_messages("git.2") == 10
        purge("git.2")
        sweep.sweep()
        until(lambda: waiting_messages("git.2") == 10)
        for _ in range(3):
            sweep.sweep()
            Sweep().sweep()
            assert waiting_messages("git.2") == 10

    def test_a_sweep_is_bounded_and_begins_with_the_oldest(self, site, monkeypatch):
        monkeypatch.setattr(beat, "MOST", 4)
        with site.line_to(NOWHERE):
            ids = enqueue_many(
                chores.note.using(queue_name="git.2"), [(f"{number}",) for number in range(10)]
            )
        Sweep().sweep()
        until(lambda: waiting_messages("git.2") == 4)
        assert beat._forgotten("git.2") == ids[:4]

    def test_what_was_not_to_run_before_its_time_is_told_of_then(self, site, monkeypatch):
        monkeypatch.setattr(beat, "FORGOTTEN_SECONDS", 3600.0)
        elsewhere = chores.note.using(
            queue_name="git.2", run_after=timezone.now() + timedelta(hours=1)
        )
        sweep = Sweep()
        elsewhere.enqueue("later")
        sweep.sweep()
        assert waiting_messages("git.2") == 0
        Job.objects.update(due=timezone.now() - timedelta(seconds=1))
        sweep.sweep()
        until(lambda: waiting_messages("git.2") == 1)
        for _ in range(3):
            sweep.sweep()
            assert waiting_messages("git.2") == 1


class TestProcesses:
    def test_beat_looks_after_everything(self, site, project, trace):
        periodic = PeriodicJob.objects.create(name="jobs.prune", every=3600)
        with site.line_to(NOWHERE):
            chores.note.enqueue("forgotten")
        failed = chores.come_back.enqueue(0)
        long = chores.leave_trace.enqueue(str(trace.path), "-", 0, 2.5)
        with site.beat() as process:
            until(lambda: job(failed.id).state == JobState.DEAD)
            until(lambda: chores.written() == ["forgotten"])
            until(lambda: Job.objects.filter(name__endswith=".prune", state="done").exists())
            until(lambda: job(long.id).state == JobState.DONE)
            until(lambda: Consumer.objects.filter(pk="listener").exists())
            with transaction.atomic():
                log.record([Happening(EventKind.PATCH_CREATED, project.pk)])
            until(lambda: chores.written() == ["forgotten", "heard of patch-created"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        # It took longer than its lease, but there is a heartbeat.
        assert (trace.doubles(), job(long.id).attempts) == (0, 1)
        periodic.refresh_from_db()
        assert periodic.last_queued is not None

    def test_told_to_stop_a_worker_ends_what_it_runs_and_no_more(self, own_site, trace):
        with own_site.workers("git.1") as [worker]:
            # The worker of the other tests is there as well.
            seen = Worker.objects.get(queues="git.1")
            assert (seen.runner, seen.concurrency) == ("celery", 2)
            enqueue_many(
                chores.leave_trace_when_told.using(queue_name="git.1"),
                [(str(trace.path), "-", number) for number in range(6)],
            )
            until(lambda: len(trace.lines()) == 2)
            worker.send_signal(signal.SIGTERM)
            trace.tell()
            assert worker.wait(PATIENCE) == 0
        assert not Worker.objects.filter(queues="git.1").exists()
        done = Job.objects.filter(state=JobState.DONE).count()
        assert trace.ended() == done < 6
        tallies = JobTally.objects.filter(name__endswith=".leave_trace_when_told")
        assert sum(tally.count for tally in tallies) == done
        assert not Job.objects.filter(state=JobState.RUNNING).exists()
        assert waiting_messages("git.1") == Job.objects.filter(state=JobState.QUEUED).count()

    def test_killed_in_the_middle_of_a_job_others_do_it_again(self, own_site, trace):
        held = chores.leave_trace_when_told.using(queue_name="git.1")
        done = held.enqueue(str(trace.path), "-", 0)
        with own_site.workers("git.1", count=2) as workers:
            until(lambda: len(trace.lines()) == 1)
            [victim] = [worker for worker in workers if f":{worker.pid}:" in job(done.id).worker]
            kill(victim)
            sweeping(lambda: len(trace.lines()) == 2)
            trace.tell()
            sweeping(lambda: job(done.id).state == JobState.DONE)
        assert [word for word, *_ in trace.lines()] == ["begin", "begin", "end"]
        assert job(done.id).attempts == 2

    def test_a_crontab_does_the_work_as_well(self, own_site):
        with own_site.line_to(NOWHERE):
            chores.note.enqueue("by cron")
        done = own_site.installation.manage("cron")
        assert done.returncode == 0, done.stderr
        assert chores.written() == ["by cron"]


def test_celery_does_not_start_where_others_run_the_jobs():
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "patchwork", "beat"],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "patchwork.settings.dev"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "JOB_RUNNER is 'worker'" in done.stderr


def test_nothing_needs_celery_but_celery():
    script = (
        "import sys; sys.modules['celery'] = sys.modules['kombu'] = None\n"
        "import django; django.setup()\n"
        "import patchwork.urls\n"
        "from patchwork.management.commands import cron, worker\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "patchwork.settings.dev"},
        check=True,
    )
