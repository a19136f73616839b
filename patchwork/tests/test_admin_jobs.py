# SPDX-License-Identifier: GPL-2.0-or-later
"""What the admin shows of jobs, and what may be done with them there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from patchwork import correlation
from patchwork.jobs import periodic
from patchwork.jobs.leasing import Grip
from patchwork.jobs.models import Job, JobState, PeriodicJob, Worker
from patchwork.jobs.worker import drain
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.chores import written
from patchwork.tests.test_admin import act, door, form_of, listing, page, root, submit

__all__ = ["door", "root"]


def somebody(*permissions: str) -> Client:
    user = User.objects.create(username="somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def shown(door: Client, **asked: str) -> list[str]:
    """The tasks of the jobs on a page of the list."""
    answer = door.get(listing(Job), asked)
    assert answer.status_code == 200
    return [job.name.rpartition(".")[2] for job in answer.context["cl"].result_list]


def push(door: Client, row: Job | PeriodicJob, button: str) -> str:
    """Push a button of the row's page; answers the page that is shown then."""
    address = reverse(f"admin:patchwork_{row._meta.model_name}_act", args=[row.pk, button])
    shown = door.get(page(row)).content.decode()
    assert f'formaction="{address}"' in shown
    answer = door.post(address, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def dead_head(db: None) -> Job:
    """Dead, with two others that wait for it."""
    with correlation.carried("c0ffee"):
        chores.give_up_in_line.enqueue("pr:7")
    drain()
    for line in ("one", "two"):
        chores.note_in_line.enqueue("pr:7", line)
    return Job.objects.get(state=JobState.DEAD)


class TestList:
    @pytest.fixture(autouse=True)
    def jobs(self, dead_head: Job) -> None:
        chores.note.enqueue("done")
        chores.fail.enqueue()
        drain()
        chores.nothing.using(queue_name="mail").enqueue()

    def test_what_needs_looking_after_comes_first(self, door: Client) -> None:
        assert shown(door) == ["nothing", "fail", *["note_in_line"] * 2, "give_up_in_line"]
        assert shown(door, state="done") == ["note"]
        assert shown(door, state="dead") == ["give_up_in_line"]
        assert len(shown(door, state="all")) == 6
        assert shown(door, state="nonsense") == []

    def test_states_are_counted(self, door: Client) -> None:
        page = door.get(listing(Job)).content.decode()
        assert "blocked (2)" in page
        assert "dead (1)" in page

    def test_queues_and_tasks(self, door: Client) -> None:
        assert shown(door, queue="mail") == ["nothing"]
        task = "patchwork.tests.jobs.chores.fail"
        assert shown(door, name=task) == ["fail"]
        page = door.get(listing(Job), {"name": "no.task"}).content.decode()
        assert f"name={task}" in page
        assert "queue=mail" in page
        assert "name=no.task" in page

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("c0ffee", ["give_up_in_line"]),
            ("pr:7", ["note_in_line", "note_in_line", "give_up_in_line"]),
            ("550 no such", ["give_up_in_line"]),
            ("chores.note", ["note_in_line", "note_in_line"]),
            ("nothing like that", []),
        ],
    )
    def test_searching(self, door: Client, words: str, found: list[str]) -> None:
        """Exactly what one has at hand, or a part of a text; the latter in open jobs alone."""
        assert shown(door, q=words) == found
        assert shown(door, q="chores.note", state="done") == ["note"]

    def test_searching_by_id(self, door: Client) -> None:
        done = Job.objects.get(state=JobState.DONE)
        assert shown(door, q=str(done.pk)) == ["note"]
        assert shown(door, q=str(done.pk), state="open") == []

    def test_whom_a_dead_one_holds_up(self, door: Client) -> None:
        page = door.get(listing(Job)).content.decode()
        assert '<span class="standing bad">holds up 2 others</span> 550 no such user' in page
        assert page.count("holds up") == 1

    def test_nothing_is_added_or_deleted_by_hand(self, door: Client) -> None:
        job = Job.objects.first()
        assert job
        assert door.get(listing(Job) + "add/").status_code == 403
        assert door.post(page(job, "delete"), {"post": "yes"}).status_code == 403
        assert door.post(page(job), {"state": "done"}).status_code == 403


class TestPage:
    def test_everything_can_be_read(self, door: Client) -> None:
        chores.fail.enqueue()
        drain()
        job = Job.objects.get()
        arguments = {"args": ["<script>alert(1)</script>"], "kwargs": {"naïve": 1}}
        Job.objects.update(arguments=arguments)
        shown = door.get(page(job)).content.decode()
        assert "OSError: the disk is \N{REPLACEMENT CHARACTER} full" in shown
        assert "Traceback (most recent call last)" in shown
        assert "&lt;script&gt;alert(1)" in shown
        assert "naïve" in shown
        assert "<script>alert" not in shown

    def test_the_line_of_a_dead_head(self, dead_head: Job, door: Client) -> None:
        shown = door.get(page(dead_head)).content.decode()
        assert "holds up 2 others" in shown
        first, second = Job.objects.filter(state=JobState.BLOCKED).order_by("id")
        for other in (first, second):
            assert f'<a href="{page(other)}">{other}</a> (blocked)' in shown
        behind = door.get(page(first)).content.decode()
        assert f'after <a href="{page(dead_head)}">{dead_head}</a> (dead)' in behind
        assert "holds up" not in behind
        Job.objects.filter(pk=second.pk).delete()
        assert "holds up another one" in door.get(page(dead_head)).content.decode()

    def test_a_long_line_is_cut(self, dead_head: Job, door: Client) -> None:
        for number in range(25):
            chores.note_in_line.enqueue("pr:7", str(number))
        shown = door.get(page(dead_head)).content.decode()
        assert "holds up 27 others" in shown
        assert "and 7 more" in shown

    def test_links_lead_to_its_kin(self, dead_head: Job, door: Client) -> None:
        answer = door.get(page(dead_head)).content.decode()
        by_key = f"{listing(Job)}?key=pr%3A7&amp;state=all"
        by_correlation = f"{listing(Job)}?correlation=c0ffee&amp;state=all"
        assert by_key in answer
        assert by_correlation in answer
        assert len(shown(door, key="pr:7", state="all")) == 3
        assert shown(door, correlation="c0ffee", state="all") == ["give_up_in_line"]


class TestActs:
    def test_retry_by_the_button(self, dead_head: Job, root: User, door: Client) -> None:
        assert "1 will be run again." in push(door, dead_head, "retry")
        dead_head.refresh_from_db()
        assert (dead_head.state, dead_head.attempts) == (JobState.QUEUED, 0)
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (root, str(dead_head.pk))
        assert entry.get_change_message() == "Retry"

    def test_drop_by_the_button(self, dead_head: Job, door: Client) -> None:
        assert "1 dropped." in push(door, dead_head, "drop")
        dead_head.refresh_from_db()
        assert dead_head.state == JobState.CANCELLED
        drain()
        assert written() == ["one", "two"]

    def test_several_at_once(self, door: Client) -> None:
        for _ in range(3):
            chores.give_up.enqueue()
        drain()
        chores.nothing.enqueue()
        jobs = list(Job.objects.order_by("id"))
        said = act(door, "retry", jobs)
        assert "3 will be run again." in said
        assert "chores.nothing is queued; there is nothing to try again." in said
        assert Job.objects.filter(state=JobState.QUEUED).count() == 4
        assert "3 dropped." in act(door, "drop", jobs[:3])

    def test_many_refusals_are_summed_up(self, door: Client) -> None:
        for _ in range(12):
            chores.nothing.enqueue()
        said = act(door, "retry", list(Job.objects.all()))
        assert said.count("there is nothing to try again") == 10
        assert "2 more could not be done." in said

    def test_buttons_are_there_when_they_can_be_used(self, door: Client) -> None:
        chores.nothing.enqueue()
        job = Job.objects.get()
        waiting = door.get(page(job)).content
        assert b"/do/drop/" in waiting and b"/do/retry/" not in waiting
        Grip("us").move_on(None, 1)
        assert b"/do/" not in door.get(page(job)).content
        address = reverse("admin:patchwork_job_act", args=[job.pk, "drop"])
        assert "is running; it cannot be dropped." in door.post(address, follow=True).text

    def test_who_may_only_look(self, dead_head: Job) -> None:
        client = somebody("view_job")
        assert b"/do/" not in client.get(page(dead_head)).content
        address = reverse("admin:patchwork_job_act", args=[dead_head.pk, "retry"])
        assert client.post(address).status_code == 403
        act(client, "retry", [dead_head])
        dead_head.refresh_from_db()
        assert dead_head.state == JobState.DEAD

    def test_who_may_change(self, dead_head: Job) -> None:
        push(somebody("change_job"), dead_head, "retry")
        dead_head.refresh_from_db()
        assert dead_head.state == JobState.QUEUED

    def test_a_stranger(self, dead_head: Job) -> None:
        address = reverse("admin:patchwork_job_act", args=[dead_head.pk, "retry"])
        assert Client().post(address).status_code == 302
        dead_head.refresh_from_db()
        assert dead_head.state == JobState.DEAD

    def test_what_there_is_not(self, dead_head: Job, door: Client) -> None:
        address = reverse("admin:patchwork_job_act", args=[dead_head.pk, "retry"])
        assert door.get(address).status_code == 405
        for arguments in ([dead_head.pk, "explode"], [dead_head.pk + 9, "retry"], ["x", "retry"]):
            address = reverse("admin:patchwork_job_act", args=arguments)
            assert door.post(address).status_code == 404

    def test_forms_of_others_do_nothing(self, dead_head: Job, root: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(root)
        address = reverse("admin:patchwork_job_act", args=[dead_head.pk, "retry"])
        assert client.post(address).status_code == 403


class TestPeriodic:
    @pytest.fixture
    def ticking(self, monkeypatch: pytest.MonkeyPatch, db: None) -> PeriodicJob:
        monkeypatch.setattr(periodic, "_registered", {})
        periodic.register("ticking", chores.tick, every=timedelta(hours=1))
        periodic.provide()
        periodic.queue_due()
        drain()
        return PeriodicJob.objects.get()

    def test_its_rhythm(self, ticking: PeriodicJob, door: Client) -> None:
        submit(door, ticking, every=60)
        ticking.refresh_from_db()
        assert ticking.last_queued
        assert round((ticking.due - ticking.last_queued).total_seconds()) == 60
        submit(door, ticking, enabled=False)
        ticking.refresh_from_db()
        assert (ticking.every, ticking.enabled) == (60, False)

    @pytest.mark.parametrize("every", ["0", "-5", "often", "99999999999"])
    def test_a_rhythm_that_makes_no_sense(
        self, ticking: PeriodicJob, door: Client, every: str
    ) -> None:
        answer = door.post(page(ticking), form_of(door, ticking, every=every))
        assert answer.status_code == 200
        assert answer.context["errors"]

    def test_run_now(self, ticking: PeriodicJob, door: Client) -> None:
        assert "1 queued by the next worker" in push(door, ticking, "run")
        assert periodic.queue_due() == 1
        drain()
        assert "1 queued by the next worker" in act(door, "run", [ticking])
        assert periodic.queue_due() == 1

    def test_what_is_switched_off(self, ticking: PeriodicJob, door: Client) -> None:
        submit(door, ticking, enabled=False)
        assert b"/do/run/" not in door.get(page(ticking)).content
        said = act(door, "run", [ticking])
        assert "is switched off." in said

    def test_who_may_only_look(self, ticking: PeriodicJob) -> None:
        client = somebody("view_periodicjob")
        assert client.get(page(ticking)).status_code == 200
        assert client.post(page(ticking), {"every": "5"}).status_code == 403

    def test_nothing_is_added_or_deleted_by_hand(self, ticking: PeriodicJob, door: Client) -> None:
        assert door.get(listing(PeriodicJob) + "add/").status_code == 403
        assert door.post(page(ticking, "delete"), {"post": "yes"}).status_code == 403


class TestWorkers:
    def test_who_is_not_heard_of(self, door: Client) -> None:
        for name, seconds in (("busy", 20), ("gone", 90)):
            Worker.objects.create(name=name, runner="worker")
            seen = Now() - timedelta(seconds=seconds)
            Worker.objects.filter(name=name).update(seen=seen)
        assert door.get(listing(Worker)).text.count("not heard of since") == 1
        busy, gone = Worker.objects.order_by("name")
        assert "not heard of since" in door.get(page(gone)).text
        assert "not heard of since" not in door.get(page(busy)).text
        assert door.post(page(busy), {"name": "x"}).status_code == 403
