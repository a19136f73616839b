# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of one's account, the tokens on it, and logging in too often."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.people import throttling, tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import ApiToken, Scope, UserProfile
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.people.conftest import maren

__all__ = ["maren"]

pytestmark = pytest.mark.django_db

NEW = {"name": "laptop", "scope": "checks", "project": "", "lifetime": "90"}
SECRET = re.compile(r"pw_[\w-]{40}")


@pytest.fixture
def own(client: Client, maren: User) -> Client:
    client.force_login(maren)
    return client


def make_bundle(
    project: Project, owner: User, name: str, *, patches: int = 0, public: bool = False
) -> None:
    bundle = Bundle.objects.create(owner=owner, project=project, name=name, public=public)
    sender = factories.make_person(f"Sender of {name}", f"{bundle.pk}@example.org")
    for order in range(patches):
        patch = factories.make_patch(project, sender)
        BundlePatch.objects.create(bundle=bundle, patch=patch, order=order)


class TestAccount:
    def test_it_is_for_those_who_are_logged_in(self, client, db):
        assert client.get("/user/").url == "/user/login/?next=/user/"
        assert client.post("/user/tokens/", NEW).url.startswith("/user/login/")
        assert not ApiToken.objects.exists()

    def test_who_one_is(self, own, maren):
        person = factories.make_person("Maren", "maren@example.org")
        person.user = maren
        person.save()
        set_maintainers(factories.make_project(), [maren])
        page = own.get("/user/").text
        assert "maren@example.org" in page
        assert '<a href="/project/lamps/list/">Lamps</a>' in page

    def test_every_page_leads_there(self, own):
        assert 'href="/user/"' in own.get("/").text

    def test_how_long_lists_are(self, own, project):
        factories.make_series(project, patches=("one", "two", "three"))
        assert own.post("/user/wishes/", {"items_per_page": "2"}).url == "/user/"
        assert 'value="2"' in own.get("/user/").text
        assert own.get("/project/lamps/patches/").text.count('class="name"') == 2
        assert Client().get("/project/lamps/patches/").text.count('class="name"') == 3

    @pytest.mark.parametrize(
        ("written", "kept"),
        [("", 0), ("0", 0), ("-1", 0), ("x", 0), ("9" * 30, 0), ("9999", 1_000)],
    )
    def test_what_is_no_length(self, own, maren, written, kept):
        own.post("/user/wishes/", {"items_per_page": "7"})
        own.post("/user/wishes/", {"items_per_page": written})
        assert UserProfile.objects.get(user=maren).items_per_page == kept

    def test_how_much_it_asks(self, own, maren, project, django_assert_num_queries):
        for number in range(5):
            tokens.issue(maren, f"number {number}", project=factories.make_project(f"p{number}"))
            make_bundle(project, maren, f"bundle {number}", patches=number)
        with django_assert_num_queries(8):
            own.get("/user/")


class TestBundles:
    def test_ones_own(self, own, maren, project):
        make_bundle(project, maren, "for <all>", patches=2, public=True)
        make_bundle(project, maren, "for me", patches=1)
        make_bundle(project, User.objects.create_user("other"), "of somebody else", public=True)
        page = own.get("/user/").text
        rows = re.findall(
            r'<a href="(/bundle/[^"]+)">([^<]+)</a></th>\s*'
            r'<td data-label="Visibility">(\w+)</td>\s*<td [^>]*>([\d,]+)</td>',
            page,
        )
        assert rows == [
            ("/bundle/maren/for%20%3Call%3E/", "for &lt;all&gt;", "public", "2"),
            ("/bundle/maren/for%20me/", "for me", "private", "1"),
        ]
        assert "of somebody else" not in page
        for address, *_ in rows:
            assert own.get(address).status_code == 200

    def test_none(self, own):
        assert "You keep no bundles" in own.get("/user/").text


class TestWhereProgramsGo:
    def test_the_apis_are_named(self, own):
        page = own.get("/user/").text
        assert '<a href="/api/schema/">' in page
        for address in ("/api/", "/api/1.0/", "/fdo/api/1.0/"):
            assert f"<code>{address}</code>" in page
            assert own.get(address).status_code == 200
        assert own.get("/api/schema/").status_code == 200

    def test_not_where_there_are_none(self, own, settings):
        settings.ENABLE_REST_API = False
        assert "/api/" not in own.get("/user/").text


class TestTokens:
    def test_one_is_made_and_shown_once(self, own, maren, django_assert_num_queries):
        with django_assert_num_queries(15):
            answer = own.post("/user/tokens/", NEW)
        (secret,) = SECRET.findall(answer.text)
        token = tokens.find(secret)
        assert token is not None
        assert token.expires is not None
        assert (token.user, token.name, token.scope) == (maren, "laptop", Scope.CHECKS)
        assert timedelta(days=89) < token.expires - timezone.now() < timedelta(days=91)
        assert "no-store" in answer["Cache-Control"]
        assert not SECRET.search(own.get("/user/").text)

    def test_its_secret_is_in_no_log(self, own, caplog):
        with caplog.at_level(logging.DEBUG):
            (secret,) = SECRET.findall(own.post("/user/tokens/", NEW).text)
        assert secret not in caplog.text.replace("\n", "")
        assert not own.session.get("secret")

    def test_one_of_a_project_for_ever(self, own):
        project = factories.make_project()
        own.post("/user/tokens/", {**NEW, "project": project.pk, "lifetime": ""})
        token = ApiToken.objects.get()
        assert (token.project, token.expires) == (project, None)

    @pytest.mark.parametrize(
        "wrong",
        [
            *({"name": ""}, {"name": "x" * 101}, {"scope": "all"}, {"project": "999"}),
            *({"lifetime": "7"}, {"name": "\0"}),
        ],
    )
    def test_what_cannot_be_made(self, own, wrong):
        answer = own.post("/user/tokens/", {**NEW, **wrong})
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert not ApiToken.objects.exists()

    def test_names_are_escaped(self, own, maren):
        tokens.issue(maren, "<script>alert(1)</script>")
        assert "<script" not in own.get("/user/").text

    def test_how_each_stands(self, own, maren):
        now = timezone.now()
        tokens.issue(maren, "old", expires=now - timedelta(days=1))
        tokens.revoke(tokens.issue(maren, "revoked one")[0])
        tokens.issue(User.objects.create_user("other"), "of somebody else")
        page = own.get("/user/").text
        assert "expired" in page
        assert "revoked one" not in page
        assert "of somebody else" not in page

    def test_revoking(self, own, maren):
        token, secret = tokens.issue(maren, "lost")
        assert own.post(f"/user/tokens/{token.pk}/revoke/").url == "/user/"
        assert tokens.find(secret) is None
        assert own.post(f"/user/tokens/{token.pk}/revoke/").status_code == 404

    def test_only_ones_own(self, own):
        token, secret = tokens.issue(User.objects.create_user("other"), "not yours")
        assert own.post(f"/user/tokens/{token.pk}/revoke/").status_code == 404
        assert tokens.find(secret)

    def test_only_by_our_forms(self, maren):
        client = Client(enforce_csrf_checks=True)
        client.force_login(maren)
        token, _ = tokens.issue(maren, "laptop")
        assert client.post("/user/tokens/", NEW).status_code == 403
        assert client.post(f"/user/tokens/{token.pk}/revoke/").status_code == 403
        assert client.get("/user/tokens/").status_code == 405
        assert client.get(f"/user/tokens/{token.pk}/revoke/").status_code == 405

    def test_not_by_the_thousand(self, own, maren):
        for _ in range(throttling.TOKENS_MADE):
            throttling.count_token(maren)
        answer = own.post("/user/tokens/", NEW)
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 60
        assert "Too many attempts." in answer.text
        assert not ApiToken.objects.exists()


class TestLoggingIn:
    @pytest.fixture(autouse=True)
    def elsewhere(self, client, settings):
        client.defaults["REMOTE_ADDR"] = "192.0.2.1"
        settings.LOGIN_FAILURES_PER_ACCOUNT = 2

    @pytest.mark.parametrize("path", ["/user/login/", "/admin/login/"])
    @pytest.mark.parametrize("name", ["maren", "nobody"])
    def test_too_often_wrong(self, client, maren, path, name):
        for _ in range(2):
            answer = client.post(path, {"username": name, "password": "wrong"})
            assert "No account has this name and password." in answer.text
        answer = client.post(path, {"username": name, "password": "lamp oil"})
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 60
        assert "Too many attempts. Try again in 15 minutes." in answer.text
        assert f'value="{name}"' in answer.text

    def test_what_is_left_empty_does_not_count(self, client, maren):
        for _ in range(5):
            client.post("/user/login/", {"username": "maren", "password": ""})
        answer = client.post("/user/login/", {"username": "maren", "password": "lamp oil"})
        assert answer.url == "/"

    def test_who_was_here_is_not_locked_out_by_others(self, client, maren):
        client.post("/user/login/", {"username": "maren", "password": "lamp oil"})
        attacker = Client(REMOTE_ADDR="198.51.100.7")
        for _ in range(3):
            attacker.post("/user/login/", {"username": "maren", "password": "wrong"})
        answer = client.post("/user/login/", {"username": "maren", "password": "lamp oil"})
        assert answer.url == "/"

    def test_staff_comes_to_the_admin(self, client, maren):
        maren.is_staff = True
        maren.save()
        assert client.get("/admin/").url == "/admin/login/?next=/admin/"
        answer = client.post(
            "/admin/login/?next=/admin/",
            {"username": "maren", "password": "lamp oil", "next": "/admin/"},
        )
        assert answer.url == "/admin/"


class TestPwclientrc:
    def test_it_is_a_file_that_pwclient_reads(self, client, project, settings):
        from configparser import ConfigParser

        settings.ENABLE_XMLRPC = True
        answer = client.get("/project/lamps/pwclientrc/")
        assert answer["Content-Disposition"] == 'attachment; filename=".pwclientrc"'
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        config = ConfigParser()
        config.read_string(answer.text)
        assert config.get("options", "default") == "lamps"
        assert dict(config["lamps"]) == {
            "url": "http://example.com/xmlrpc/",
            "backend": "xmlrpc",
        }

    def test_it_knows_who_asks(self, own, project, settings):
        settings.ENABLE_XMLRPC = True
        assert "\nusername = maren\n" in own.get("/project/lamps/pwclientrc/").text

    def test_the_projects_page_leads_there(self, client, project, settings):
        link = 'href="/project/lamps/pwclientrc/"'
        assert link not in client.get("/project/lamps/list/").text
        assert client.get("/project/lamps/pwclientrc/").status_code == 404
        settings.ENABLE_XMLRPC = True
        assert link in client.get("/project/lamps/list/").text
        assert client.get("/project/nowhere/pwclientrc/").status_code == 404


class TestAdmin:
    def test_tokens_can_be_seen_and_revoked_but_not_made(self, client, maren):
        token, secret = tokens.issue(maren, "laptop")
        client.force_login(User.objects.create_superuser("root"))
        page = client.get("/admin/patchwork/apitoken/").text
        assert "laptop" in page
        assert token.digest not in page
        assert token.digest not in client.get(f"/admin/patchwork/apitoken/{token.pk}/change/").text
        assert client.get("/admin/patchwork/apitoken/add/").status_code == 403
        client.post(
            "/admin/patchwork/apitoken/", {"action": "revoke", "_selected_action": [token.pk]}
        )
        assert tokens.find(secret) is None

    def test_looking_is_not_revoking(self, client, maren):
        from django.contrib.auth.models import Permission

        _, secret = tokens.issue(maren, "laptop")
        staff = User.objects.create_user("staff", is_staff=True)
        staff.user_permissions.add(Permission.objects.get(codename="view_apitoken"))
        client.force_login(staff)
        assert "laptop" in client.get("/admin/patchwork/apitoken/").text
        client.post(
            "/admin/patchwork/apitoken/",
            {"action": "revoke", "_selected_action": [ApiToken.objects.get().pk]},
        )
        assert tokens.find(secret)
