# SPDX-License-Identifier: GPL-2.0-or-later
"""What answers and bodies look like, declared beside those who tell and read them.

The declarations are in the words of JSON Schema; wherever these have a schema, what is made here
can stand as well. ``description`` publishes them, each version with the fields that it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from patchwork.api.parameters import LARGEST_ID

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Since:
    """What older versions do not have."""

    minor: int
    schema: Any


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A closed list of words -> the version from which on there is each."""

    since: Mapping[str, int]

    def at(self, minor: int) -> list[str]:
        return [word for word, first in self.since.items() if first <= minor]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """An object with all of these fields, but for those that are told only sometimes."""

    name: str
    fields: Mapping[str, Any]
    optional: Collection[str] = ()

    def at(self, minor: int) -> dict[str, Any]:
        return _at(minor, self.fields)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """An object with any of these fields, and with all that are required."""

    name: str
    fields: Mapping[str, Any]
    required: Collection[str] = ()

    def at(self, minor: int) -> dict[str, Any]:
        return _at(minor, self.fields)


def _at(minor: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a version has."""
    found = {}
    for name, schema in fields.items():
        if not isinstance(schema, Since):
            found[name] = schema
        elif schema.minor <= minor:
            found[name] = schema.schema
    return found


TEXT: Schema = {"type": "string"}
TEXTS_BY_NAME: Schema = {"type": "object", "additionalProperties": TEXT}
ADDRESS: Schema = {"type": "string", "format": "uri"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ID: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
TIME: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$",
    "description": "In UTC.",
}


def nullable(schema: Any) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Any) -> Schema:
    return {"type": "array", "items": schema}


def text(longest: int) -> Schema:
    """A text that is sent; null is an empty one."""
    return {"type": ["string", "null"], "maxLength": longest}
