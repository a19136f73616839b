# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks: whose and which tests' they are, and what they add up to."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from patchwork.checks.models import CheckResult
from patchwork.people.changes import set_maintainers
from patchwork.tests.api.getpatchwork.conftest import Tracked, account, basic


def report(client: Client, tracked: Tracked, name: str, state: str, who: str = "maria") -> None:
    """A result on the series, as the other dialect's clients post it."""
    where = f"/fdo/api/1.0/series/{tracked.series.series_id}/revisions/1/test-results/"
    body = {"test_name": name, "state": state}
    answer = client.post(where, body, "application/json", headers=basic(who))
    assert answer.status_code == 201, answer.content


def add_check(client: Client, tracked: Tracked, **body: str) -> Any:
    where = f"/api/1.4/patches/{tracked.two.pk}/checks/"
    return client.post(where, body, "application/json", headers=basic("maria"))


def check_of(client: Client, tracked: Tracked) -> str:
    return str(client.get(f"/api/1.4/patches/{tracked.two.pk}/").json()["check"])


def contexts(client: Client, tracked: Tracked, query: str = "", minor: int = 4) -> list[str]:
    checks = client.get(f"/api/1.{minor}/patches/{tracked.two.pk}/checks/?{query}").json()
    return [check["context"] for check in checks]


@pytest.mark.parametrize(
    ("first", "second"),
    [("Build", "build"), ("a--b", "a-b"), ("---", "_"), ("default", "---"), ("C-", "C")],
)
def test_contexts_that_differ_are_different_tests(
    client: Client, tracked: Tracked, first: str, second: str
):
    add_check(client, tracked, context=first, state="fail")
    add_check(client, tracked, context=second, state="success")
    assert check_of(client, tracked) == "fail"
    assert contexts(client, tracked) == [first, second]
    assert contexts(client, tracked, f"context={second}") == [second]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        *(("http://jenkins/job/1", 201), ("https://[::1]/log", 201), ("", 201), ("http://", 400)),
        *(("ftp://ci.example.org/", 400), ("http://ci/a b", 400), ("http://ci/a\r\nb", 400)),
    ],
)
def test_where_more_can_be_read(client: Client, tracked: Tracked, url: str, status: int):
    answer = add_check(client, tracked, state="success", target_url=url)
    assert answer.status_code == status
    told = "target_url" if status == 400 else "id"
    assert told in answer.json()


def test_tests_of_a_series_count_by_their_names(client: Client, tracked: Tracked):
    said = {"C++": "failure", "C": "success", "検査": "warning", "構築": "success"}
    for name, state in said.items():
        report(client, tracked, name, state)
    assert check_of(client, tracked) == "fail"
    page = client.get(f"/series/{tracked.series.series_id}/").content.decode()
    assert page.count('<span class="test">') == len(said)


def test_a_name_that_is_no_context_has_one_of_its_own(client: Client, tracked: Tracked):
    where = f"/fdo/api/1.0/patches/{tracked.two.pk}/test-results/"
    for name in ("checkpatch.pl", "checkpatch/pl", "checkpatchpl"):
        body = {"test_name": name, "state": "success"}
        client.post(where, body, "application/json", headers=basic("maria"))
    told = contexts(client, tracked)
    assert told == ["checkpatchpl-ef3a2ec3", "checkpatchpl-7f7ce0ca", "checkpatchpl"]
    for context in told:
        assert contexts(client, tracked, f"context={context}") == [context]


def test_results_of_a_series_count_whoever_reported_them(client: Client, tracked: Tracked):
    """As the series' page has it: who reports a test last speaks for it."""
    set_maintainers(tracked.project, [tracked.maintainer, account("bot")])
    report(client, tracked, "build", "failure", "bot")
    assert check_of(client, tracked) == "fail"
    report(client, tracked, "build", "success", "maria")
    assert check_of(client, tracked) == "success"
    assert contexts(client, tracked) == []
    said = client.get(f"/api/1.5/series/{tracked.series.pk}/").json()["test_results"]
    assert [(each["test_name"], each["state"]) for each in said] == [("build", "success")]


def test_checks_of_a_patch_count_for_each_account(client: Client, tracked: Tracked):
    """As this dialect has it: accounts do not know of each other."""
    set_maintainers(tracked.project, [tracked.maintainer, account("bot")])
    where = f"/api/1.4/patches/{tracked.two.pk}/checks/"
    for who, state in (("bot", "fail"), ("maria", "success")):
        body = {"context": "build", "state": state}
        client.post(where, body, "application/json", headers=basic(who))
    assert check_of(client, tracked) == "fail"


def test_a_test_can_be_on_both(client: Client, tracked: Tracked):
    add_check(client, tracked, context="build", state="warning")
    report(client, tracked, "build", "success")
    assert check_of(client, tracked) == "warning"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *(("q=lint", ["Lint-c"]), ("q=LI C", ["Lint-c"]), ("q=b", ["build"])),
        *(("q=lint build", []), ("q=%25", []), ("q=_", [])),
    ],
)
def test_names_are_searched(client: Client, tracked: Tracked, query: str, found: list[str]):
    for context in ("build", "Lint-c"):
        add_check(client, tracked, context=context, state="success")
    for minor in (4, 5):
        assert contexts(client, tracked, query, minor) == found


def test_a_result_on_a_series_says_whose_it_is(client: Client, tracked: Tracked):
    report(client, tracked, "build", "info")
    result = CheckResult.objects.latest("pk")
    (said,) = client.get(f"/api/1.5/series/{tracked.series.pk}/").json()["test_results"]
    assert (said["id"], said["user"]["username"], said["state"]) == (result.pk, "maria", "info")
    (event,) = client.get("/api/1.5/events/?category=revision-tested").json()
    assert event["payload"]["test_result"] == said
    assert check_of(client, tracked) == "success"
    tracked.maintainer.delete()
    (said,) = client.get(f"/api/1.5/series/{tracked.series.pk}/").json()["test_results"]
    assert said["user"] is None
