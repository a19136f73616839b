# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs from the decision to the end, in one process."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks.exceptions import InvalidTaskError, TaskResultDoesNotExist

from patchwork import correlation
from patchwork.jobs import leasing, periodic, waking
from patchwork.jobs.attendance import Presence, forget_the_vanished, is_anybody_there
from patchwork.jobs.changes import CannotDo, drop, retry
from patchwork.jobs.leasing import Ended, Grip
from patchwork.jobs.models import Job, JobKey, JobState, JobTally, PeriodicJob, Worker
from patchwork.jobs.running import run
from patchwork.jobs.tallies import BUCKETS, OVER, bucket_of, flush
from patchwork.jobs.tasks import Backoff, enqueue_many
from patchwork.jobs.upkeep import prune
from patchwork.jobs.worker import drain
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.chores import written

pytestmark = pytest.mark.django_db


def states() -> list[str]:
    return list(Job.objects.order_by("id").values_list("state", flat=True))


def seconds_between(earlier: datetime | None, later: datetime | None) -> float:
    assert earlier and later
    return (later - earlier).total_seconds()


def hurry() -> None:
    """Let what waits for a time be due."""
    Job.objects.filter(due__isnull=False).update(due=F("created") - timedelta(hours=1))


def take(worker: str = "us") -> leasing.Held:
    held = Grip(worker).move_on(None, 1)
    assert held
    return held


class TestQueueing:
    def test_what_is_decided_is_done(self):
        queued = chores.note.enqueue("hello")
        assert queued.status == TaskResultStatus.READY
        assert drain() == 1
        assert written() == ["hello"]
        result = chores.note.get_result(queued.id)
        assert result.status == TaskResultStatus.SUCCESSFUL
        assert result.return_value == "HELLO"
        assert result.attempts == 1
        assert result.started_at and result.finished_at and result.enqueued_at

    def test_a_decision_that_is_taken_back_leaves_nothing(self):
        with transaction.atomic():
            chores.note.enqueue("never")
            chores.note_in_line.enqueue("key", "never")
            enqueue_many(chores.note, [("never",), ("never",)])
            transaction.set_rollback(True)
        assert not Job.objects.exists()
        assert not JobKey.objects.exists()

    def test_one_statement_for_many(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            ids = enqueue_many(chores.note, [(str(number),) for number in range(100)])
        assert ids == list(Job.objects.order_by("id").values_list("id", flat=True))
        assert drain() == 100
        assert written() == [str(number) for number in range(100)]

    def test_nothing_before_its_time(self):
        chores.note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("later")
        assert drain() == 0
        hurry()
        assert drain() == 1

    def test_once_only(self):
        first = chores.note_once.enqueue("a")
        assert chores.note_once.enqueue("a").id == first.id
        assert chores.note_once.enqueue("b").id != first.id
        drain()
        assert chores.note_once.enqueue("a").id == first.id
        assert written() == ["a", "b"]

    def test_a_key_given_on_the_spot(self):
        for line in ("1", "2"):
            chores.note.using(key="mine", idempotency_key=f"x{line}").enqueue(line)
        assert states() == ["queued", "blocked"]

    @pytest.mark.parametrize("name", ["", "a,b", "x" * 51])
    def test_names_of_queues(self, name):
        with pytest.raises(InvalidTaskError, match="queue's name"):
            chores.note.using(queue_name=name)

    def test_a_key_that_is_too_long_is_told_at_once(self):
        with pytest.raises(ValueError, match="at most 200 characters"):
            chores.note.using(key="x" * 201).enqueue("a")

    def test_arguments_have_to_be_json(self):
        with pytest.raises(TypeError):
            chores.note.enqueue(object())  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "argument", ["a\0b", "\ud800", float("nan"), float("inf"), [[[[[[[[[[[]]]]]]]]]]] * 1]
    )
    def test_what_a_database_would_refuse_is_told_at_once(self, argument):
        deep = argument
        for _ in range(25):
            deep = [deep]
        with pytest.raises(ValueError, match=r"chores\.note cannot be queued with these"):
            chores.note.enqueue(deep)

    def test_a_result_of_nothing(self):
        with pytest.raises(TaskResultDoesNotExist):
            chores.note.get_result("12")
        with pytest.raises(TaskResultDoesNotExist):
            chores.note.get_result("twelve")


class TestAnnouncing:
    @pytest.fixture
    def told(self, monkeypatch) -> list[tuple[str, list[int]]]:
        told: list[tuple[str, list[int]]] = []
        monkeypatch.setattr(waking, "announce", lambda queue, ids: told.append((queue, list(ids))))
        return told

    def test_what_is_queued_in_a_row_is_told_at_once(
        self, told, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            ids = [int(chores.note.enqueue(line).id) for line in "abc"]
            later = timezone.now() + timedelta(hours=1)
            chores.note.using(run_after=later).enqueue("later")
            mail = int(chores.note.using(queue_name="mail").enqueue("d").id)
            chores.note_in_line.enqueue("k", "1")
            chores.note_in_line.enqueue("k", "2")
        head = Job.objects.get(key="k", state="queued").pk
        assert told == [("default", ids), ("mail", [mail]), ("default", [head])]

    def test_what_is_taken_back_is_not_told(self, told, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            kept = int(chores.note.enqueue("kept").id)
            with transaction.atomic():
                chores.note.enqueue("never")
                transaction.set_rollback(True)
        assert told == [("default", [kept])]

    def test_what_the_same_worker_does_next_is_not_told(
        self, told, django_capture_on_commit_callbacks
    ):
        for line in ("1", "2", "3"):
            chores.note_in_line.enqueue("k", line)
        with django_capture_on_commit_callbacks(execute=True):
            assert drain() == 3
        assert told == []


class TestKeys:
    def test_one_at_a_time_and_in_order(self):
        for line in ("a1", "b1", "a2", "b2", "a3"):
            chores.note_in_line.enqueue(line[0], line)
        assert states() == ["queued", "queued", "blocked", "blocked", "blocked"]
        take("one")
        take("two")
        assert Grip("three").move_on(None, 9) is None, "only the heads can be had"
        hurry()
        drain()
        assert [line for line in written() if line[0] == "b"] == ["b1", "b2"]
        assert [line for line in written() if line[0] == "a"] == ["a1", "a2", "a3"]
        assert not JobKey.objects.exists()

    def test_a_dead_one_holds_up_the_others(self):
        chores.give_up_in_line.enqueue("k")
        chores.note_in_line.enqueue("k", "after")
        drain()
        assert states() == ["dead", "blocked"]
        drop(Job.objects.earliest("id").pk)
        assert states() == ["cancelled", "queued"]
        drain()
        assert written() == ["after"]
        assert not JobKey.objects.exists()

    def test_a_dead_one_that_is_tried_again_keeps_its_place(self):
        chores.give_up_in_line.enqueue("k")
        chores.note_in_line.enqueue("k", "after")
        drain()
        retry(Job.objects.earliest("id").pk)
        assert states() == ["queued", "blocked"]

    def test_others_go_on_if_it_is_asked_for(self):
        for line in ("bad", "good", "better"):
            chores.note_or_go_on.enqueue("k", line)
        drain()
        assert states() == ["dead", "done", "done"]
        assert not JobKey.objects.exists()

    def test_one_that_was_passed_by_gets_in_line_again(self):
        for line in ("bad", "good", "better"):
            chores.note_or_go_on.enqueue("k", line)
        bad = Job.objects.earliest("id")
        held = take()
        Grip("us").move_on(run(held), 0)
        assert states() == ["dead", "queued", "blocked"]
        retry(bad.pk)
        assert states() == ["blocked", "queued", "blocked"]
        drain()
        assert states() == ["dead", "done", "done"]

    def test_dropping_one_in_the_middle(self):
        for line in ("1", "2", "3"):
            chores.note_in_line.enqueue("k", line)
        drop(Job.objects.order_by("id")[1].pk)
        drain()
        assert written() == ["1", "3"]

    def test_a_head_that_waits_for_its_time_holds_up_the_others(self):
        later = timezone.now() + timedelta(hours=1)
        chores.note_in_line.using(run_after=later).enqueue("k", "1")
        chores.note_in_line.enqueue("k", "2")
        assert drain() == 0
        hurry()
        drain()
        assert written() == ["1", "2"]

    def test_time_of_one_that_was_blocked(self):
        chores.note_in_line.enqueue("k", "1")
        later = timezone.now() + timedelta(hours=1)
        chores.note_in_line.using(run_after=later).enqueue("k", "2")
        assert drain() == 1
        assert Job.objects.latest("id").due == later
        assert states() == ["done", "queued"]


class TestRunning:
    def test_failing_for_good(self):
        chores.fail.enqueue()
        pauses = []
        for _ in range(3):
            assert drain() == 1
            job = Job.objects.get()
            if job.due:
                pauses.append(round(seconds_between(job.started, job.due), -1))
            hurry()
        assert pauses == [100, 250]
        assert job.state == JobState.DEAD
        assert job.attempts == 3
        assert job.error == "OSError: the disk is \N{REPLACEMENT CHARACTER} full"
        assert "chores.py" in job.traceback
        assert drain() == 0

    def test_coming_back_when_it_says(self):
        chores.come_back.enqueue(777)
        drain()
        job = Job.objects.get()
        assert job.state == JobState.RETRY
        assert round(seconds_between(job.started, job.due)) == 777
        assert (job.error, job.traceback) == ("451 busy", "")

    def test_giving_up(self):
        chores.give_up.enqueue()
        assert drain() == 1
        job = Job.objects.get()
        assert (job.state, job.error, job.attempts) == ("dead", "550 no such user", 1)

    @pytest.mark.parametrize(
        "kind", ["object", "number", "nan", "nul", "surrogate", "megabyte", "deep"]
    )
    def test_an_answer_that_cannot_be_kept(self, kind):
        """The job is done all the same: to do it again would not help."""
        chores.answer_nonsense.enqueue(kind)
        assert drain() == 1
        job = Job.objects.get()
        assert (job.state, job.result) == (JobState.DONE, None)
        assert job.error.startswith("What it answers cannot be kept: ")

    @pytest.mark.parametrize("kind", ["exit", "interrupt", "unprintable", "memory"])
    def test_what_would_end_the_process_ends_the_job(self, kind):
        chores.break_down.enqueue(kind)
        chores.note.enqueue("after")
        assert drain() == 2
        assert states() == ["dead", "done"]
        assert Job.objects.earliest("id").traceback

    def test_a_long_error_keeps_both_ends(self):
        chores.break_down.enqueue("long")
        drain()
        error = Job.objects.get().error
        assert error.startswith("ValueError: beginning")
        assert error.endswith("end")
        assert len(error) < 21_000

    def test_context(self):
        with correlation.carried("c0ffee"):
            chores.tell_context.enqueue("at")
        assert drain() == 2
        assert written() == ["at 1 False c0ffee", "at 2 True c0ffee"]

    def test_what_a_job_causes_carries_its_correlation(self):
        with correlation.carried("from-a-mail"):
            chores.carry_on.enqueue(2)
        chores.carry_on.enqueue(0)
        drain()
        assert written()[0] == written()[2] == written()[3] == "from-a-mail"
        assert written()[1] not in ("", "from-a-mail")
        assert correlation.current() == ""

    def test_a_task_that_is_gone(self):
        chores.note.enqueue("a")
        Job.objects.update(name="patchwork.tests.jobs.chores.gone")
        drain()
        job = Job.objects.get()
        assert job.state == JobState.DEAD
        assert "There is no task patchwork.tests.jobs.chores.gone here" in job.error
        Job.objects.update(
            name="patchwork.tests.jobs.chores.written", state="queued", due=job.created
        )
        drain()
        assert Job.objects.get().error == "patchwork.tests.jobs.chores.written is not a task."

    def test_a_line_in_the_log(self, caplog):
        caplog.set_level("INFO", "patchwork.jobs")
        with correlation.carried("c0ffee"):
            job_id = chores.note.enqueue("a").id
        drain()
        [line] = caplog.messages
        assert line.startswith(f"job {job_id}: patchwork.tests.jobs.chores.note done after ")
        assert line.endswith("ms, attempt 1, queue default, correlation c0ffee")

    def test_with_its_own_transaction_or_not_at_all(self):
        chores.finish_itself.enqueue("a", fails=True)
        assert drain() == 2
        assert written() == ["a"], "the first attempt was rolled back"
        assert states() == ["done"]

    def test_what_was_taken_over_is_not_recorded(self):
        chores.lose_the_lease.enqueue("a")
        assert drain() == 1
        assert written() == ["lost"]
        assert not JobKey.objects.exists()
        assert Job.objects.get().worker == "another"
        assert states() == ["running"]


class TestBackoff:
    def test_longer_each_time(self):
        backoff = Backoff(first=10, factor=2, most=100, jitter=0)
        assert [backoff.seconds(attempt) for attempt in (1, 2, 3, 4, 5, 5000)] == [
            *(10, 20, 40, 80),
            *(100, 100),
        ]

    def test_never_quite_the_same(self):
        pauses = {Backoff(first=100, jitter=0.2).seconds(1) for _ in range(50)}
        assert len(pauses) > 40
        assert all(80 <= pause <= 120 for pause in pauses)


class TestLeases:
    def test_two_workers_never_hold_the_same(self):
        enqueue_many(chores.note, [(str(number),) for number in range(10)])
        one, other = Grip("one"), Grip("other")
        first, second = one.move_on(None, 4), other.move_on(None, 100)
        held = [first, *one.waiting, second, *other.waiting]
        assert len({job.id for job in held if job}) == 10
        assert len(one.waiting) == 3

    def test_what_is_not_begun_is_given_back(self):
        enqueue_many(chores.note, [(str(number),) for number in range(5)])
        grip = Grip("one")
        held = grip.move_on(None, 5)
        assert held
        grip.leave(Ended(held, JobState.DONE))
        assert states() == ["done", *["queued"] * 4]
        assert set(Job.objects.filter(state="queued").values_list("attempts", "worker")) == {
            (0, "")
        }
        assert drain() == 4

    def test_a_lease_that_ran_out(self):
        chores.note.enqueue("a")
        lost = take("vanished")
        assert drain() == 0
        hurry()
        held = take("heir")
        assert (held.id, held.attempts) == (lost.id, 2)
        assert Job.objects.get().error == leasing.VANISHED
        leasing.record_if_ours(Ended(lost, JobState.DEAD, "late"))
        assert Job.objects.get().state == JobState.RUNNING, "fenced"
        leasing.record_if_ours(Ended(held, JobState.DONE))
        assert Job.objects.get().state == JobState.DONE

    def test_what_kills_its_workers_ends_some_day(self):
        chores.come_back.enqueue(1)
        for _ in range(3):
            take("vanishing")
            hurry()
        assert drain() == 1
        job = Job.objects.get()
        assert job.state == JobState.DEAD
        assert job.error == "Its worker was not heard of any more. That was its last attempt."

    def test_a_heartbeat_keeps_it(self, settings):
        chores.note.enqueue("a")
        held = take("us")
        hurry()
        leasing.extend("us", [held.id])
        assert drain() == 0
        hurry()
        leasing.extend("somebody else", [held.id])
        assert drain() == 1

    def test_a_heartbeat_that_is_late_changes_nothing(self):
        chores.come_back.enqueue(5)
        held = take("us")
        ended = run(held)
        Grip("us").leave(ended)
        due = Job.objects.get().due
        leasing.extend("us", [held.id])
        assert Job.objects.get().due == due

    def test_queues(self):
        chores.note.using(queue_name="mail").enqueue("mail")
        chores.note.using(queue_name="git.1").enqueue("git")
        assert drain(["git.2"]) == 0
        assert drain(["git.1", "git.2"]) == 1
        assert written() == ["git"]
        assert drain() == 1

    def test_a_certain_one(self):
        first, second = enqueue_many(chores.note, [("a",), ("b",)])
        held = leasing.take_one("us", second)
        assert held and held.id == second and held.attempts == 1
        assert leasing.take_one("them", second) is None
        assert leasing.take_one("us", first + 100) is None

    def test_what_it_costs(self):
        enqueue_many(chores.nothing, [(number,) for number in range(64)])
        grip = Grip("us")
        held = grip.move_on(None, 64)
        with CaptureQueriesContext(connection) as asked:
            for _ in range(60):
                assert held
                held = grip.move_on(Ended(held, JobState.DONE), 64)
        assert len(asked) == 60 * 4, "the end of one, the beginning of the next; two savepoints"


class TestByHand:
    def test_dropping_one_that_was_passed_by_leaves_no_key(self):
        chores.note_or_go_on.enqueue("k", "bad")
        drain()
        drop(Job.objects.get().pk)
        assert states() == ["cancelled"]
        assert not JobKey.objects.exists()

    @pytest.mark.parametrize("state", ["done", "running", "queued", "blocked"])
    def test_nothing_to_try_again(self, state):
        chores.note.enqueue("a")
        Job.objects.update(state=state)
        with pytest.raises(CannotDo, match="nothing to try again"):
            retry(Job.objects.get().pk)

    @pytest.mark.parametrize("state", ["done", "running", "cancelled"])
    def test_nothing_to_drop(self, state):
        chores.note.enqueue("a")
        Job.objects.update(state=state)
        with pytest.raises(CannotDo, match="cannot be dropped"):
            drop(Job.objects.get().pk)

    def test_no_such_job(self):
        with pytest.raises(CannotDo, match="no job 12"):
            retry(12)

    def test_as_many_attempts_as_a_new_one(self):
        chores.fail.enqueue()
        for _ in range(3):
            drain()
            hurry()
        retry(Job.objects.get().pk)
        assert states() == ["queued"]
        drain()
        assert Job.objects.get().attempts == 1
        assert states() == ["retry"]

    def test_one_that_was_dropped(self):
        job_id = int(chores.note.enqueue("a").id)
        drop(job_id)
        assert drain() == 0
        retry(job_id)
        assert drain() == 1
        assert Job.objects.get().finished


class TestPeriodic:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        monkeypatch.setattr(periodic, "_registered", {})
        periodic.register("ticking", chores.tick, every=timedelta(seconds=90))
        periodic.provide()
        periodic.provide()

    def test_once_in_a_while(self):
        assert periodic.queue_due() == 1
        assert periodic.queue_due() == 0
        drain()
        assert written() == ["tick"]
        row = PeriodicJob.objects.get()
        assert round(seconds_between(row.last_queued, row.due)) == 90

    def test_one_that_still_waits_is_not_queued_again(self):
        periodic.queue_due()
        PeriodicJob.objects.update(due=datetime(2001, 1, 1, tzinfo=UTC))
        assert periodic.queue_due() == 0
        assert PeriodicJob.objects.get().due > timezone.now()
        assert Job.objects.count() == 1

    def test_the_admin_decides_how_often(self):
        PeriodicJob.objects.update(every=5)
        periodic.provide()
        periodic.queue_due()
        row = PeriodicJob.objects.get()
        assert round(seconds_between(row.last_queued, row.due)) == 5
        PeriodicJob.objects.update(enabled=False, due=datetime(2001, 1, 1, tzinfo=UTC))
        assert periodic.queue_due() == 0

    def test_one_that_no_version_knows_any_more(self):
        PeriodicJob.objects.create(name="gone", every=1)
        assert periodic.queue_due() == 1

    def test_it_has_to_go_on_after_its_death(self):
        with pytest.raises(ValueError, match="on_dead"):
            periodic.register("bad", chores.give_up, every=timedelta(1))


class TestUpkeep:
    def test_what_was_done_long_ago_is_forgotten(self, settings, monkeypatch):
        monkeypatch.setattr("patchwork.jobs.upkeep.BATCH", 3)
        enqueue_many(chores.nothing, [(number,) for number in range(20)])
        drain()
        ids = list(Job.objects.order_by("id").values_list("id", flat=True))
        old = timezone.now() - timedelta(days=settings.JOB_KEEP_DAYS, hours=1)
        Job.objects.filter(pk__in=ids[:15]).update(created=old, finished=old)
        Job.objects.filter(pk__in=ids[2:8]).update(state=JobState.DEAD)
        Job.objects.filter(pk=ids[9]).update(state=JobState.CANCELLED)
        Job.objects.filter(pk=ids[10]).update(finished=timezone.now())
        Job.objects.filter(pk=ids[11]).update(state=JobState.BLOCKED, finished=None)
        assert prune.call() == 7
        kept = [*ids[2:8], ids[10], ids[11], *ids[15:]]
        assert list(Job.objects.order_by("id").values_list("id", flat=True)) == kept

    def test_tallies(self):
        flush()
        JobTally.objects.all().delete()
        chores.note.enqueue("a")
        chores.note.enqueue("b")
        chores.give_up.enqueue()
        drain()
        flush()
        flush()
        counted: Counter[tuple[str, str]] = Counter()
        for row in JobTally.objects.all():
            counted[row.name.rpartition(".")[2], row.outcome] += row.count
        assert counted == {("note", "done"): 2, ("give_up", "dead"): 1}

    @pytest.mark.parametrize(
        ("seconds", "bucket"), [(0, 5), (0.005, 5), (0.0051, 25), (600, 600_000), (601, OVER)]
    )
    def test_buckets(self, seconds, bucket):
        assert bucket_of(seconds) == bucket
        assert list(BUCKETS) == sorted(BUCKETS)


class TestAttendance:
    def test_a_worker_that_was_forgotten_signs_in_again(self):
        presence = Presence("us", "worker", ("mail", "default"), 3)
        presence.be_seen()
        Worker.objects.update(seen=timezone.now() - timedelta(days=2))
        assert not is_anybody_there(60)
        forget_the_vanished()
        assert not Worker.objects.exists()
        presence.be_seen()
        assert is_anybody_there(60)
        assert Worker.objects.get().queues == "mail,default"
        presence.sign_out()
        assert not Worker.objects.exists()
