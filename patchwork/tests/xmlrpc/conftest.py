# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from xmlrpc.client import dumps, loads

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.people import credentials
from patchwork.people.changes import set_maintainers
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch

FEATURE = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One               #one
    |  +--> bob: Re: [PATCH 1/2] One   says=Reviewed-by: Bob <bob@example.org>
    +--> [PATCH 2/2] Two               #two
"""

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def switched_on(settings: Any) -> None:
    settings.ENABLE_XMLRPC = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    credentials.forget()
    Site.objects.clear_cache()


@pytest.fixture
def patches(project: Project) -> list[Patch]:
    """A series of two, by alice."""
    receive_many(thread(FEATURE))
    return list(Patch.objects.order_by("date"))


@pytest.fixture
def maintainer(project: Project) -> User:
    user = User.objects.create_user("maria", "maria@example.org", "secret")
    set_maintainers(project, [user])
    return user


@pytest.fixture
def call(client: Client) -> Call:
    """A call as Python's library writes it, and what it answers; a fault is raised."""

    def make(method: str, *parameters: Any, by: str = "") -> Any:
        headers = {"authorization": f"Basic {b64encode(by.encode()).decode()}"} if by else {}
        body = dumps(parameters, method, allow_none=True)
        answer = client.post("/xmlrpc/", body, content_type="text/xml", headers=headers)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/xml"
        return loads(answer.content)[0][0]

    return make
