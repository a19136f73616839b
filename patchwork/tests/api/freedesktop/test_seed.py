# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example of the documentation that the first clients of this API were written by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.api.freedesktop.conftest import SEED, basic
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Series


@dataclass(frozen=True)
class Example:
    method: str
    path: str
    body: Any
    headers: dict[str, str]
    answer: Any


_ASKED = re.compile(r"^(GET|POST) (/api/1\.0/\S*) HTTP/1\.1$", re.MULTILINE)
_ANSWERED = re.compile(r"^HTTP/1\.1 200 OK\n((?:\S+: .*\n)+)\n(?=\{)", re.MULTILINE)


def examples() -> Iterator[Example]:
    if not SEED.exists():
        return
    text = SEED.read_text(encoding="utf-8")
    asked = list(_ASKED.finditer(text))
    ends = [match.start() for match in asked[1:]] + [len(text)]
    for match, end in zip(asked, ends, strict=True):
        rest = text[match.end() : end]
        answered = _ANSWERED.search(rest)
        body = rest[answered.end() if answered else rest.index("{") :]
        # Its JSON has commas where JSON has none; YAML does not mind.
        value = yaml.safe_load(body[: body.index("\n}\n") + 2])
        if answered:
            headers = dict(line.split(": ") for line in answered[1].strip().split("\n"))
            yield Example(match[1], match[2], None, headers, value)
        else:
            yield Example(match[1], match[2], value, {}, None)


EXAMPLES = list(examples())


@pytest.fixture
def graphics(project: Project) -> Project:
    project.linkname = "intel-gfx"
    project.save()
    receive_many(thread("+ [PATCH 1/2] One\n+--> [PATCH 2/2] Two\n", "a"))
    receive_many(thread("+ [PATCH] Other", "b"))
    return project


def ours(path: str) -> str:
    """The address of the like of it here."""
    series = Series.objects.earliest("pk")
    return path.replace("/47/", f"/{series.pk}/").replace(
        "/120/", f"/{Patch.objects.earliest('pk').pk}/"
    )


def test_the_examples_are_found() -> None:
    if not SEED.exists():
        pytest.skip("the seed is not beside this checkout")
    assert len(EXAMPLES) == 11
    assert [each.method for each in EXAMPLES].count("POST") == 1


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.method == "GET"], ids=lambda each: each.path
)
def test_reading(graphics: Project, client: Client, example: Example) -> None:
    answer = client.get(ours(example.path), headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == example.headers["Content-Type"] == "application/json"
    assert example.headers["Vary"] in answer["Vary"]
    if "Allow" in example.headers:
        assert answer["Allow"] == example.headers["Allow"]
    assert_alike(example.answer, answer.json())


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.method == "POST"], ids=lambda each: each.path
)
def test_reporting(graphics: Project, maintainer: User, client: Client, example: Example) -> None:
    path = ours(example.path)
    answer = client.post(
        path, example.body, content_type="application/json", headers=basic("maria")
    )
    assert answer.status_code == 201
    assert client.get(path).json()[0].items() >= example.body.items()


def assert_alike(example: Any, here: Any) -> None:
    """The same keys in the same order, of the same kinds; there may be more of them."""
    if isinstance(example, dict):
        assert [key for key in here if key in example] == list(example)
        for key, value in example.items():
            assert_alike(value, here[key])
    elif isinstance(example, list):
        assert here
        for value in filter(None, example):
            assert_alike(value, here[0])
    elif isinstance(example, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", example):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", here)
    elif example is not None and here is not None:
        assert type(here) is type(example)
