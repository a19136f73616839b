# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may change what by XML-RPC, and what becomes of requests that are no good calls."""

from __future__ import annotations

from base64 import b64encode
from xmlrpc.client import Fault, dumps, loads

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from patchwork.checks.models import CheckResult
from patchwork.events.models import Event, EventKind
from patchwork.people import tokens
from patchwork.people.models import Person, Scope
from patchwork.projects.models import State
from patchwork.tests import factories
from patchwork.xmlrpc import methods, wire

pytestmark = pytest.mark.django_db

MARIA = "maria:secret"


@pytest.fixture
def accepted(states):
    return State.objects.get(name="Accepted")


class TestPatchSet:
    def test_all_at_once(self, call, patches, maintainer, accepted):
        patch = patches[0]
        values = {"state": accepted.pk, "archived": True, "commit_ref": "abc123"}
        assert call("patch_set", patch.pk, values, by=MARIA) is True
        patch.refresh_from_db()
        assert (patch.state, patch.archived, patch.commit_ref) == (accepted, True, "abc123")
        event = Event.objects.get(kind=EventKind.PATCH_STATE_CHANGED)
        assert event.actor == maintainer

    def test_how_much_it_asks(
        self, call, patches, maintainer, accepted, django_assert_max_num_queries
    ):
        call("patch_set", patches[1].pk, {"archived": True}, by=MARIA)
        with django_assert_max_num_queries(24):
            call("patch_set", patches[0].pk, {"state": accepted.pk}, by=MARIA)

    @pytest.mark.parametrize("archived", [True, "yes", 1])
    def test_flags_as_clients_write_them(self, call, patches, maintainer, archived):
        assert call("patch_set", patches[0].pk, {"archived": archived}, by=MARIA) is True
        assert call("patch_get", patches[0].pk)["archived"] is True

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"archived": True, "state": 99999}, "there is no state 99999"),
            ({"archived": True, "name": "x"}, "No value 'name'"),
            ({"archived": True, "commit_ref": "x" * 300}, "commit_ref: is too long"),
            ({"archived": "perhaps"}, "has to be true or false"),
            ("x", "has to be a struct"),
        ],
    )
    def test_all_or_nothing(self, call, patches, maintainer, values, message):
        with pytest.raises(Fault, match=message):
            call("patch_set", patches[0].pk, values, by=MARIA)
        patches[0].refresh_from_db()
        assert not patches[0].archived

    def test_no_such_patch(self, call, maintainer):
        with pytest.raises(Fault, match="There is no patch 99999") as raised:
            call("patch_set", 99999, {}, by=MARIA)
        assert raised.value.faultCode == 404

    def test_the_submitter_may_not(self, call, patches):
        alice = User.objects.create_user("alice", password="x")
        Person.objects.filter(email="alice@example.org").update(user=alice)
        with pytest.raises(Fault, match="You are not allowed to do that"):
            call("patch_set", patches[0].pk, {"archived": True}, by="alice:x")


class TestCheckCreate:
    def test_one(self, call, patches, maintainer, django_assert_max_num_queries):
        call("patch_get", patches[0].pk, by=MARIA)
        parameters = (patches[0].pk, "build-x86", "fail", "https://ci.example.org/", "Broken")
        with django_assert_max_num_queries(16):
            assert call("check_create", *parameters, by=MARIA) is True
        (check,) = call("check_list", {"patch_id": patches[0].pk})
        assert check["state"] == "fail"
        assert check["context"] == "build-x86"
        assert check["target_url"] == "https://ci.example.org/"
        assert check["description"] == "Broken"

    def test_the_least_that_can_be_said(self, call, patches, maintainer):
        assert call("check_create", patches[0].pk, None, "success", by=MARIA) is True
        result = CheckResult.objects.get()
        assert (result.context, result.url, result.summary) == ("default", "", "")

    @pytest.mark.parametrize(
        ("said", "message"),
        [
            ({"state": "great"}, "No state 'great': there are fail, pending, success, warning"),
            ({"state": None}, "No state 'None'"),
            ({"url": "javascript:alert(1)"}, "target_url: has to be an address of the web"),
            ({"url": "ftp://ci.example.org/log"}, "target_url: has to be an address of the web"),
            ({"url": "http://"}, "target_url: has to be an address of the web"),
            ({"url": "http://ci/a b"}, "target_url: has to be an address of the web"),
            ({"url": "https://" + "x" * 2000}, "target_url: is too long"),
            ({"context": "a b"}, "context: is made of letters, digits, - and _ only"),
            ({"context": "ä/<>"}, "context: is made of letters, digits, - and _ only"),
            ({"context": "a\nb"}, "context: is made of letters, digits, - and _ only"),
            ({"context": "x" * 256}, "context: is too long"),
            ({"description": "x" * 70_000}, "description: is too long"),
        ],
    )
    def test_what_means_nothing(self, call, patches, maintainer, said, message):
        check = {"context": "build", "state": "fail", "url": "", "description": ""} | said
        with pytest.raises(Fault, match=message):
            call("check_create", patches[0].pk, *check.values(), by=MARIA)
        assert not CheckResult.objects.exists()


class TestPermissions:
    @pytest.fixture
    def attempts(self, call, patches):
        """What becomes of a change and of a check."""

        def attempts(by):
            outcome = []
            for name, *parameters in (
                ("patch_set", {"archived": True}),
                ("check_create", "build", "success"),
            ):
                try:
                    outcome.append(call(name, patches[0].pk, *parameters, by=by))
                except Fault as fault:
                    outcome.append(fault.faultCode)
            return outcome

        return attempts

    def test_anonymous(self, call, attempts, patches):
        assert attempts("") == [401, 401]
        with pytest.raises(Fault, match="No authentication credentials given"):
            call("patch_set", patches[0].pk, {})

    def test_a_stranger(self, attempts):
        User.objects.create_user("stefan", password="x")
        assert attempts("stefan:x") == [403, 403]

    def test_a_maintainer(self, attempts, maintainer):
        assert attempts(MARIA) == [True, True]

    @pytest.mark.parametrize(
        ("scope", "outcome"),
        [
            (Scope.READ, [403, 403]),
            (Scope.CHECKS, [403, True]),
            (Scope.WRITE, [True, True]),
            (Scope.ADMIN, [True, True]),
        ],
    )
    def test_a_token_as_password(self, attempts, maintainer, scope, outcome):
        _, secret = tokens.issue(maintainer, "ci", scope=scope)
        assert attempts(f"maria:{secret}") == outcome

    def test_a_token_of_another_project(self, attempts, maintainer):
        _, secret = tokens.issue(maintainer, "ci", project=factories.make_project("other"))
        assert attempts(f"maria:{secret}") == [403, 403]

    def test_a_wrong_password_does_not_even_read(self, call, attempts, maintainer):
        assert attempts("maria:wrong") == [401, 401]
        with pytest.raises(Fault, match="Invalid username/password"):
            call("project_list", by="maria:wrong")

    def test_a_session_speaks_for_nobody(self, client, attempts, maintainer):
        """So no page of another site can, either."""
        client.force_login(maintainer)
        assert attempts("") == [401, 401]

    def test_reading_opens_no_session(self, client, call, project, django_assert_num_queries):
        with django_assert_num_queries(1):
            call("project_list", "", 0)


def test_too_many_failures(client, maintainer, settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 1
    header = {"authorization": "Basic " + b64encode(b"maria:wrong").decode()}
    body = dumps((), "project_list")
    client.defaults["REMOTE_ADDR"] = "192.0.2.1"
    assert client.post("/xmlrpc/", body, "text/xml", headers=header).status_code == 200
    answer = client.post("/xmlrpc/", body, "text/xml", headers=header)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 60
    with pytest.raises(Fault, match="Too many attempts") as raised:
        loads(answer.content)
    assert raised.value.faultCode == 429


@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_switched_off(client, settings, db, method):
    settings.ENABLE_XMLRPC = False
    assert getattr(client, method)("/xmlrpc/").status_code == 404


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_calls_are_posted(client, db, method):
    assert getattr(client, method)("/xmlrpc/").status_code == 405


def test_no_cookie_and_no_form_of_ours_is_asked_for(db):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    answer = client.post("/xmlrpc/", dumps((), "pw_rpc_version"), "text/xml")
    assert loads(answer.content)[0] == ([1, 3, 0],)


def test_help_for_people(client, db):
    page = client.get("/xmlrpc/").text
    assert "patch_list([filters])" in page
    assert "http://example.com/xmlrpc/" in page


def test_what_is_too_long_is_not_read(client, db):
    answer = client.post("/xmlrpc/", b"x" * (wire.BODY_LIMIT + 1), "text/xml")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"<x>", b"\x00", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_what_is_no_call_is_a_fault(client, db, body):
    answer = client.post("/xmlrpc/", body, "text/xml")
    with pytest.raises(Fault, match=r"no call of XML-RPC|not read here"):
        loads(answer.content)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (OperationalError("secret detail"), 503, "The database does not answer now. Try again."),
        (RuntimeError("secret detail"), 500, "Something went wrong here"),
    ],
)
def test_our_own_errors_are_faults_without_details(client, db, monkeypatch, error, code, text):
    def fail(*_):
        raise error

    monkeypatch.setattr(methods, "call", fail)
    answer = client.post("/xmlrpc/", dumps((), "project_list"), "text/xml")
    assert b"secret" not in answer.content
    with pytest.raises(Fault, match=text) as raised:
        loads(answer.content)
    assert raised.value.faultCode == code


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_pwclient_sends_the_whole_address(client, db, scheme):
    """Of which some servers make the path, and some do not."""
    whole = {"PATH_INFO": f"{scheme}://testserver/xmlrpc/"}
    answer = client.post("/", dumps((), "pw_rpc_version"), "text/xml", **whole)
    assert loads(answer.content)[0] == ([1, 3, 0],)
    assert client.get("/", PATH_INFO=f"{scheme}://testserver").status_code == 200
    assert client.get("/", PATH_INFO=f"{scheme}://testserver/nowhere/").status_code == 404
