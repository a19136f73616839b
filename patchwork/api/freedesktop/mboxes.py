# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches as mailboxes, for ``git am``."""

from __future__ import annotations

import re

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from patchwork.api import links
from patchwork.api.freedesktop.door import FreedesktopDoor, found
from patchwork.api.parameters import Asked, shown, wrong
from patchwork.mail.facts import Trailer
from patchwork.tracking import mbox, queries
from patchwork.tracking.models import Patch
from patchwork.tracking.queries import catalogue

TAG = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,49}")


class Mailbox(FreedesktopDoor):
    """A mailbox is what there is, whatever a client says it takes."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        return super().perform_content_negotiation(request, force=True)


class RevisionMailbox(Mailbox):
    """All patches of a revision, in the order in which they apply."""

    def get(self, request: Request, series_id: int, version: int) -> HttpResponse:
        series = found(queries.find_series(series_id))
        revision = found(catalogue.revisions_of(series_id, version).first())
        content = mbox.of_revision(revision, _link(request))
        if not content:
            raise NotFound(f"No patch of revision {version} has come yet.")
        return _attached(content, f"{queries.title_of(series)} rev{version}")


class PatchMailbox(Mailbox):
    """One patch."""

    def get(self, request: Request, patch_id: int) -> HttpResponse:
        patch = found(queries.find_patch(patch_id))
        return _attached(mbox.of_patch(patch, _link(request)), patch.name)


def _link(request: Request) -> mbox.Link | None:
    """``?link=Tag``: a trailer of that name says in the commit where the patch is found."""
    tag = Asked(request.query_params).text("link")
    if not tag:
        return None
    if not TAG.fullmatch(tag):
        raise wrong("link", f"{shown(tag)} cannot begin a trailer: use letters, digits and -.")

    def link(patch: Patch) -> Trailer:
        return Trailer(tag, links.absolute(request, reverse("patch", args=[patch.pk])))

    return link


def _attached(content: bytes, name: str) -> HttpResponse:
    file = f"{mbox.file_name(name)}.mbox"
    return HttpResponse(
        content,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
