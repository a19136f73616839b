# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator asks about jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from patchwork import correlation
from patchwork.jobs import queries
from patchwork.jobs.attendance import Presence
from patchwork.jobs.changes import drop, retry
from patchwork.jobs.leasing import Grip
from patchwork.jobs.models import Job, JobState, JobTally, PeriodicJob, Worker
from patchwork.jobs.queries import Selection, select_jobs
from patchwork.jobs.tallies import BUCKETS, OVER
from patchwork.jobs.worker import drain
from patchwork.tests.jobs import chores

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def chosen(**conditions) -> list[str]:
    return [
        f"{job.name.rpartition('.')[2]} {job.state}" for job in select_jobs(Selection(**conditions))
    ]


class TestStandings:
    def test_nothing_to_do(self):
        chores.nothing.enqueue()
        drain()
        assert queries.standings() == []

    def test_by_state_queue_and_task(self, django_assert_num_queries):
        chores.note.enqueue("done")
        chores.give_up_in_line.enqueue("k")
        drain()
        chores.note_in_line.enqueue("k", "blocked")
        chores.note_in_line.enqueue("k", "blocked")
        chores.fail.enqueue()
        drain()
        chores.nothing.enqueue()
        Grip("us").move_on(None, 1)
        chores.note.enqueue("queued")
        chores.note.using(queue_name="mail").enqueue("queued")
        with django_assert_num_queries(1):
            standings = queries.standings()
        assert [
            (one.queue, one.name.rpartition(".")[2], one.state.value, one.count)
            for one in standings
        ] == [
            ("default", "note_in_line", "blocked", 2),
            ("default", "give_up_in_line", "dead", 1),
            ("default", "note", "queued", 1),
            ("mail", "note", "queued", 1),
            ("default", "fail", "retry", 1),
            ("default", "nothing", "running", 1),
        ]

    def test_how_old_and_how_late(self):
        for _ in range(3):
            chores.note.enqueue("")
        first, second, third = Job.objects.order_by("id")
        Job.objects.filter(pk=first.pk).update(created=Now() - 5 * HOUR, due=Now() + HOUR)
        Job.objects.filter(pk=second.pk).update(created=Now() - 2 * HOUR, due=Now() - 2 * HOUR)
        Job.objects.filter(pk=third.pk).update(created=Now() - 3 * HOUR, due=Now() - HOUR)
        [standing] = queries.standings()
        assert standing.oldest == pytest.approx(5 * 3600, abs=60)
        assert standing.late == pytest.approx(2 * 3600, abs=60)

    def test_what_waits_for_its_time_is_not_late(self):
        chores.fail.enqueue()
        drain()
        [standing] = queries.standings()
        assert (standing.state, standing.late) == (JobState.RETRY, 0)


class TestSelecting:
    @pytest.fixture(autouse=True)
    def some(self, db):
        with correlation.carried("abc"):
            chores.note.enqueue("x")
            chores.fail.enqueue()
        drain()
        chores.give_up_in_line.enqueue("k:1")
        drain()
        chores.note_in_line.enqueue("k:1", "y")
        chores.note.using(queue_name="mail").enqueue("z")

    def test_what_is_open_first(self):
        assert chosen() == [
            "note queued",
            "note_in_line blocked",
            "give_up_in_line dead",
            "fail retry",
        ]
        assert len(chosen(states=list(JobState))) == 5

    @pytest.mark.parametrize(
        ("conditions", "found"),
        [
            ({"states": [JobState.DONE]}, ["note done"]),
            ({"states": [JobState.DEAD, JobState.DONE]}, ["give_up_in_line dead", "note done"]),
            ({"queue": "mail"}, ["note queued"]),
            ({"task": "note"}, ["note queued"]),
            ({"task": "chores.note"}, ["note queued"]),
            ({"task": "patchwork.tests.jobs.chores.note"}, ["note queued"]),
            ({"task": "ote"}, []),
            ({"key": "k:1"}, ["note_in_line blocked", "give_up_in_line dead"]),
            ({"key": "K:1"}, []),
            ({"correlation": "abc"}, ["fail retry"]),
            ({"correlation": "abc", "states": list(JobState)}, ["fail retry", "note done"]),
            ({"error": "USER"}, ["give_up_in_line dead"]),
            ({"error": "100%"}, []),
            ({"queue": "mail", "error": "user"}, []),
        ],
    )
    def test_by(self, conditions, found):
        assert chosen(**conditions) == found


class TestLine:
    def test_behind_a_dead_head(self, django_assert_num_queries):
        chores.give_up_in_line.enqueue("k")
        drain()
        chores.note_in_line.enqueue("k", "1")
        chores.note_in_line.enqueue("k", "2")
        chores.note_in_line.enqueue("another", "3")
        head, first, second, _ = Job.objects.order_by("id")
        with django_assert_num_queries(3):
            line = queries.line_of("k", most=1)
        assert (line.head, line.followers, line.count) == (head, [first], 2)
        everybody = list(Job.objects.all())
        with django_assert_num_queries(1):
            assert queries.held_up(everybody) == {head.pk: 2}
        drop(head.pk)
        line = queries.line_of("k")
        assert (line.head, line.followers, line.count) == (first, [second], 1)

    def test_a_dead_one_that_was_passed_by_holds_up_nobody(self):
        chores.note_or_go_on.enqueue("k", "bad")
        chores.note_or_go_on.enqueue("k", "good")
        bad, good = Job.objects.order_by("id")
        assert queries.held_up([good]) == {}
        assert queries.held_up([bad]) == {bad.pk: 1}
        drain()
        bad.refresh_from_db()
        assert bad.state == JobState.DEAD
        chores.note_or_go_on.enqueue("k", "good")
        assert queries.line_of("k").head != bad
        retry(bad.pk)
        assert queries.held_up([bad]) == {}
        assert queries.line_of("k").followers == [bad]

    def test_nobody_in_line(self, django_assert_num_queries):
        chores.nothing.enqueue()
        line = queries.line_of("k")
        assert (line.head, line.followers, line.count) == (None, [], 0)
        with django_assert_num_queries(0):
            assert queries.held_up([]) == {}


class TestTallied:
    def test_longer_bounds_include_shorter_ones(self, django_assert_num_queries):
        for bucket, count in ((BUCKETS[0], 3), (BUCKETS[2], 2), (OVER, 1)):
            JobTally.objects.create(
                name="a.task", outcome="done", bucket=bucket, count=count, seconds=count
            )
        JobTally.objects.create(name="a.task", outcome="dead", bucket=BUCKETS[1], count=7)
        with django_assert_num_queries(1):
            dead, done = queries.tallied()
        assert done.within == (3, 3, *[5] * (len(BUCKETS) - 2))
        assert (done.count, done.seconds, done.outcome) == (6, 6.0, JobState.DONE)
        assert dead.within == (0, *[7] * (len(BUCKETS) - 1))


class TestWhoAndWhen:
    def test_who_is_silent(self, settings, django_assert_num_queries):
        settings.JOB_LEASE_SECONDS = 60
        for name, seconds in (("a", 30), ("b", 90)):
            Presence(name, "worker").be_seen()
            seen = Now() - timedelta(seconds=seconds)
            Worker.objects.filter(name=name).update(seen=seen)
        with django_assert_num_queries(1):
            assert [(one.name, bool(one.is_silent)) for one in queries.workers()] == [
                ("a", False),
                ("b", True),
            ]

    def test_what_recurs_and_is_late(self, django_assert_num_queries):
        for name, due, enabled in (("a", -HOUR, True), ("b", HOUR, True), ("c", -HOUR, False)):
            PeriodicJob.objects.create(name=name, every=60, enabled=enabled)
            PeriodicJob.objects.filter(pk=name).update(due=Now() + due)
        with django_assert_num_queries(1):
            a, b, c = queries.recurrences()
        assert a.late == pytest.approx(3600, abs=60)
        assert (b.late, c.late) == (0, 0)
