# SPDX-License-Identifier: GPL-2.0-or-later
"""What is published about the API: that it is valid, that it is true, and that it is all.

That every answer is as published is seen to in all tests around here, by a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi

from patchwork.api.parameters import Asked
from patchwork.people.models import Scope
from patchwork.tests.api.getpatchwork.conftest import Tracked, make_bundle, token
from patchwork.tests.api.getpatchwork.contract import operation_of, published
from patchwork.tests.api.getpatchwork.test_contract import address
from patchwork.tests.api.getpatchwork.test_writing import NEEDED, WRITES

CHOSEN_BY_OTHERS = {"format"}
"""DRF reads it."""

CONFORMANCE = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]


@pytest.mark.parametrize("minor", range(1, 6))
def test_is_valid(client: Client, minor: int):
    response = client.get(f"/api/1.{minor}/schema/")
    assert response.json() == published(minor)
    schemathesis.openapi.from_dict(response.json()).validate()


def test_is_that_of_the_newest_version_unless_asked(client: Client):
    assert client.get("/api/schema").json() == published(5)


def test_the_other_dialect_is_not_described(client: Client):
    assert client.get("/api/1.0/schema/").status_code == 404


def test_older_versions_lack_what_came_later():
    assert "cursor" in _parameters(5, "/api/1.5/patches/")
    assert "cursor" not in _parameters(4, "/api/1.4/patches/")
    assert "post" not in published(1)["paths"]["/api/1.1/bundles/"]
    assert "/api/1.2/covers/{target_id}/comments/{comment_id}/" not in published(2)["paths"]
    kinds = published(2)["components"]["schemas"]["Event"]["properties"]["category"]["enum"]
    assert "patch-comment-created" not in kinds


def test_says_what_may_be_in_the_way():
    answers = operation_of(published(5), "/api/1.5/patches/1/", "patch")["responses"]
    assert "413" in answers
    assert "Retry-After" in answers["503"]["headers"]
    assert "413" not in operation_of(published(5), "/api/1.5/patches/1/", "get")["responses"]
    headers = operation_of(published(5), "/api/1.5/patches/", "get")["responses"]["200"]["headers"]
    assert "Cursor" in headers


def test_says_what_a_token_has_to_be_good_for():
    for what, (method, template, _) in WRITES.items():
        operation = operation_of(published(4), template, method)
        assert {"bearer": [NEEDED[what].value]} in operation["security"], what


@pytest.mark.parametrize(
    "place",
    [
        *("bundles/", "covers/", "covers/{cover}/comments/", "events/", "patches/", "people/"),
        *("patches/{one}/comments/", "patches/{one}/checks/", "projects/", "series/", "users/"),
    ],
)
def test_lists_look_at_what_they_say_they_do(
    client: Client, tracked: Tracked, monkeypatch: pytest.MonkeyPatch, place: str
):
    """A parameter that nothing looks at would be a filter that is passed over."""
    looked_at: set[str] = set()
    for reading in ("text", "texts", "every"):
        _note_names(monkeypatch, reading, looked_at)
    where = f"/api/1.5/{address(tracked, place)}"
    for query in ("", "?page=1"):
        assert (
            client.get(where + query, headers=token(tracked.alice, Scope.READ)).status_code == 200
        )
    described = _parameters(5, where)
    assert looked_at <= described
    assert described - CHOSEN_BY_OTHERS <= looked_at


def _note_names(monkeypatch: pytest.MonkeyPatch, reading: str, names: set[str]) -> None:
    read = getattr(Asked, reading)

    def note_and_read(asked: Asked, name: str) -> object:
        names.add(name)
        return read(asked, name)

    monkeypatch.setattr(Asked, reading, note_and_read)


def _parameters(minor: int, path: str) -> set[str]:
    return {each["name"] for each in operation_of(published(minor), path, "get")["parameters"]}


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The application closes no connection between requests: it is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
def test_whatever_is_asked_is_answered_as_described(tracked: Tracked, one_connection: None):
    """Of things that there are, by somebody who may do nearly everything."""
    api = schemathesis.openapi.from_wsgi("/api/1.5/schema/", get_wsgi_application())
    api.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])
    headers = {**token(tracked.maintainer, Scope.ADMIN), "Accept": "*/*"}
    everywhere = {
        "patch_id": tracked.one.pk,
        "check_id": tracked.one.results.get().pk,
        "cover_id": tracked.cover.pk,
        "bundle_id": make_bundle(tracked.maintainer, "Mine", [tracked.one]).pk,
        "series_id": tracked.series.pk,
        "person_id": tracked.one.submitter_id,
        "user_id": tracked.maintainer.pk,
        "project": tracked.project.pk,
    }
    comments = {
        "patches": {"target_id": tracked.one.pk, "comment_id": tracked.patch_comment.pk},
        "covers": {"target_id": tracked.cover.pk, "comment_id": tracked.cover_comment.pk},
    }
    operations = [found.ok() for found in api.get_all_operations() if isinstance(found, Ok)]
    for operation in sorted(operations, key=lambda each: each.method == "delete"):
        about = operation.path.split("/")[3]
        statuses = ask(operation, {**everywhere, **comments.get(about, {})}, headers)
        assert min(statuses) < 300 or operation.method in UNLIKELY, (operation.label, statuses)


UNLIKELY = ("post", "put", "patch")
"""What is sent at random names things that there are not."""


def ask(operation: Any, ids: dict[str, int], headers: dict[str, str]) -> set[int]:
    """The statuses of answers, all of which are as described."""
    statuses = set()

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask_once(case: schemathesis.Case) -> None:
        case.path_parameters = {name: ids[name] for name in case.path_parameters}
        response = case.call_and_validate(headers=headers, checks=CONFORMANCE)
        statuses.add(response.status_code)

    ask_once()
    return statuses
