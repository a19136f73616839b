# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.counting import count_patches
from patchwork.api.freedesktop import filters, projects, shapes
from patchwork.api.freedesktop.door import FreedesktopDoor, found
from patchwork.api.freedesktop.paging import listed, ordered
from patchwork.tracking.queries import catalogue

ORDERS = {
    "id": "id",
    "date": "date",
    "last_updated": "last_updated",
    "name": "name",
    "submitter": "submitter_id",
    "state": "state_id",
}


class PatchList(FreedesktopDoor):
    """All patches, or those of a project."""

    def get(self, request: Request, project: str | None = None) -> Response:
        of_project = projects.find(project) if project is not None else None
        wanted = filters.patches(request, of_project)
        rows = ordered(request, catalogue.patches_wanted(wanted), ORDERS, "date")
        counters = catalogue.counters_of(wanted)
        return listed(
            request,
            rows,
            lambda page: shapes.patches(request, catalogue.patch_rows(page)),
            total=None if counters is None else count_patches(counters),
        )


class PatchDetail(FreedesktopDoor):
    """A patch."""

    def get(self, request: Request, patch_id: int) -> Response:
        row = found(catalogue.patches_by_id([patch_id]).get(patch_id))
        return Response(shapes.patches(request, [row])[0])
