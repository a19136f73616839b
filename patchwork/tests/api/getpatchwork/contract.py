# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether an answer is one that the descriptions of this API allow.

Those of the family lie beside the checkout and are no part of the project; the one that is
published here is made from what the addresses declare.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import (  # type: ignore[import-untyped]
    Draft202012Validator,
    FormatChecker,
)

from patchwork.api.getpatchwork import urls
from patchwork.api.getpatchwork.description import METHODS, describe
from patchwork.api.getpatchwork.faces import DEFAULT_MINOR, NEWEST_MINOR

DESCRIPTIONS = Path(__file__).parents[5] / "shared" / "contracts" / "getpatchwork"

EMPTY_IN_REALITY = (
    ("Series", "cover_letter"),
    ("PatchDetail", "diff"),
    ("PatchList", "hash"),
    ("Check", "user"),
)
"""Where a description forgets that there may be nothing: servers of this family answer null, and
clients expect it. A series can have no letter, a pull request has no diff and no hash, and who
posted a check may be gone."""


@cache
def description(minor: int) -> dict[str, Any]:
    if not DESCRIPTIONS.is_dir():
        pytest.skip(f"the descriptions of the API are not at {DESCRIPTIONS}")
    document: dict[str, Any] = yaml.safe_load(
        (DESCRIPTIONS / f"v1.{minor}.yaml").read_text(encoding="utf-8")
    )
    schemas = document["components"]["schemas"]
    for schema, name in EMPTY_IN_REALITY:
        parts = [schemas[schema], *schemas[schema].get("allOf", ())]
        for part in parts:
            if name in part.get("properties", {}):
                part["properties"][name] = {
                    "anyOf": [{"type": "null"}, copy.deepcopy(part["properties"][name])]
                }
    return document


def verify(minor: int, method: str, response: Any) -> Any:
    """The answer, which is as described: nothing is missing, and nothing is said besides."""
    path = urlsplit(response.wsgi_request.path).path.replace("/api/", f"/api/1.{minor}/", 1)
    path = path.replace(f"/api/1.{minor}/1.{minor}/", f"/api/1.{minor}/", 1)
    document = description(minor)
    schema, answer = _validated(document, path, method, response)
    if response.status_code < 400:
        differing = sorted(_differing(document, schema, answer))
        assert differing == []
    return answer


@cache
def published(minor: int) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        json.dumps(describe(urls.addresses, minor, "http://testserver"))
    )
    return made


def verify_as_published(response: Any) -> None:
    """Any answer of this dialect: it is as our own description of its version has it."""
    asked = re.match(r"/api/(?:1\.(\d)/)?(?!\d+\.|schema)", response.wsgi_request.path)
    method = response.wsgi_request.method.lower()
    is_json = response.headers.get("Content-Type") == "application/json"
    if asked is None or not is_json or method not in METHODS or response.status_code == 405:
        return
    minor = int(asked[1] or DEFAULT_MINOR)
    if not 1 <= minor <= NEWEST_MINOR:
        return
    path = f"/api/1.{minor}/{response.wsgi_request.path[asked.end() :]}"
    if response.status_code == 404 and not _has(published(minor), path):
        return
    _validated(published(minor), path, method, response)


def _validated(
    document: dict[str, Any], path: str, method: str, response: Any
) -> tuple[dict[str, Any], Any]:
    """The schema of an answer, and the answer, which is valid by it."""
    operation = operation_of(document, path, method)
    described = operation["responses"][str(response.status_code)]
    schema = described["content"]["application/json"]["schema"]
    answer = response.json()
    validator = Draft202012Validator(
        {"$ref": "#/components/schemas/_", "components": _with(document, schema)},
        format_checker=FormatChecker(),
    )
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]
    assert errors == []
    return schema, answer


def _has(document: dict[str, Any], path: str) -> bool:
    return any(_matches(template, path) for template in document["paths"])


def _matches(template: str, path: str) -> bool:
    pattern = re.sub(r"\{\w+\}", "[^/]+", template.rstrip("/"))
    return re.fullmatch(f"{pattern}/?", path) is not None


def operation_of(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    for template, operations in document["paths"].items():
        if _matches(template, path) and method in operations:
            operation: dict[str, Any] = operations[method]
            return operation
    raise AssertionError(f"{method} {path} is not described")


def _with(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    components = dict(document["components"])
    components["schemas"] = {**components["schemas"], "_": schema}
    return components


def _differing(document: dict[str, Any], schema: Any, answer: Any, at: str = "") -> Iterator[str]:
    """What the answer has and the description has not, or the other way round."""
    if isinstance(answer, list):
        items = _resolved(document, schema).get("items", {})
        for each in answer:
            yield from _differing(document, items, each, f"{at}[]")
    elif isinstance(answer, dict):
        known = dict(_properties(document, schema, answer))
        if not known:
            return
        optional = {"settings"} if "username" in known else set()
        yield from (f"{at}.{name} is too much" for name in answer.keys() - known.keys())
        yield from (f"{at}.{name} is missing" for name in known.keys() - answer.keys() - optional)
        for name in answer.keys() & known.keys():
            yield from _differing(document, known[name], answer[name], f"{at}.{name}")


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _properties(
    document: dict[str, Any], schema: dict[str, Any], answer: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    schema = _resolved(document, schema)
    yield from schema.get("properties", {}).items()
    for part in schema.get("allOf", ()):
        yield from _properties(document, part, answer)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found = dict(_properties(document, choice, answer))
        if found.get("category", {}).get("enum", [answer.get("category")]) == [
            answer.get("category")
        ]:
            yield from found.items()
