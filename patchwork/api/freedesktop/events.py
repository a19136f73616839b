# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened in a project."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.freedesktop import filters, projects, shapes
from patchwork.api.freedesktop.door import FreedesktopDoor
from patchwork.api.freedesktop.paging import listed, ordered
from patchwork.events.queries import event_rows, events_wanted

ORDERS = {"event_time": "event_time"}


class EventList(FreedesktopDoor):
    """The events of a project, the latest first."""

    def get(self, request: Request, project: str) -> Response:
        wanted = events_wanted(filters.events(request, projects.find(project)))
        rows = ordered(request, wanted, ORDERS, "-event_time")
        return listed(request, rows, lambda page: shapes.events(request, event_rows(page)))
