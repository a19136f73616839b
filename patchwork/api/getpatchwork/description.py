# SPDX-License-Identifier: GPL-2.0-or-later
"""The OpenAPI document of this dialect, made from what its addresses declare."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.urls import URLPattern
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import links
from patchwork.api.getpatchwork.faces import NEWEST_MINOR, Face
from patchwork.api.getpatchwork.shapes import COUNT, ID, TEXT, Body, Shape, Words, list_of
from patchwork.api.getpatchwork.wording import Said
from patchwork.people.models import Scope

METHODS = {"get": "read", "post": "make", "patch": "change", "put": "change", "delete": "delete"}
"""What can be asked -> what that does."""
FORMATS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
REFUSALS = {
    400: "Something in the request makes no sense: the answer says what, and what would.",
    401: "Nobody has this password or token.",
    403: "An account is needed, this one may not, or its token is not good for that.",
    404: "There is no such thing, no such page of the list, or no such format.",
    406: "Nothing is told in what the client accepts.",
    409: "What is asked for does not go together with what is there.",
    413: "The body is larger than the server reads at once.",
    415: "The body is in no format that is understood.",
    429: "Somebody failed to log in too often: try again later.",
    503: "The database does not answer now; nothing was changed. Try again.",
}
ALWAYS = (401, 404, 406, 429, 503)
LATER = (429, 503)
"""Refusals that say when to come back."""
LOGGING_IN: Said = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token. What it needs to be good for stands with each operation.",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": 'The same as "Token" and a blank, followed by the token.',
    },
}
WRONG = {
    "type": "object",
    "additionalProperties": {"anyOf": [TEXT, list_of(TEXT)]},
    "description": "The field or parameter, or `detail` -> what is wrong with it.",
}
ENDS = """Where the page ends, also the last one: behind `cursor=`, as it stands here, it asks for
what has come since. It is missing where a page was asked for by its number, or nothing is there."""
REFUSED = Shape("Refused", {"detail": TEXT})


class Description(Face):
    """``/schema/``: what the newest version has, or the one in the address"""

    addresses: ClassVar[Sequence[URLPattern]] = ()

    @property
    def minor(self) -> int:
        return int(self.kwargs.get("minor") or NEWEST_MINOR)

    def get(self, request: Request, **_: str) -> Response:
        site = links.absolute(request, "/").rstrip("/")
        return Response(describe(self.addresses, self.minor, site))


def describe(addresses: Iterable[URLPattern], minor: int, site: str) -> Said:
    """The document of one version, for a site."""
    drawing = _Drawing(minor)
    paths = {}
    rooms: dict[str, None] = {}
    for address in addresses:
        face: type[Face] = address.callback.cls  # type: ignore[attr-defined]
        if face.first_minor > minor:
            continue
        template = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(address.pattern).strip("^$/?"))
        rooms[face.__module__] = None
        paths[f"/api/1.{minor}/{template}{'/' * bool(template)}"] = {
            **_of_path(template),
            **{method: drawing.operation(face, method) for method in _methods(face, minor)},
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Patchwork", "version": f"1.{minor}"},
        "servers": [{"url": site}],
        "tags": [{"name": _tag(room), "description": _first_words(room)} for room in rooms],
        "paths": paths,
        "components": {"schemas": drawing.schemas, "securitySchemes": LOGGING_IN},
    }


def _of_path(template: str) -> Said:
    names = re.findall(r"{(\w+)}", template)
    if not names:
        return {}
    # Projects are the only things that are known by names as well.
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**TEXT, "minLength": 1} if name == "project" else ID,
        }
        for name in names
    ]
    return {"parameters": parameters}


def _methods(face: type[Face], minor: int) -> Iterator[str]:
    for method in METHODS:
        is_there = method in face.http_method_names and hasattr(face, method)
        if is_there and face.since.get(method.upper(), 0) <= minor:
            yield method


def _tag(room: str) -> str:
    return room.rpartition(".")[2]


def _first_words(room: str) -> str:
    return (sys.modules[room].__doc__ or "").partition("\n")[0]


class _Drawing:
    """Draws what is declared in OpenAPI's words, and keeps the shapes it has met, by name."""

    def __init__(self, minor: int) -> None:
        self.minor = minor
        self.schemas: Said = {}

    def operation(self, face: type[Face], method: str) -> Said:
        is_list = method == "get" and bool(face.parameters(self.minor))
        does = "list" if is_list else METHODS[method]
        described: Said = {
            "operationId": f"{method}{face.__name__}",
            "summary": f"{face.__name__}: {does}",
            "tags": [_tag(face.__module__)],
            "security": list(_security(face, method)),
        }
        if is_list:
            described["parameters"] = list(self._parameters(face.parameters(self.minor)))
        if method not in ("get", "delete"):
            described["requestBody"] = {
                "required": True,
                "content": {each: {"schema": self.schema(face.body)} for each in FORMATS},
            }
        described["responses"] = self._responses(face, method, is_list)
        return described

    def _parameters(self, known: Mapping[str, Any]) -> Iterator[Said]:
        for name, schema in known.items():
            described: Said = {"name": name, "in": "query", "schema": self.schema(schema)}
            if described["schema"].get("type") == "array":
                described["explode"] = False
            yield described

    def _responses(self, face: type[Face], method: str, is_list: bool) -> Said:
        codes = {*ALWAYS, *(refusal.status_code for refusal in face.refusals if method != "get")}
        if is_list:
            codes.add(400)
        if face.for_accounts or method != "get":
            codes.add(403)
        if method not in ("get", "delete"):
            codes |= {400, 413, 415}
        return {**self._success(face, method, is_list), **self._refusals(codes)}

    def _success(self, face: type[Face], method: str, is_list: bool) -> Said:
        if method == "delete":
            return {"204": {"description": "It is no more."}}
        if face.told is None:
            return {
                "200": {"description": "A mailbox.", "content": {"text/plain": {"schema": TEXT}}}
            }
        schema = self.schema(list_of(face.told) if is_list else face.told)
        described: Said = {
            "description": face.told.name,
            "content": {"application/json": {"schema": schema}},
        }
        if is_list:
            described["description"] = f"A page of: {face.told.name}"
            described["headers"] = dict(self._headers())
        return {"201" if method == "post" else "200": described}

    def _headers(self) -> Iterator[tuple[str, Said]]:
        yield "Link", {"description": "Leads to the neighbouring pages.", "schema": TEXT}
        if self.minor >= 5:
            yield "Cursor", {"description": ENDS, "schema": TEXT}

    def _refusals(self, codes: Iterable[int]) -> Said:
        return {str(code): self._refusal(code) for code in sorted(codes)}

    def _refusal(self, code: int) -> Said:
        schema = self.schema(WRONG if code == 400 else REFUSED)
        described: Said = {
            "description": REFUSALS[code],
            "content": {"application/json": {"schema": schema}},
        }
        if code in LATER:
            described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": COUNT}}
        return described

    def schema(self, declared: Any) -> Any:
        match declared:
            case Words():
                return {"type": "string", "enum": declared.at(self.minor)}
            case Shape() | Body():
                if declared.name not in self.schemas:
                    self.schemas[declared.name] = {}
                    self.schemas[declared.name] = self._object(declared)
                return {"$ref": f"#/components/schemas/{declared.name}"}
            case Mapping():
                return {name: self.schema(each) for name, each in declared.items()}
            case list():
                return [self.schema(each) for each in declared]
        return declared

    def _object(self, declared: Shape | Body) -> Said:
        fields = declared.at(self.minor)
        described: Said = {"type": "object", "properties": self.schema(fields)}
        if isinstance(declared, Body):
            described["description"] = "What was told may be sent back as well; it is passed over."
            required = [*declared.required]
        else:
            required = [name for name in fields if name not in declared.optional]
        if required:
            described["required"] = required
        return {**described, "additionalProperties": False}


def _security(face: type[Face], method: str) -> Iterator[dict[str, list[str]]]:
    """Who need not log in gives nothing; a token needs the scope."""
    scope = Scope.READ if method == "get" else face.scope
    if method == "get" and not face.for_accounts:
        yield {}
    for way in LOGGING_IN:
        yield {way: [] if way == "basic" else [scope.value]}
