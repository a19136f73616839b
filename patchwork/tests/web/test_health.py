# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines are told about our health."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.test import Client

from patchwork.jobs.attendance import Presence
from patchwork.jobs.models import Worker
from patchwork.web import health


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch) -> health.Watch:
    """One that has not asked yet, and keeps no answer."""
    monkeypatch.setattr(health, "watch", health.Watch())
    monkeypatch.setattr(health, "KEPT_SECONDS", 0)
    return health.watch


@pytest.fixture
def worker(db: None) -> Worker:
    Presence("busy", "worker").be_seen()
    return Worker.objects.get()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database does not answer, and says too much about it."""

    def fail(*said: object) -> None:
        raise OperationalError('connection to "db.internal" as user "secret" failed')

    monkeypatch.setattr(health, "select", fail)


class TestAlive:
    def test_no_database_is_asked(self, client):
        answer = client.get("/healthz")
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert answer["Content-Type"] == "text/plain"
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_only_asked(self, client, worker, path):
        assert client.head(path).status_code == 200
        assert client.post(path).status_code == 405

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_by_address_and_without_https(self, settings, worker, path):
        settings.ALLOWED_HOSTS = ["patchwork.example.com"]
        settings.SECURE_SSL_REDIRECT = True
        client = Client()
        answer = client.get(path, headers={"Host": "10.1.2.3:8000"})
        assert answer.status_code == 200
        assert not answer.cookies
        assert client.get("/", headers={"Host": "10.1.2.3:8000"}).status_code == 400

    def test_nothing_below_is_an_answer(self, client, db):
        assert client.get("/healthz/").status_code == 404
        assert client.get("/readyz/x").status_code == 404


class TestReady:
    def test_a_line_for_each_check(self, client, worker, django_assert_num_queries):
        with django_assert_num_queries(4):
            answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.text == "ready\ndatabase: ok\nmigrations: ok\nworker: ok\n"
        assert answer["Content-Type"] == "text/plain"

    def test_for_programs(self, client, worker):
        answer = client.get("/readyz", headers={"Accept": "application/json"})
        assert answer.json() == {
            "ready": True,
            "checks": {
                name: {"ok": True, "words": "ok"} for name in ("database", "migrations", "worker")
            },
        }
        for accept in ("*/*", "text/html,*/*;q=0.8", "image/png", ""):
            answer = client.get("/readyz", headers={"Accept": accept})
            assert answer.text.startswith("ready\n")

    def test_no_worker(self, client, db):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.text.startswith("not ready\ndatabase: ok\n")
        assert "\nworker: none was seen in the last 120 s\n" in answer.text

    def test_a_site_without_workers(self, client, db, settings):
        settings.READY_WORKER_SECONDS = 0
        assert client.get("/readyz").text == "ready\ndatabase: ok\nmigrations: ok\n"

    def test_migrations_that_are_missing(self, client, worker):
        applied = MigrationRecorder(connection).migration_qs.filter(app="patchwork")
        first, second = applied.order_by("name").values_list("name", flat=True)[:2]
        applied.filter(name__in=[first, second]).delete()
        answer = client.get("/readyz", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.json()["checks"]["migrations"] == {
            "ok": False,
            "words": f"not applied: patchwork.{first}, patchwork.{second}",
        }
        MigrationRecorder(connection).flush()
        words = client.get("/readyz").text
        assert "\nmigrations: not applied: admin.0001_initial, admin.0002_log" in words
        assert "more\n" in words

    def test_migrations_of_another_version_do_no_harm(self, client, worker):
        MigrationRecorder(connection).record_applied("patchwork", "9999_later")
        assert client.get("/readyz").status_code == 200

    def test_a_database_that_does_not_answer(self, client, broken, caplog):
        for _ in range(3):
            answer = client.get("/readyz")
            assert answer.status_code == 503
            assert answer.text == "not ready\ndatabase: no answer (OperationalError)\n"
        assert [record.getMessage() for record in caplog.records] == [
            'not ready: database: connection to "db.internal" as user "secret" failed'
        ]

    def test_that_it_is_well_again_is_told(self, client, worker, broken, monkeypatch, caplog):
        client.get("/readyz")
        monkeypatch.undo()
        monkeypatch.setattr(health, "KEPT_SECONDS", 0)
        watch = health.Watch()
        watch._checks = (health.Check("database", False, "no answer"),)
        monkeypatch.setattr(health, "watch", watch)
        client.get("/readyz")
        client.get("/readyz")
        assert caplog.messages[-1] == "ready again"
        assert caplog.messages.count("ready again") == 1


class TestFlood:
    def test_the_answer_is_kept_for_a_moment(
        self, client, worker, monkeypatch, django_assert_num_queries
    ):
        monkeypatch.setattr(health, "KEPT_SECONDS", 3600)
        first = client.get("/readyz").text
        Worker.objects.all().delete()
        with django_assert_num_queries(0):
            for _ in range(100):
                assert client.get("/readyz").text == first

    def test_one_asks_and_the_others_do_not_pile_up(self, client, monkeypatch):
        """The database hangs."""
        monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.01)
        asked, goes_on = threading.Event(), threading.Event()
        count = []

        def hang() -> tuple[health.Check, ...]:
            count.append(1)
            asked.set()
            goes_on.wait(20)
            return (health.Check("database", True, "ok"),)

        monkeypatch.setattr(health, "ask", hang)
        patient = threading.Thread(target=health.watch.checks)
        patient.start()
        assert asked.wait(20)
        try:
            for _ in range(3):
                answer = client.get("/readyz")
                assert answer.status_code == 503
                assert "database: has not answered for" in answer.text
        finally:
            goes_on.set()
            patient.join()
        assert len(count) == 1
        assert client.get("/readyz").status_code == 200
