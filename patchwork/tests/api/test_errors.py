# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong below the addresses of the API is told in JSON, whichever dialect."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from patchwork.api.getpatchwork.faces import NEWEST_MINOR
from patchwork.api.views import Door


@pytest.mark.parametrize(
    "address",
    [
        *("/api/nowhere", "/api/nowhere/", "/api/1.4/patches/1/nowhere/", "/api/1.9/", "/api/2/"),
        *("/api/1.0/nowhere/", "/fdo/api/nowhere/", "/fdo/api/1.0/nowhere/", "/fdo/api/1.0/events"),
    ],
)
def test_what_is_not_there(client: Client, db, address: str):
    for ask in (client.get, client.post, client.put, client.options):
        answer = ask(address)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
        assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize(
    "address", ["/api/patches/", "/api/1.0/projects/", "/fdo/api/1.0/projects/"]
)
def test_too_many_parameters(client: Client, db, address: str):
    answer = client.get(address + "?" + "&".join(["order=id"] * 1_001))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert "more than 1000" in answer.json()["detail"]


@pytest.mark.parametrize("address", ["/api/1.4/", "/fdo/api/1.0/"])
def test_what_breaks(client: Client, db, monkeypatch, address: str):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("told to nobody")

    monkeypatch.setattr(Door, "initial", fail)
    client.raise_request_exception = False
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/json")
    assert answer.json() == {"detail": "Something broke here; it was noted."}


def test_a_database_that_does_not_answer(client: Client, db, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("locked")

    monkeypatch.setattr(Door, "initial", fail)
    answer = client.get("/api/1.4/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


VERSIONS = [f"/api/1.{minor}" for minor in range(NEWEST_MINOR + 1)]


@pytest.mark.parametrize("root", ["/api", "/fdo/api/1.0", *VERSIONS])
def test_roots_are_found_without_the_last_slash(client: Client, db, root: str):
    answer = client.get(f"{root}?a=b")
    assert (answer.status_code, answer["Location"]) == (301, f"{root}/?a=b")
    assert client.get(answer["Location"]).status_code == 200
