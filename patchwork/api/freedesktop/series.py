# SPDX-License-Identifier: GPL-2.0-or-later
"""Series, and who is asked to review them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.freedesktop import filters, projects, shapes
from patchwork.api.freedesktop.door import FreedesktopDoor, found, require_write
from patchwork.api.freedesktop.paging import listed, ordered
from patchwork.tracking import changes, permissions, queries
from patchwork.tracking.queries import catalogue

ORDERS = {
    "id": "id",
    "submitted": "submitted",
    "last_updated": "last_updated",
    "name": "name",
    "submitter": "submitter_id",
    "state": "state",
}


class SeriesList(FreedesktopDoor):
    """All series, or those of a project."""

    def get(self, request: Request, project: str | None = None) -> Response:
        of_project = projects.find(project) if project is not None else None
        wanted = catalogue.series_wanted(filters.series(request, of_project))
        rows = ordered(request, wanted, ORDERS, "-id")
        return listed(
            request, rows, lambda page: shapes.series(request, catalogue.series_rows(page))
        )


class AccountField(serializers.PrimaryKeyRelatedField):
    """An account by its number, which ``1.5`` is not, although a database would round it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int):
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(data)


class ChangedSeries(serializers.Serializer):
    """What can be written; everything else is passed over, so that what was read can be sent."""

    reviewer = AccountField(
        queryset=get_user_model().objects.filter(is_active=True), allow_null=True, required=False
    )


class SeriesDetail(FreedesktopDoor):
    """A series; its reviewer can be changed by the project's maintainers."""

    def get(self, request: Request, series_id: int) -> Response:
        row = found(catalogue.series_by_id([series_id]).get(series_id))
        return Response(shapes.series(request, [row])[0])

    def put(self, request: Request, series_id: int) -> Response:
        series = found(queries.find_series(series_id))
        may = permissions.may_edit_series(request.user, series)
        account = require_write(request, series.project_id, may=may)
        changed = ChangedSeries(data=request.data)
        changed.is_valid(raise_exception=True)
        if "reviewer" in changed.validated_data:
            changes.set_reviewer(series, changed.validated_data["reviewer"], account)
        else:
            changes.touch(series)
        return self.get(request, series_id)

    def patch(self, request: Request, series_id: int) -> Response:
        return self.put(request, series_id)
