# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients are told when they do not prove who they are."""

from __future__ import annotations

from base64 import b64encode

import pytest

from patchwork.people import credentials, tokens
from patchwork.tests.people.conftest import maren

__all__ = ["maren"]

pytestmark = pytest.mark.django_db

ADDRESS = "/fdo/api/1.0/projects/"


def basic(password):
    return {"authorization": "Basic " + b64encode(f"maren:{password}".encode()).decode()}


@pytest.fixture(autouse=True)
def elsewhere(client, states):
    """Requests that come from another machine."""
    credentials.forget()
    client.defaults["REMOTE_ADDR"] = "192.0.2.1"


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        (basic("wrong"), "Invalid username/password."),
        ({"authorization": "Token wrong"}, "Invalid token."),
        (
            {"authorization": "Digest maren"},
            "Authorization has to be Basic, Token or Bearer.",
        ),
    ],
)
def test_who_is_wrong_is_not_nobody(client, maren, headers, detail):
    answer = client.get(ADDRESS, headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Basic realm="api"'
    assert answer.json() == {"detail": detail}


def test_who_is_right_is_let_in(client, maren):
    _, secret = tokens.issue(maren, "laptop")
    for headers in ({}, basic("lamp oil"), basic(secret), {"authorization": f"Bearer {secret}"}):
        assert client.get(ADDRESS, headers=headers).status_code == 200


def test_who_is_wrong_too_often_has_to_wait(client, maren, settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    for _ in range(2):
        assert client.get(ADDRESS, headers=basic("wrong")).status_code == 401
    answer = client.get(ADDRESS, headers=basic("lamp oil"))
    assert answer.status_code == 429
    assert answer.json() == {"detail": "Too many attempts. Try again in 15 minutes."}
    assert int(answer["Retry-After"]) > 60
    assert client.get(ADDRESS).status_code == 200
