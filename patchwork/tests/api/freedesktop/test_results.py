# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results: reported by programs, shown to everybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.checks.models import CheckResult, TestMail
from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.people.changes import set_maintainers
from patchwork.tests import factories
from patchwork.tests.api.freedesktop.conftest import WHO, Speaker, basic
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Series

LOG = "http://jenkins.example.com/logs/47/checkpatch.log"


@pytest.fixture(params=["revision", "patch"])
def address(request: pytest.FixtureRequest, feature: Series) -> str:
    if request.param == "patch":
        return f"/api/1.0/patches/{Patch.objects.earliest('pk').pk}/test-results/"
    return f"/api/1.0/series/{feature.pk}/revisions/1/test-results/"


@pytest.fixture
def revision_address(feature: Series) -> str:
    return f"/api/1.0/series/{feature.pk}/revisions/1/test-results/"


def post(address: str, sent: Any, name: str = "maria", **more: Any) -> Any:
    return Client().post(address, sent, "application/json", headers=basic(name), **more)


def shown(address: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = Client().get(address).json()
    for each in answer:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", each.pop("date"))
    return answer


class TestReporting:
    def test_first_pending_then_the_result(self, address: str, maintainer: User) -> None:
        assert Client().get(address).json() == []
        answer = post(address, {"test_name": "checkpatch.pl", "state": "pending"})
        assert answer.status_code == 201
        assert list(answer.json()) == ["test_name", "state", "url", "summary", "date"]
        assert shown(address) == [
            {"test_name": "checkpatch.pl", "state": "pending", "url": None, "summary": None}
        ]
        final = {"test_name": "checkpatch.pl", "state": "failure", "url": LOG, "summary": " x\n"}
        assert post(address, final).status_code == 201
        assert shown(address) == [final | {"summary": "x"}]
        assert CheckResult.objects.count() == 2

    def test_a_form_will_do(self, address: str, maintainer: User) -> None:
        sent = {"test_name": "build", "state": "success", "summary": "fine", "url": ""}
        body = "test_name=build&state=success&summary=fine&url="
        urlencoded = "application/x-www-form-urlencoded"
        for answer in (
            Client().post(address, sent, headers=basic("maria")),
            Client().post(address, body, urlencoded, headers=basic("maria")),
        ):
            assert answer.status_code == 201, answer.content
        assert shown(address) == [sent | {"url": None}]

    def test_what_is_left_out_stays_and_null_clears(self, address: str, maintainer: User) -> None:
        test = {"test_name": "build"}
        post(address, test | {"state": "pending", "url": LOG, "summary": "started"})
        steps: list[tuple[str, dict[str, Any], str | None, str | None]] = [
            *(("warning", {}, LOG, "started"), ("failure", {"summary": "over"}, LOG, "over")),
            *(("success", {"url": None}, None, "over"), ("info", {"summary": None}, None, None)),
            *(("info", {"url": LOG, "summary": ""}, LOG, None), ("info", {"url": ""}, None, None)),
        ]
        for state, said, url, summary in steps:
            assert post(address, test | {"state": state} | said).status_code == 201
            assert shown(address) == [test | {"state": state, "url": url, "summary": summary}]

    @pytest.mark.parametrize(
        "url", ["http://jenkins/job/1", "https://[::1]:8080/log", "HTTP://ci/", LOG + "?a=b#c"]
    )
    def test_addresses_of_machines_nearby(self, address: str, maintainer: User, url: str) -> None:
        assert post(address, {"test_name": "b", "state": "info", "url": url}).status_code == 201
        assert [each["url"] for each in shown(address)] == [url]

    def test_one_test_whoever_reports(
        self, address: str, maintainer: User, feature: Series
    ) -> None:
        other = User.objects.create_user("other", password="secret")
        set_maintainers(feature.project, [maintainer, other])
        post(address, {"test_name": "b", "state": "failure", "url": LOG})
        post(address, {"test_name": "b", "state": "success"}, "other")
        post(address, {"test_name": "a", "state": "info"})
        assert [(each["test_name"], each["state"], each["url"]) for each in shown(address)] == [
            *(("a", "info", None), ("b", "success", LOG)),
        ]

    @pytest.mark.parametrize(
        ("said", "combined"),
        [
            *((["pending"], "pending"), (["info"], "success"), (["pending", "info"], "success")),
            *((["success", "info"], "success"), (["success", "warning"], "warning")),
            *((["failure", "warning", "pending", "info"], "failure"),),
        ],
    )
    def test_the_most_severe_one_is_the_revisions(
        self, revision_address: str, maintainer: User, said: list[str], combined: str
    ) -> None:
        for number, state in enumerate(said):
            post(revision_address, {"test_name": f"test {number}", "state": state})
        series = Client().get(revision_address.partition("revisions")[0]).json()
        assert series["test_state"] == combined

    def test_a_result_of_a_patch_is_its_own(self, feature: Series, maintainer: User) -> None:
        patch = Patch.objects.earliest("pk")
        address = f"/api/1.0/patches/{patch.pk}/test-results/"
        post(address, {"test_name": "build", "state": "failure"})
        assert Event.objects.latest("event_time").kind == "check-created"
        assert Client().get(f"/api/1.0/series/{feature.pk}/").json()["test_state"] is None
        assert shown(f"/api/1.0/series/{feature.pk}/revisions/1/test-results/") == []

    def test_a_new_revision_begins_untested(self, revision_address: str, maintainer: User) -> None:
        post(revision_address, {"test_name": "build", "state": "failure"})
        receive_many(thread("+ [PATCH v2 0/1] Feature  @1d\n+--> [PATCH v2 1/1] One", "v2"))
        series = Client().get(revision_address.partition("revisions")[0]).json()
        assert (series["version"], series["test_state"]) == (2, None)
        post(revision_address, {"test_name": "build", "state": "warning"})
        series = Client().get(revision_address.partition("revisions")[0]).json()
        assert series["test_state"] is None
        assert [each["state"] for each in shown(revision_address)] == ["warning"]

    def test_its_name_can_be_configured_in_the_admin(self, address: str, maintainer: User) -> None:
        for _ in range(2):
            post(address, {"test_name": "checkpatch.pl", "state": "success"})
        assert TestMail.objects.get().test_name == "checkpatch.pl"

    def test_it_moves_the_series(self, revision_address: str, maintainer: User) -> None:
        before = Series.objects.get().last_updated
        post(revision_address, {"test_name": "a", "state": "success"})
        assert Series.objects.get().last_updated > before


class TestErrors:
    """In their order: the first that applies is told."""

    GOOD = {"test_name": "build", "state": "success"}

    def test_wrong_credentials_come_first(self, feature: Series, maintainer: User) -> None:
        for address in ("series/999/revisions/1/test-results/", "patches/999/test-results/"):
            answer = Client().post(f"/api/1.0/{address}", {}, headers=basic("maria", "wrong"))
            assert answer.status_code == 401
            assert answer.json() == {"detail": "Invalid username/password."}
            assert answer["WWW-Authenticate"].startswith("Basic ")

    @pytest.mark.parametrize(
        "address",
        [
            *("series/999/revisions/1/test-results/", "series/ID/revisions/9/test-results/"),
            *("patches/999/test-results/", f"series/{10**17}/revisions/{10**17}/test-results/"),
        ],
    )
    def test_then_what_is_not_there(self, feature: Series, address: str) -> None:
        address = f"/api/1.0/{address.replace('ID', str(feature.pk))}"
        for answer in (Client().post(address, {}), Client().get(address)):
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})

    @pytest.mark.parametrize("sent", ["{}", "[]", "null", '"test_name"', '{"state": "x"}', ""])
    def test_then_a_missing_name(self, address: str, sent: str) -> None:
        answer = Client().post(address, sent, "application/json")
        assert answer.status_code == 400
        assert answer.json() == {"test_name": ["This field is required."]}

    def test_then_nobody(self, address: str) -> None:
        answer = Client().post(address, {"test_name": ""}, "application/json")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Basic ")
        assert answer.json() == {"detail": "Authentication credentials were not provided."}

    def test_then_no_maintainer(self, address: str, speak_as: Speaker) -> None:
        client, headers = speak_as("stranger")
        answer = client.post(address, {"test_name": ""}, "application/json", headers=headers)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "You do not have permission to perform this action."}

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"state": "Success"}, {"state": ['"Success" is not a valid choice.']}),
            ({"state": None}, {"state": ["This field may not be null."]}),
            ({"state": ["success"]}, {"state": ["\"['success']\" is not a valid choice."]}),
            ({"state": ""}, {"state": ['"" is not a valid choice.']}),
            ({"url": "jenkins"}, {"url": ["Enter a valid URL."]}),
            ({"url": "javascript:alert(1)"}, {"url": ["Enter a valid URL."]}),
            ({"url": "http://[::1"}, {"url": ["Enter a valid URL."]}),
            ({"url": "ftp://ci.example.org/log"}, {"url": ["Enter a valid URL."]}),
            ({"url": "http://ci.example.org/a b"}, {"url": ["Enter a valid URL."]}),
            ({"url": "http://"}, {"url": ["Enter a valid URL."]}),
            ({"url": "http://ci/" + "x" * 1991}, {"url": ["Enter a valid URL."]}),
            ({"url": "http://ci/\0"}, {"url": ["Enter a valid URL."]}),
            ({"url": 5}, {"url": ["Enter a valid URL."]}),
            ({"url": {}}, {"url": ["Enter a valid URL."]}),
            ({"test_name": ""}, {"test_name": ["This field may not be blank."]}),
            ({"test_name": None}, {"test_name": ["This field may not be null."]}),
            ({"test_name": {}}, {"test_name": ["Not a valid string."]}),
            ({"test_name": "a\0"}, {"test_name": ["Control characters are not allowed."]}),
            (
                {"test_name": "a\r\nBcc: x@example.org"},
                {"test_name": ["Control characters are not allowed."]},
            ),
            ({"test_name": "a\x1b[2J"}, {"test_name": ["Control characters are not allowed."]}),
            ({"test_name": "\u202eliaf"}, {"test_name": ["Control characters are not allowed."]}),
            ({"test_name": "a\u2069"}, {"test_name": ["Control characters are not allowed."]}),
            (
                {"test_name": "x" * 256},
                {"test_name": ["Ensure this field has no more than 255 characters."]},
            ),
            (
                {"summary": "\ud800"},
                {"summary": ["Surrogate characters are not allowed: U+D800."]},
            ),
            ({"summary": [1]}, {"summary": ["Not a valid string."]}),
            (
                {"summary": "x" * 1_000_001},
                {"summary": ["Ensure this field has no more than 1000000 characters."]},
            ),
            (
                {"state": "x", "url": "x"},
                {"state": ['"x" is not a valid choice.'], "url": ["Enter a valid URL."]},
            ),
        ],
    )
    def test_then_fields(
        self, revision_address: str, maintainer: User, wrong: Any, told: Any
    ) -> None:
        answer = post(revision_address, self.GOOD | wrong)
        assert (answer.status_code, answer.json()) == (400, told)
        assert not CheckResult.objects.exists()

    @pytest.mark.parametrize("door", ["/api/1.0", "/fdo/api/1.0"])
    @pytest.mark.parametrize("target", ["series/{series}/revisions/1", "patches/{patch}"])
    def test_in_all_doors(self, feature: Series, maintainer: User, door: str, target: str) -> None:
        """``/fdo/`` always speaks this dialect."""
        patch = Patch.objects.earliest("pk").pk
        address = f"{door}/{target.format(series=feature.pk, patch=patch)}/test-results/"
        answer = post(address, self.GOOD | {"test_name": "a\nb"})
        assert answer.status_code == 400
        assert list(answer.json()) == ["test_name"]

    def test_the_state_is_needed_each_time(self, address: str, maintainer: User) -> None:
        post(address, self.GOOD)
        answer = post(address, {"test_name": "build"})
        assert (answer.status_code, answer.json()) == (400, {"state": ["This field is required."]})

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            *((b"{", 400), (b"\xff\xfe", 400), (b'{"test_name": NaN}', 400), (b"[" * 10**5, 400)),
            *((b'{"test_name": ' + b"9" * 5000 + b"}", 400), (b"\0", 400)),
        ],
    )
    def test_what_cannot_be_read(
        self, address: str, maintainer: User, sent: bytes, status: int
    ) -> None:
        answer = post(address, sent)
        assert answer.status_code == status
        assert answer.json()["detail"].startswith("JSON parse error - ")

    def test_what_is_no_kind_of_ours(self, address: str, maintainer: User) -> None:
        answer = Client().post(address, b"<x/>", "text/xml", headers=basic("maria"))
        assert answer.status_code == 415


ALLOWED = {"maintainer", "admin", "checks token", "write token"}
UNKNOWN = {"anonymous", "session", "wrong password"}


@pytest.mark.parametrize("who", WHO)
def test_who_may_report(address: str, speak_as: Speaker, who: str) -> None:
    client, headers = speak_as(who)
    sent = {"test_name": "build", "state": "success"}
    answer = client.post(address, sent, "application/json", headers=headers)
    expected = 201 if who in ALLOWED else 401 if who in UNKNOWN else 403
    assert answer.status_code == expected
    assert CheckResult.objects.exists() == (who in ALLOWED)


@pytest.mark.parametrize("who", [who for who in WHO if who != "wrong password"])
def test_everybody_may_read(address: str, speak_as: Speaker, who: str) -> None:
    client, headers = speak_as(who)
    assert client.get(address, headers=headers).json() == []


def test_a_project_of_somebody_else(feature: Series, maintainer: User) -> None:
    elsewhere = factories.make_series(factories.make_project("elsewhere"))
    address = f"/api/1.0/series/{elsewhere.pk}/revisions/1/test-results/"
    assert post(address, {"test_name": "build", "state": "success"}).status_code == 403
