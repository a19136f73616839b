# SPDX-License-Identifier: GPL-2.0-or-later
"""What Prometheus is told."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models.functions import Now
from django.db.utils import OperationalError
from django.test import Client
from django.utils import timezone

from patchwork.events import consumers
from patchwork.events.models import Consumer, Event
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.receiving import receive
from patchwork.jobs.attendance import Presence
from patchwork.jobs.models import Job, JobTally, PeriodicJob, Worker
from patchwork.jobs.tallies import BUCKETS, OVER, flush
from patchwork.jobs.worker import drain
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.projects.models import Project
from patchwork.tests.jobs import chores
from patchwork.tests.letters import LIST_ID, patch
from patchwork.tests.outbox.drafts import queued

prometheus = pytest.importorskip("prometheus_client", reason="the extra metrics is not installed")

TOKEN = "sesame"
TASK = "patchwork.tests.jobs.chores"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def switched_on(settings) -> None:
    settings.ENABLE_METRICS = True
    settings.METRICS_TOKEN = TOKEN


def ask(token: str | None = TOKEN, **headers: str):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return Client().get("/metrics", headers=headers)


def samples() -> Samples:
    """By name and labels, as Prometheus' own parser reads them."""
    from prometheus_client.parser import text_string_to_metric_families

    answer = ask()
    assert answer.status_code == 200
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            place = sample.name, frozenset(sample.labels.items())
            assert place not in found
            found[place] = sample.value
    return found


def value(found: Samples, metric: str, /, **labels: str) -> float:
    return found[metric, frozenset(labels.items())]


class TestWhoMaySee:
    def test_nobody_unless_switched_on(self, settings, db):
        settings.ENABLE_METRICS = False
        assert ask().status_code == 404

    def test_nobody_without_a_token_of_ours(self, settings):
        settings.METRICS_TOKEN = ""
        answer = ask("")
        assert (answer.status_code, "METRICS_TOKEN is not set" in answer.text) == (403, True)

    @pytest.mark.parametrize("token", [None, "", "wrong", "sesame2", "sésame", "SESAME"])
    def test_only_with_the_token(self, token, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            answer = ask(token)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"

    def test_another_scheme(self):
        answer = Client().get("/metrics", headers={"Authorization": f"Basic {TOKEN}"})
        assert answer.status_code == 401

    def test_by_address(self, settings, db):
        settings.ALLOWED_HOSTS = ["patchwork.example.com"]
        answer = ask(Host="10.1.2.3:8000")
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"

    def test_only_asked(self, db):
        assert Client().post("/metrics").status_code == 405

    def test_what_is_missing_is_told_at_the_start(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "patchwork.web.metrics", raising=False)
        for name in [name for name in sys.modules if name.partition(".")[0] == "prometheus_client"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        with pytest.raises(ImproperlyConfigured, match=r"patchwork-tracker\[metrics\]"):
            Client().get("/")


class TestForms:
    def test_text(self, db):
        assert ask()["Content-Type"].startswith("text/plain; version=")

    def test_openmetrics(self, db):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families

        JobTally.objects.create(name="a.task", outcome="done", bucket=5, count=3, seconds=1)
        answer = ask(Accept="application/openmetrics-text; version=1.0.0")
        assert answer["Content-Type"].startswith("application/openmetrics-text")
        names = {family.name for family in text_string_to_metric_families(answer.text)}
        assert "patchwork_job_attempts" in names

    def test_names_are_escaped(self, db):
        Job.objects.create(name='a "task"\\n', queue="default", arguments={}, state="queued")
        found = samples()
        labels = {"queue": "default", "task": 'a "task"\\n', "state": "queued"}
        assert value(found, "patchwork_jobs", **labels) == 1

    def test_a_database_that_does_not_answer(self, monkeypatch):
        def fail() -> None:
            raise OperationalError("secret")

        monkeypatch.setattr("patchwork.web.metrics.queries.standings", fail)
        answer = ask()
        assert (answer.status_code, answer.text) == (503, "The database does not answer.\n")

    def test_the_same_number_of_statements_however_much_there_is(
        self, db, monkeypatch, django_assert_num_queries
    ):
        monkeypatch.setattr(consumers, "_registered", {})
        consumers.register("forge", lambda events: None)
        consumers.run_all()
        with django_assert_num_queries(7):
            samples()
        for number in range(20):
            chores.note.using(queue_name=f"git.{number}").enqueue("")
            Presence(f"w{number}", "worker").be_seen()
            PeriodicJob.objects.create(name=f"r{number}", every=60)
            JobTally.objects.create(name=f"t{number}", outcome="done", bucket=5)
            queued(f"mail{number}")
        with django_assert_num_queries(7):
            samples()


class TestJobs:
    def test_how_many_wait_and_for_how_long(self, db):
        for _ in range(2):
            chores.note.enqueue("")
        Job.objects.update(created=Now() - timedelta(hours=2), due=Now() - timedelta(hours=1))
        chores.give_up.using(queue_name="mail").enqueue()
        drain(["mail"])
        found = samples()
        waiting = {"queue": "default", "task": f"{TASK}.note", "state": "queued"}
        assert value(found, "patchwork_jobs", **waiting) == 2
        assert value(found, "patchwork_job_oldest_seconds", **waiting) == pytest.approx(7200, 0.01)
        assert value(found, "patchwork_job_late_seconds", **waiting) == pytest.approx(3600, 0.02)
        dead = {"queue": "mail", "task": f"{TASK}.give_up", "state": "dead"}
        assert value(found, "patchwork_jobs", **dead) == 1
        assert value(found, "patchwork_job_late_seconds", **dead) == 0

    def test_attempts(self, db):
        flush()
        JobTally.objects.all().delete()
        chores.note.enqueue("")
        chores.fail.enqueue()
        chores.give_up.enqueue()
        drain()
        flush()
        found = samples()
        for task, outcome in (("note", "done"), ("fail", "retry"), ("give_up", "dead")):
            labels = {"task": f"{TASK}.{task}", "outcome": outcome}
            assert value(found, "patchwork_job_attempts_total", **labels) == 1
            assert value(found, "patchwork_job_duration_seconds_count", **labels) == 1

    def test_buckets_are_cumulative(self, db):
        for bucket, count in ((BUCKETS[0], 3), (BUCKETS[2], 2), (OVER, 1)):
            JobTally.objects.create(
                name="a.task", outcome="done", bucket=bucket, count=count, seconds=count * 0.5
            )
        found = samples()
        labels = {"task": "a.task", "outcome": "done"}
        bounds = [str(bound / 1000) for bound in BUCKETS]
        assert bounds[:3] == ["0.005", "0.025", "0.1"]
        name = "patchwork_job_duration_seconds_bucket"
        counts = [value(found, name, **labels, le=bound) for bound in [*bounds, "+Inf"]]
        assert counts == [3, 3, *[5] * (len(BUCKETS) - 2), 6]
        assert value(found, "patchwork_job_duration_seconds_sum", **labels) == 3
        assert value(found, "patchwork_job_duration_seconds_count", **labels) == 6


class TestOthers:
    def test_workers(self, db):
        found = samples()
        assert value(found, "patchwork_workers", state="alive") == 0
        for name, seconds in (("a", 0), ("b", 20), ("c", 3600)):
            Presence(name, "worker", concurrency=4).be_seen()
            seen = Now() - timedelta(seconds=seconds)
            Worker.objects.filter(name=name).update(seen=seen)
        found = samples()
        assert value(found, "patchwork_workers", state="alive") == 2
        assert value(found, "patchwork_workers", state="silent") == 1
        assert value(found, "patchwork_worker_lanes") == 8

    def test_what_recurs(self, db):
        PeriodicJob.objects.create(name="late", every=60)
        PeriodicJob.objects.create(name="off", every=60, enabled=False)
        PeriodicJob.objects.update(due=Now() - timedelta(hours=1))
        found = samples()
        name = "patchwork_periodic_job_late_seconds"
        assert value(found, name, name="late") == pytest.approx(3600, 0.02)
        assert value(found, name, name="off") == 0

    def test_quarantine(self, project):
        assert value(samples(), "patchwork_quarantined_mails") == 0
        receive(patch("[PATCH] Stray", headers={"List-Id": "<no.example.org>"}))
        assert value(samples(), "patchwork_quarantined_mails") == 1
        QuarantinedMail.objects.update(state=QuarantinedMail.State.DROPPED)
        assert value(samples(), "patchwork_quarantined_mails") == 0

    def test_outgoing_mails(self, db):
        queued("list")
        for name in ("a", "b"):
            queued(name, kind=Kind.NOTICE)
        old = OutgoingMail.objects.filter(kind=Kind.LIST)
        old.update(created=timezone.now() - timedelta(hours=1))
        OutgoingMail.objects.filter(msgid="<b@example.org>").update(state="sent")
        found = samples()
        notices = {"kind": "notice", "state": "queued"}
        assert value(found, "patchwork_outgoing_mails", **notices) == 1
        age = value(found, "patchwork_outgoing_mail_oldest_seconds", kind="list", state="queued")
        assert age == pytest.approx(3600, 0.02)
        assert not [place for name, place in found if ("state", "sent") in place]


class TestReaders:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumers, "_registered", {})
        consumers.register("forge", lambda events: None)
        consumers.register("broken", self.fail)

    @staticmethod
    def fail(events: object) -> None:
        raise ValueError("no")

    def test_who_is_behind(self, states):
        Project.objects.create(linkname="list", name="List", listid=LIST_ID, listemail="l@x.org")
        assert not [name for name, _ in samples() if name.startswith("patchwork_consumer")]
        consumers.run_all()
        receive(patch("[PATCH] One"))
        consumers.run_all()
        Consumer.objects.create(name="of.yesterday", position=timezone.now() - timedelta(days=9))
        first = Event.objects.order_by("event_time").first()
        assert first
        found = samples()
        assert value(found, "patchwork_consumer_behind_seconds", consumer="forge") == 0
        assert value(found, "patchwork_consumer_failing", consumer="forge") == 0
        assert value(found, "patchwork_consumer_failing", consumer="broken") == 1
        Event.objects.filter(pk=first.pk).update(event_time=Now() - timedelta(hours=1))
        position = timezone.now() - timedelta(hours=2)
        Consumer.objects.filter(name="broken").update(position=position)
        behind = value(samples(), "patchwork_consumer_behind_seconds", consumer="broken")
        assert behind == pytest.approx(3600, 0.02)
        labels = {frozenset({("consumer", name)}) for name in ("forge", "broken")}
        assert {place for name, place in found if name == "patchwork_consumer_failing"} == labels


def test_every_figure_is_documented(db):
    page = Path(__file__).parents[3] / "docs" / "deployment" / "monitoring.rst"
    documented = set(re.findall(r"^``(patchwork_\w+)[{`]", page.read_text(), flags=re.MULTILINE))
    told = set(re.findall(r"^# TYPE (\w+)", ask().text, flags=re.MULTILINE))
    assert documented == told
