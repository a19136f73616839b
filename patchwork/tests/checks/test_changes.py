# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results: appended, the latest one counts, the most severe one stands for all."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.checks.by_test import latest_by_test
from patchwork.checks.changes import record_result
from patchwork.checks.models import CheckResult, TestMail
from patchwork.checks.queries import states_of_patches
from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Revision, Series
from patchwork.tracking.queries.said import results_on


@pytest.fixture
def revision(project: Project) -> Revision:
    receive_many(thread("+ [PATCH] Name"))
    return Revision.objects.get()


@pytest.fixture
def robot(project: Project) -> User:
    return User.objects.create_user("robot")


@pytest.mark.parametrize(
    ("said", "combined"),
    [
        (["pending"], "pending"),
        (["info"], "success"),
        (["pending", "success"], "success"),
        (["success", "info"], "success"),
        (["success", "warning"], "warning"),
        (["failure", "warning", "pending"], "failure"),
    ],
)
def test_the_most_severe_result_stands_for_all(
    revision: Revision, robot: User, said: list[str], combined: str
) -> None:
    for number, state in enumerate(said):
        record_result(target=revision, test_name=f"test {number}", state=state, user=robot)
    revision.refresh_from_db()
    assert revision.test_state == Series.objects.get().test_state == combined


def test_a_later_result_replaces_the_users_own_and_speaks_for_the_test(
    revision: Revision, robot: User
) -> None:
    other = User.objects.create_user("other robot")
    record_result(target=revision, test_name="build", state="failure", user=robot)
    record_result(target=revision, test_name="build", state="warning", user=other)
    record_result(target=revision, test_name="build", state="success", user=robot, summary=" ok ")
    assert CheckResult.objects.count() == 3
    latest = CheckResult.objects.filter(is_latest=True).order_by("pk")
    assert [(each.user, each.state, each.summary) for each in latest] == [
        (other, "warning", ""),
        (robot, "success", "ok"),
    ]
    assert Series.objects.get().test_state == "success"


def test_what_is_not_said_stays_as_the_test_said_it_last(revision: Revision, robot: User) -> None:
    other = User.objects.create_user("other robot")
    log = "https://ci.example.org/1"
    for user, url, summary in [
        (robot, log, "started"),
        (other, None, None),
        (robot, "", None),
        (other, None, "done"),
    ]:
        record_result(
            target=revision, test_name="build", state="info", user=user, url=url, summary=summary
        )
    said = CheckResult.objects.order_by("pk").values_list("url", "summary")
    assert list(said) == [(log, "started"), (log, "started"), ("", "started"), ("", "done")]


@pytest.mark.parametrize(
    "names",
    [
        ("Bau", "bau", "构建", "测试"),
        ("C++", "C", "検査", "構築"),
        ("---", "_", "a--b", "a-b"),
        ("é", "e\u0301", "e", "E"),
    ],
)
def test_what_is_written_otherwise_is_another_test(
    revision: Revision, robot: User, names: tuple[str, ...]
) -> None:
    patch = Patch.objects.get()
    for target in (revision, patch):
        for name, state in zip(names, ("failure", "success", "warning", "success"), strict=True):
            record_result(target=target, test_name=name, state=state, user=robot)
    revision.refresh_from_db()
    assert revision.test_state == "failure"
    assert [result.test_name for result in latest_by_test(revision)] == sorted(names)
    assert {result.test_name for result in results_on(Revision, [revision.pk])[revision.pk]} == {
        *names
    }
    assert states_of_patches({patch.pk: None}) == {patch.pk: "failure"}
    assert CheckResult.objects.filter(is_latest=True).count() == 8
    assert TestMail.objects.count() == 4


@pytest.mark.parametrize("name", ["", "x" * 256, "a\r\nBcc: x@example.org", "\u202eliaf"])
def test_a_name_that_cannot_be_shown_is_refused(revision: Revision, robot: User, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        record_result(target=revision, test_name=name, state="success", user=robot)
    assert not CheckResult.objects.exists()


def test_the_first_result_makes_the_tests_row(revision: Revision, robot: User) -> None:
    for target in (revision, Patch.objects.get(), revision):
        record_result(target=target, test_name="build", state="success", user=robot)
    test = TestMail.objects.get()
    assert (test.project, test.test_name, test.recipients) == (revision.project, "build", "none")


def test_an_older_revision_does_not_speak_for_the_series(revision: Revision, robot: User) -> None:
    receive_many(thread("+ [PATCH v2] Name  @1d", "v2"))
    record_result(target=revision, test_name="build", state="failure", user=robot)
    assert Series.objects.get().test_state is None
    newest = Revision.objects.get(number=2)
    record_result(target=newest, test_name="build", state="success", user=robot)
    assert Series.objects.get().test_state == "success"


def test_a_check_on_a_patch_is_an_event(revision: Revision, robot: User) -> None:
    patch = Patch.objects.get()
    result = record_result(target=patch, test_name="Check Patch.pl", state="warning", user=robot)
    assert result.context == "check-patchpl-063c0671"
    event = Event.objects.latest("event_time")
    assert (event.kind, event.patch, event.actor) == ("check-created", patch, robot)
    assert event.parameters == {"check": result.pk}
    assert Series.objects.get().test_state is None


def test_an_unknown_state_is_refused(revision: Revision, robot: User) -> None:
    with pytest.raises(ValueError, match="broken"):
        record_result(target=revision, test_name="build", state="broken", user=robot)
    assert not CheckResult.objects.exists()


def test_every_result_is_in_the_log_once(revision: Revision, robot: User) -> None:
    patch = Patch.objects.get()
    Event.objects.all().delete()
    on_patch = record_result(target=patch, test_name="build", state="success", user=robot)
    on_revision = record_result(target=revision, test_name="build", state="success", user=robot)
    logged = Event.objects.order_by("event_time")
    told = logged.values_list("kind", "patch_id", "revision_id", "actor_id", "parameters")
    assert list(told) == [
        ("check-created", patch.pk, None, robot.pk, {"check": on_patch.pk}),
        ("revision-tested", None, revision.pk, robot.pk, {"check": on_revision.pk}),
    ]


def test_who_reports_by_a_tests_label_means_that_test(revision: Revision, robot: User) -> None:
    patch = Patch.objects.get()
    first = record_result(target=patch, test_name="checkpatch.pl", state="failure", user=robot)
    again = record_result(target=patch, test_name=first.context, state="success", user=robot)
    assert (again.test_name, again.context) == ("checkpatch.pl", first.context)
    assert [each.state for each in latest_by_test(patch)] == ["success"]
    elsewhere = record_result(target=revision, test_name=first.context, state="info", user=robot)
    assert elsewhere.test_name == elsewhere.context == first.context


def test_a_page_shows_what_counts(revision: Revision, robot: User) -> None:
    """Of a patch the latest result of each account, of a revision that of each test."""
    other = User.objects.create_user("another robot")
    patch = Patch.objects.get()
    for target in (patch, revision):
        record_result(target=target, test_name="build", state="failure", user=robot)
        record_result(target=target, test_name="build", state="success", user=other)
    shown = results_on(Patch, [patch.pk])[patch.pk]
    assert [(each.reporter, each.state) for each in shown] == [
        ("another robot", "success"),
        ("robot", "failure"),
    ]
    [shown_of_all] = results_on(Revision, [revision.pk])[revision.pk]
    assert (shown_of_all.reporter, shown_of_all.state) == ("another robot", "success")
