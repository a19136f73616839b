# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.core.cache import cache
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.people import tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Person, Scope
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.letters import thread
from patchwork.tracking.models import Series

SEED = Path(__file__).parents[5] / "shared" / "seeds" / "002_1667384ac22982ae.txt"

FEATURE = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One               #one
    |  +--> bob: Re: [PATCH 1/2] One   says=Reviewed-by: Bob <bob@example.org>
    +--> [PATCH 2/2] Two
"""


@pytest.fixture(autouse=True)
def fresh() -> None:
    cache.clear()
    Site.objects.clear_cache()


@pytest.fixture
def feature(project: Project) -> Series:
    """A series of two patches with a cover letter, by alice."""
    receive_many(thread(FEATURE))
    return Series.objects.get()


def basic(name: str, password: str = "secret") -> dict[str, str]:
    """What a client sends to log in by name and password."""
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def token(user: User, scope: Scope, project: Project | None = None) -> dict[str, str]:
    _, secret = tokens.issue(user, "test", scope=scope, project=project)
    return {"authorization": f"Token {secret}"}


@pytest.fixture
def maintainer(project: Project, settings: object) -> User:
    user = _account("maria", settings)
    set_maintainers(project, [user])
    return user


def _account(name: str, settings: object, **more: object) -> User:
    # The usual way of storing passwords is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
    return User.objects.create_user(name, f"{name}@example.org", "secret", **more)


WHO = (
    *("anonymous", "stranger", "submitter", "maintainer elsewhere", "maintainer", "admin"),
    *("session", "read token", "checks token", "write token", "token elsewhere", "wrong password"),
)

Speaker = Callable[[str], tuple[Client, dict[str, str]]]


@pytest.fixture
def speak_as(project: Project, maintainer: User, settings: object) -> Speaker:
    """A client, and the headers to send, for each of those who could ask for something."""

    def speaker(who: str) -> tuple[Client, dict[str, str]]:
        client = Client()
        match who:
            case "anonymous":
                return client, {}
            case "stranger":
                _account("stefan", settings)
                return client, basic("stefan")
            case "submitter":
                alice = _account("alice", settings)
                Person.objects.filter(email_key="alice@example.org").update(user=alice)
                return client, basic("alice")
            case "maintainer elsewhere":
                other = factories.make_project("elsewhere")
                set_maintainers(other, [_account("oscar", settings)])
                return client, basic("oscar")
            case "maintainer":
                return client, basic("maria")
            case "admin":
                _account("root", settings, is_superuser=True)
                return client, basic("root")
            case "session":
                client.force_login(maintainer)
                return client, {}
            case "read token":
                return client, token(maintainer, Scope.READ)
            case "checks token":
                return client, token(maintainer, Scope.CHECKS, project)
            case "write token":
                return client, token(maintainer, Scope.WRITE)
            case "token elsewhere":
                other = factories.make_project("elsewhere")
                return client, token(maintainer, Scope.ADMIN, other)
            case "wrong password":
                return client, basic("maria", "wrong")
        raise ValueError(who)

    return speaker
