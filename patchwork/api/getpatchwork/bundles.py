# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles: lists of patches that people keep. Nobody is told of somebody else's private ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import access
from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing, allow, somebody
from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    FLAG,
    ID,
    TEXT,
    Body,
    Shape,
    Since,
    list_of,
    text,
)
from patchwork.api.getpatchwork.wording import ACCOUNT, PATCH, PROJECT, Said
from patchwork.api.parameters import Asked, wrong
from patchwork.bundles.changes import (
    BundleEdit,
    CannotBundle,
    create_bundle,
    delete_bundle,
    edit_bundle,
)
from patchwork.bundles.models import Bundle
from patchwork.bundles.permissions import may_edit, visible_to
from patchwork.bundles.queries import patch_ids_in
from patchwork.people.models import ApiToken
from patchwork.people.queries import accounts
from patchwork.tracking import mbox
from patchwork.tracking.models import Patch
from patchwork.tracking.queries.records import patch_mentions

BUNDLE = Shape(
    "Bundle",
    {
        "id": ID,
        "url": ADDRESS,
        "web_url": Since(1, ADDRESS),
        "project": PROJECT,
        "name": TEXT,
        "owner": ACCOUNT,
        "patches": list_of(PATCH),
        "public": FLAG,
        "mbox": ADDRESS,
    },
)
_WRITABLE = {"name": text(1_000), "patches": list_of(ID), "public": FLAG}
EDIT = Body("BundleEdit", _WRITABLE)
NEW = Body("NewBundle", _WRITABLE, required=("name",))


class Bundles(Listing):
    """``/bundles/``"""

    since: ClassVar[dict[str, int]] = {"POST": 2}
    told = BUNDLE
    body = NEW
    filters: ClassVar[dict[str, Any]] = {"owner": asking.NAMED, "public": FLAG}
    orders: ClassVar[dict[str, str]] = {"id": "pk", "name": "name", "owner": "owner_id"}
    searched = ("name",)

    def select(self, asked: Asked) -> QuerySet[Any]:
        rows = asking.accounts(asked, "owner", asking.projects(asked, seen_by(self.request)))
        if (public := asked.flag("public")) is not None:
            rows = rows.filter(public=public)
        return rows

    def post(self, request: Request, **_: str) -> Response:
        owner = somebody(request, self.scope, _project_of_token(request))
        sent = self.sent(BUNDLE.fields)
        if "name" not in sent:
            raise wrong("name", "This field is required.")
        patches = _patches(sent.ids("patches")) if "patches" in sent else []
        for project_id in {patch.project_id for patch in patches}:
            access.require(request, self.scope, project_id)
        public = sent.flag("public") if "public" in sent else False
        try:
            name = sent.line("name")
            bundle = create_bundle(owner, name, patches, public=public)
        except CannotBundle as error:
            raise wrong(error.part, str(error)) from error
        return Response(say_bundles(self, [bundle])[0], status=201)

    def say(self, ids: list[int]) -> list[Said]:
        by_id = Bundle.objects.in_bulk(ids)
        return say_bundles(self, [by_id[pk] for pk in ids if pk in by_id])


class OneBundle(Face):
    """``/bundles/5/``"""

    since: ClassVar[dict[str, int]] = {"PATCH": 2, "PUT": 2, "DELETE": 2}
    told: ClassVar[Shape | None] = BUNDLE
    body = EDIT

    def get(self, request: Request, **_: str) -> Response:
        return Response(say_bundles(self, [self.find()])[0])

    def patch(self, request: Request, **_: str) -> Response:
        bundle = self.find_own()
        sent = self.sent(BUNDLE.fields)
        edit = BundleEdit()
        if "name" in sent:
            edit["name"] = sent.line("name")
        if "patches" in sent:
            edit["patches"] = _patches(sent.ids("patches"))
        if "public" in sent:
            edit["public"] = sent.flag("public")
        try:
            edit_bundle(bundle, edit)
        except CannotBundle as error:
            raise wrong(error.part, str(error)) from error
        return Response(say_bundles(self, [bundle])[0])

    put = patch

    def delete(self, request: Request, **_: str) -> Response:
        delete_bundle(self.find_own())
        return Response(status=204)

    def find_own(self) -> Bundle:
        bundle = self.find()
        allow(self.request, self.scope, bundle.project_id, partial(may_edit, bundle=bundle))
        return bundle

    def find(self) -> Bundle:
        bundle = seen_by(self.request).filter(pk=self.number("bundle_id")).first()
        if bundle is None:
            raise Http404
        return bundle


class BundleMailbox(OneBundle):
    """``/bundles/5/mbox/``: here and not on the pages, so that programs can log in for theirs"""

    http_method_names = ("get", "head", "options")
    told = None

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """A mailbox is what there is, whatever a client says it takes."""
        return super().perform_content_negotiation(request, force=True)

    def get(self, request: Request, **_: str) -> HttpResponseBase:  # type: ignore[override]
        bundle = self.find()
        return HttpResponse(
            mbox.of_patches(patch_ids_in([bundle.pk])[bundle.pk]),
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f"attachment; filename={mbox.file_name(bundle.name)}.mbox"
            },
        )


def _patches(ids: Sequence[int]) -> list[Patch]:
    """In the order of the ids."""
    by_id = Patch.objects.only("pk", "project_id").in_bulk(ids)
    if missing := set(ids) - by_id.keys():
        raise wrong("patches", f"There is no patch {min(missing)} here.")
    return [by_id[pk] for pk in ids]


def _project_of_token(request: Request) -> int | None:
    token = request.auth
    return token.project_id if isinstance(token, ApiToken) else None


def seen_by(request: Request) -> QuerySet[Bundle]:
    """What the account may see, as far as the token is good for it."""
    rows = visible_to(request.user)
    token = request.auth
    if isinstance(token, ApiToken) and token.project_id is not None:
        rows = rows.filter(Q(public=True) | Q(project_id=token.project_id))
    return rows


def say_bundles(face: Face, bundles: Sequence[Bundle]) -> list[Said]:
    held = patch_ids_in([bundle.pk for bundle in bundles])
    patches = patch_mentions({pk for ids in held.values() for pk in ids})
    projects = {bundle.project_id for bundle in bundles}
    wording = face.wording(projects | {patch.project_id for patch in patches.values()})
    owners = accounts({bundle.owner_id for bundle in bundles})
    said = []
    for bundle in bundles:
        one: Said = {"id": bundle.pk, "url": f"{wording.api}/bundles/{bundle.pk}/"}
        owner = owners[bundle.owner_id]
        if wording.minor >= 1:
            page = f"{quote(owner.username, safe='')}/{quote(bundle.name, safe='')}"
            one["web_url"] = f"{wording.site}/bundle/{page}/"
        one["project"] = wording.project(bundle.project_id)
        one["name"] = bundle.name
        one["owner"] = wording.account(owner)
        one["patches"] = wording.patches(patches[pk] for pk in held[bundle.pk])
        one["public"] = bundle.public
        one["mbox"] = f"{one['url']}mbox/"
        said.append(one)
    return said
