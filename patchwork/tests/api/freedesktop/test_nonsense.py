# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever is sent, the answer is an answer: never 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchwork.tests.api.freedesktop.conftest import basic
from patchwork.tracking.models import Patch, Series

PARAMETERS = (
    *("page", "perpage", "ordering", "related", "format", "name", "project", "submitter", "link"),
    *("reviewer", "submitted_since", "submitted_before", "updated_since", "updated_before"),
    *("test_state", "state", "since", "series", "patch"),
)
WORDS = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.datetimes().map(str),
    st.sampled_from(
        ["self", "null", "expand", "*", "done", "New", "-id", "api", "json", "\0", "%"]
    ),
)
QUERIES = st.dictionaries(st.sampled_from(PARAMETERS), WORDS, max_size=4)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
thoroughly = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def paths(feature: Series) -> list[str]:
    series = f"/api/1.0/series/{feature.pk}/"
    patch = f"/fdo/api/1.0/patches/{Patch.objects.earliest('pk').pk}/"
    return [
        *("/api/1.0/series/", "/fdo/api/1.0/patches/", "/api/1.0/projects/"),
        *("/api/1.0/projects/list/series/", "/api/1.0/projects/list/events/"),
        *(series, f"{series}revisions/", f"{series}revisions/1/mbox/", patch, f"{patch}mbox/"),
    ]


@thoroughly
@given(query=QUERIES)
def test_parameters(paths: list[str], query: dict[str, str]) -> None:
    for path in paths:
        answer = Client().get(path, query)
        assert answer.status_code in (200, 400, 404)


@thoroughly
@given(name=st.text(min_size=1, max_size=30))
def test_projects(feature: Series, name: str) -> None:
    for path in ("", "series/", "patches/", "events/"):
        answer = Client().get(f"/api/1.0/projects/{name}/{path}")
        assert answer.status_code in (200, 301, 404)


@thoroughly
@given(
    result=st.fixed_dictionaries(
        {"test_name": BODIES},
        optional={"state": st.just("info") | BODIES, "url": BODIES, "summary": BODIES},
    )
    | BODIES
)
def test_results(feature: Series, maintainer: User, result: Any) -> None:
    address = f"/api/1.0/series/{feature.pk}/revisions/1/test-results/"
    answer = Client().post(address, json.dumps(result), "application/json", headers=basic("maria"))
    assert answer.status_code in (201, 400)
    assert Client().get(address).status_code == 200


@thoroughly
@given(series=st.fixed_dictionaries({"reviewer": BODIES}) | BODIES)
def test_reviewers(feature: Series, maintainer: User, series: Any) -> None:
    address = f"/api/1.0/series/{feature.pk}/"
    answer = Client().put(address, json.dumps(series), "application/json", headers=basic("maria"))
    assert answer.status_code in (200, 400)
