# SPDX-License-Identifier: GPL-2.0-or-later
"""Projects."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.freedesktop import filters, shapes
from patchwork.api.freedesktop.door import FreedesktopDoor, found
from patchwork.api.freedesktop.paging import listed, ordered
from patchwork.projects.models import Project
from patchwork.tracking.queries import catalogue

ORDERS = {"id": "id", "name": "name", "linkname": "linkname"}


def find(written: str) -> Project:
    """The project of that id or linkname."""
    project: Project = found(catalogue.find_project_by_id_or_linkname(written))
    return project


class ProjectList(FreedesktopDoor):
    """All projects."""

    def get(self, request: Request) -> Response:
        filters.asked_of(request, ())
        rows = ordered(request, Project.objects.all(), ORDERS, "linkname")
        return listed(request, rows, shapes.projects)


class ProjectDetail(FreedesktopDoor):
    """A project, by its id or its linkname."""

    def get(self, request: Request, project: str) -> Response:
        return Response(shapes.project(find(project)))
