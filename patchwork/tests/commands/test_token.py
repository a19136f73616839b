# SPDX-License-Identifier: GPL-2.0-or-later
"""``manage.py token``."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from patchwork.people import tokens
from patchwork.people.models import ApiToken, Scope
from patchwork.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def bot() -> User:
    return User.objects.create_user("bot")


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue()


def created(*arguments: str) -> ApiToken:
    token = tokens.find(run("create", *arguments).removesuffix("\n"))
    assert token is not None
    return token


def test_create_writes_the_secret_and_nothing_else(bot):
    project = factories.make_project()
    arguments = ("--scope", "write", "--project", "lamps", "--days", "90")
    token = created("bot", "nightly", *arguments)
    assert (token.user, token.name, token.scope) == (bot, "nightly", Scope.WRITE)
    assert token.project == project
    assert token.expires is not None
    assert timedelta(days=89) < token.expires - timezone.now() < timedelta(days=91)


def test_the_least_is_the_default(bot):
    token = created("bot", "nightly")
    assert (token.scope, token.project, token.expires) == (Scope.CHECKS, None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "x"), "There is no account nobody"),
        (("bot", "x", "--project", "nowhere"), "There is no project nowhere"),
        (("bot", "x", "--days", "0"), "--days takes a number from 1 to 36500"),
        (("bot", "x", "--days", "36501"), "--days takes a number from 1 to 36500"),
        (("bot", ""), "A name has"),
    ],
)
def test_what_cannot_be_made(bot, arguments, message):
    with pytest.raises(CommandError, match=message):
        run("create", *arguments)
    assert not ApiToken.objects.exists()


def test_list(bot, django_assert_num_queries):
    tokens.issue(bot, "evil\x1b[2J")
    other = User.objects.create_user("other")
    tokens.issue(other, "laptop", scope=Scope.READ, project=factories.make_project())
    tokens.revoke(tokens.issue(bot, "gone")[0])
    with django_assert_num_queries(1):
        listed = run("list")
    assert "evil?[2J" in listed
    assert "gone" not in listed
    assert [line.split()[1] for line in listed.splitlines()] == ["account", "bot", "other"]
    assert "lamps" in run("list", "other")
    assert "evil" not in run("list", "other")


def test_revoke(bot):
    token, secret = tokens.issue(bot, "lost")
    with pytest.raises(CommandError, match="There is no token 999"):
        run("revoke", str(token.pk), "999")
    assert tokens.find(secret)
    assert run("revoke", str(token.pk)) == "1 revoked\n"
    assert tokens.find(secret) is None
    other, _ = tokens.issue(bot, "lost, too")
    both = run("revoke", str(token.pk), str(other.pk))
    assert both == f"revoked already: {token.pk}\n1 revoked\n"
