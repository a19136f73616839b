# SPDX-License-Identifier: GPL-2.0-or-later
"""Revisions of a series, and having one tested again."""

from __future__ import annotations

from contextlib import nullcontext

from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.authentication import TooManyFailures
from patchwork.api.freedesktop import filters, shapes
from patchwork.api.freedesktop.door import Conflict, FreedesktopDoor, found, require_write
from patchwork.api.freedesktop.paging import listed, ordered
from patchwork.people import throttling
from patchwork.tracking import changes, permissions, queries
from patchwork.tracking.queries import catalogue

ORDERS = {"version": "number"}


class RevisionList(FreedesktopDoor):
    """The revisions of a series."""

    def get(self, request: Request, series_id: int) -> Response:
        filters.asked_of(request, ())
        found(queries.find_series(series_id))
        rows = ordered(request, catalogue.revisions_of(series_id), ORDERS, "version")
        return listed(
            request, rows, lambda page: shapes.revisions(request, catalogue.revision_rows(page))
        )


class RevisionDetail(FreedesktopDoor):
    """One revision of a series."""

    def get(self, request: Request, series_id: int, version: int) -> Response:
        rows = catalogue.revision_rows(catalogue.revisions_of(series_id, version))
        found(rows or None)
        return Response(shapes.revisions(request, rows)[0])


class NewRevision(FreedesktopDoor):
    """Have the newest revision of a series tested again: a copy of it becomes the newest."""

    def post(self, request: Request, series_id: int, version: int) -> Response:
        series = found(queries.find_series(series_id))
        revision = found(catalogue.revisions_of(series_id, version).first())
        may = permissions.may_rerun_series(request.user, series)
        account = require_write(request, series.project_id, may=may)
        is_limited = not permissions.may_edit_series(account, series)
        try:
            # Each copy is stored, announced and tested: others have to leave it at a few.
            with throttling.counted_rerun(account, series.pk) if is_limited else nullcontext():
                copy = changes.rerun(revision, account)
        except changes.NotTheNewest as error:
            raise Conflict(str(error)) from error
        except throttling.Throttled as error:
            raise TooManyFailures(error) from None
        rows = catalogue.revision_rows(catalogue.revisions_of(series_id, copy.number))
        return Response(shapes.revisions(request, rows)[0], status=201)
