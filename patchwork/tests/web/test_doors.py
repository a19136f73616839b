# SPDX-License-Identifier: GPL-2.0-or-later
"""Logging in and out, what the browser is told, and pages that say no."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.tests import factories


@pytest.fixture
def account(db) -> User:
    return User.objects.create_user("maren", password="lamp oil")


def test_log_in_and_out(client, account):
    page = client.get("/user/login/?next=/project/lamps/list/").text
    assert 'value="/project/lamps/list/"' in page
    answer = client.post(
        "/user/login/",
        {"username": "maren", "password": "lamp oil", "next": "/project/lamps/list/"},
    )
    assert answer.url == "/project/lamps/list/"
    page = client.get("/").text
    assert "maren" in page
    assert "Log out" in page
    assert "/admin/" not in page
    assert client.get("/user/logout/").status_code == 405
    assert client.post("/user/logout/").url == "/"
    assert "Log in" in client.get("/").text


def test_a_wrong_password_is_said_so(client, account):
    page = client.post("/user/login/", {"username": "maren", "password": "no"}).text
    assert "No account has this name and password." in page
    assert 'value="maren"' in page


def test_logging_in_leads_nowhere_else(client, account):
    answer = client.post(
        "/user/login/",
        {"username": "maren", "password": "lamp oil", "next": "https://evil.example.com/"},
    )
    assert answer.url == "/"


def test_staff_finds_the_admin(client, account):
    account.is_staff = True
    account.save()
    client.force_login(account)
    assert 'href="/admin/"' in client.get("/").text


def test_logging_out_needs_our_form(account):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(account)
    answer = client.post("/user/logout/")
    assert answer.status_code == 403
    assert "This form did not come from a page of ours" in answer.text


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/user/login/", "/admin/login/"])
def test_nothing_foreign_is_to_be_loaded(client, db, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_pages_hold_no_script_and_no_style(client, project):
    series = factories.make_series(project, letter="Hello")
    patch = factories.patches_of(series)[0]
    for path in ("/", "/project/lamps/list/", f"/series/{series.pk}/", f"/patch/{patch.pk}/"):
        page = client.get(path).text
        assert "<script" not in page
        assert "<style" not in page
        assert " style=" not in page


def test_developers_see_their_error_pages(client, db, settings):
    settings.DEBUG = True
    assert "Content-Security-Policy" not in client.get("/nowhere/")


def test_a_page_that_is_not_there_helps(client, db):
    answer = client.get("/nowhere/<b>/")
    assert answer.status_code == 404
    assert "There is no page at <code>/nowhere/%3Cb%3E/</code>." in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "500.html"])
def test_error_pages_need_nothing(name):
    from django.template.loader import render_to_string

    assert "<h1>" in render_to_string(name)


@pytest.mark.parametrize("path", ["/", "/project/lamps/list/", "/project/lamps/patches/"])
def test_pages_are_only_read(client, project, path):
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200
