# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviewers are asked, and revisions tested again."""

from __future__ import annotations

from json import dumps
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.people import throttling
from patchwork.tests.api.freedesktop.conftest import WHO, Speaker, basic
from patchwork.tests.letters import thread
from patchwork.tracking.models import Series

REVIEWERS = {"maintainer", "admin", "session", "write token"}


@pytest.fixture
def address(feature: Series) -> str:
    return f"/api/1.0/series/{feature.pk}/"


@pytest.fixture
def nils(db: None) -> User:
    return User.objects.create_user("nils", "nils@example.org", first_name="Nils")


def write(address: str, sent: Any, method: str = "PATCH", who: str = "maria") -> Any:
    return Client().generic(
        method,
        address,
        sent if isinstance(sent, bytes) else _json(sent),
        "application/json",
        headers=basic(who),
    )


def _json(sent: Any) -> bytes:
    return dumps(sent).encode()


def mails() -> list[tuple[str, str]]:
    assert not OutgoingMail.objects.exclude(kind=Kind.NOTICE).exists()
    rows = OutgoingMail.objects.order_by("pk")
    return list(rows.values_list("recipients__address", "subject"))


class TestReviewer:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_asked_and_not_asked_any_more(
        self, address: str, maintainer: User, nils: User, method: str
    ) -> None:
        answer = write(address, {"reviewer": nils.pk}, method)
        assert (answer.status_code, answer.json()["reviewer"]) == (200, nils.pk)
        assert answer.json() == Client().get(address).json()
        assert mails() == [("nils@example.org", "Review request for Feature")]
        answer = write(address, {"reviewer": None}, method)
        assert (answer.status_code, answer.json()["reviewer"]) == (200, None)
        assert mails()[1:] == [("nils@example.org", "Review request dropped for Feature")]

    def test_one_after_another(self, address: str, maintainer: User, nils: User) -> None:
        write(address, {"reviewer": nils.pk})
        write(address, {"reviewer": maintainer.pk})
        assert mails()[1:] == [("nils@example.org", "Review request dropped for Feature")]

    def test_nobody_is_told_what_he_did(self, address: str, maintainer: User) -> None:
        write(address, {"reviewer": maintainer.pk})
        write(address, {"reviewer": None})
        assert mails() == []

    def test_everything_else_is_passed_over(
        self, address: str, maintainer: User, nils: User
    ) -> None:
        before = Client().get(address).json()
        sent = before | {"reviewer": nils.pk, "name": "Mine", "state": "done", "version": 9}
        after = write(address, sent, "PUT").json()
        assert after.pop("last_updated") > before.pop("last_updated")
        assert after == before | {"reviewer": nils.pk}

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize("sent", [{}, {"reviewer": "SAME"}, {"name": "Mine"}])
    def test_every_write_moves_it(
        self, address: str, maintainer: User, nils: User, method: str, sent: Any
    ) -> None:
        before = write(address, {"reviewer": nils.pk}).json()
        same = {name: nils.pk if said == "SAME" else said for name, said in sent.items()}
        after = write(address, same, method).json()
        assert after["last_updated"] > before["last_updated"]
        assert after["reviewer"] == nils.pk
        assert len(mails()) == 1

    def test_a_form_will_do(self, address: str, maintainer: User, nils: User) -> None:
        for form, reviewer in ((f"reviewer={nils.pk}", nils.pk), ("reviewer=", None)):
            answer = Client().patch(
                address, form, "application/x-www-form-urlencoded", headers=basic("maria")
            )
            assert (answer.status_code, answer.json()["reviewer"]) == (200, reviewer)

    def test_objects_are_answered_when_they_are_asked_for(
        self, address: str, maintainer: User, nils: User
    ) -> None:
        answer = write(f"{address}?related=expand", {"reviewer": nils.pk}).json()
        assert answer["reviewer"] == {"id": nils.pk, "name": "Nils"}

    @pytest.mark.parametrize(
        ("reviewer", "told"),
        [
            (999, 'Invalid pk "999" - object does not exist.'),
            ("999", 'Invalid pk "999" - object does not exist.'),
            (-1, 'Invalid pk "-1" - object does not exist.'),
            (10**30, f'Invalid pk "{10**30}" - object does not exist.'),
            ("maria", "Incorrect type. Expected pk value, received str."),
            ("\0", "Incorrect type. Expected pk value, received str."),
            (True, "Incorrect type. Expected pk value, received bool."),
            (1.5, "Incorrect type. Expected pk value, received float."),
            ([1], "Incorrect type. Expected pk value, received list."),
            ({"id": 1}, "Incorrect type. Expected pk value, received dict."),
        ],
    )
    def test_who_is_nobody(self, address: str, maintainer: User, reviewer: Any, told: str) -> None:
        answer = write(address, {"reviewer": reviewer})
        assert (answer.status_code, answer.json()) == (400, {"reviewer": [told]})

    def test_who_is_not_active(self, address: str, maintainer: User, nils: User) -> None:
        nils.is_active = False
        nils.save()
        answer = write(address, {"reviewer": nils.pk})
        told = f'Invalid pk "{nils.pk}" - object does not exist.'
        assert (answer.status_code, answer.json()) == (400, {"reviewer": [told]})
        assert mails() == []

    @pytest.mark.parametrize(
        "sent", [b"[]", b'"x"', b"5", b"{", b"\xff", b"1e999", b'{"reviewer": 1e999}']
    )
    def test_what_is_no_series(self, address: str, maintainer: User, sent: bytes) -> None:
        assert write(address, sent).status_code == 400

    def test_no_such_series(self, maintainer: User) -> None:
        assert write("/api/1.0/series/999/", {"reviewer": "x"}).status_code == 404

    @pytest.mark.parametrize("who", WHO)
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_who_may(
        self, address: str, speak_as: Speaker, nils: User, who: str, method: str
    ) -> None:
        client, headers = speak_as(who)
        sent = _json({"reviewer": nils.pk})
        answer = client.generic(method, address, sent, "application/json", headers=headers)
        expected = 200 if who in REVIEWERS else 401 if who == "wrong password" else 403
        assert answer.status_code == expected
        assert (Series.objects.get().reviewer == nils) == (who in REVIEWERS)

    def test_a_session_needs_its_token_against_forgery(
        self, address: str, maintainer: User, nils: User
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(maintainer)
        answer = client.patch(address, _json({"reviewer": nils.pk}), "application/json")
        assert answer.status_code == 403
        assert "CSRF" in answer.json()["detail"]
        cookie = client.get("/user/login/").cookies["csrftoken"].value
        answer = client.patch(
            address,
            _json({"reviewer": nils.pk}),
            "application/json",
            headers={"x-csrftoken": cookie},
        )
        assert answer.status_code == 200


class TestNewRevision:
    @pytest.fixture
    def again(self, address: str) -> str:
        return f"{address}revisions/1/newrevision/"

    def test_it_is_a_copy_with_an_event(self, address: str, again: str, maintainer: User) -> None:
        first = Client().get(f"{address}revisions/1/").json()
        write(f"{address}revisions/1/test-results/", {"test_name": "b", "state": "failure"}, "POST")
        answer = write(again, {}, "POST")
        assert answer.status_code == 201
        assert answer.json() == first | {"version": 2}
        assert first["cover_letter"] == "A text."
        assert Client().get(f"{address}revisions/").json()["count"] == 2
        series = Client().get(address).json()
        assert (series["version"], series["n_patches"], series["test_state"]) == (2, 2, None)
        event = Client().get("/api/1.0/projects/list/events/").json()["results"][0]
        assert (event["series"], event["user"], event["parameters"]) == (
            *(series["id"], maintainer.pk, {"revision": 2}),
        )
        one, two = (
            Client().get(f"{address}revisions/{version}/mbox/").content for version in (1, 2)
        )
        assert one == two

    def test_not_of_an_old_one(self, again: str, maintainer: User) -> None:
        assert write(again, {}, "POST").status_code == 201
        answer = write(again, {}, "POST")
        assert answer.status_code == 409
        assert answer.json() == {"detail": "Revision 1 is not the newest one; that is 2."}

    def test_not_of_one_that_is_not_complete(self, maintainer: User) -> None:
        receive_many(thread("+ [PATCH 1/2] Other", "o"))
        series = Series.objects.get()
        again = f"/api/1.0/series/{series.pk}/revisions/1/newrevision/"
        answer = write(again, {}, "POST")
        assert answer.status_code == 409
        assert answer.json() == {"detail": "Revision 1 is not complete yet."}

    def test_of_what_is_not_there(self, address: str, maintainer: User) -> None:
        for path in (f"{address}revisions/9/", "/api/1.0/series/999/revisions/1/"):
            assert write(f"{path}newrevision/", {}, "POST").status_code == 404

    def test_only_by_post(self, again: str, maintainer: User) -> None:
        answer = Client().get(again)
        assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")

    @pytest.mark.parametrize("who", WHO)
    def test_who_may(self, again: str, speak_as: Speaker, who: str) -> None:
        client, headers = speak_as(who)
        answer = client.post(again, headers=headers)
        allowed = who in REVIEWERS | {"submitter"}
        expected = 201 if allowed else 401 if who == "wrong password" else 403
        assert answer.status_code == expected
        assert (Series.objects.get().version == 2) == allowed

    def test_a_submitter_leaves_it_at_a_few(self, address: str, speak_as: Speaker) -> None:
        client, headers = speak_as("submitter")

        def again(number: int) -> str:
            return f"{address}revisions/{number}/newrevision/"

        last = throttling.RERUNS_ASKED
        for number in range(1, last + 1):
            assert client.post(again(number), headers=headers).status_code == 201
        answer = client.post(again(last + 1), headers=headers)
        assert (answer.status_code, int(answer["Retry-After"]) > 600) == (429, True)
        assert answer.json()["detail"].startswith("Too many attempts. Try again in ")
        assert Series.objects.get().version == last + 1
        for number in range(last + 1, 2 * last + 1):
            assert write(again(number), {}, "POST").status_code == 201
