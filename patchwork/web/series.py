# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of series and their revisions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from patchwork.people.queries import items_per_page
from patchwork.tracking import mbox as mboxes
from patchwork.tracking import queries
from patchwork.tracking.queries import SeriesView
from patchwork.web import filters, projects, threads
from patchwork.web.downloads import as_mbox
from patchwork.web.paging import Sort, page, without_place

SORTS = (
    Sort("updated", "last_updated", "Updated", descending=True),
    Sort("oldest", "last_updated", "Updated longest ago"),
    Sort("submitted", "submitted", "Submitted", descending=True),
    Sort("name", "name", "Name"),
    Sort("submitter", "submitter__name", "Submitter"),
)
COLUMNS = ("name", "submitter", "updated")
"""The sorts that the head of the table offers; the form offers all."""
MISSING_LIMIT = 20


@require_safe
def listing(request: HttpRequest, linkname: str) -> HttpResponse:
    """A project's series, those first that moved last."""
    project = projects.find(linkname)
    selection, form = filters.series(request.GET, queries.states_of(project))
    sort = filters.sort_of(request.GET, SORTS)
    selected = queries.select_series(project, selection)
    shown = page(selected, sort, request.GET, items_per_page(request.user))
    return render(
        request,
        "patchwork/series_list.html",
        {
            "project": project,
            "here": "series",
            "filters": form,
            "sort": sort,
            "sorts": SORTS,
            "columns": {word: without_place(request.GET, {"sort": word}) for word in COLUMNS},
            "page": shown,
            "rows": queries.series_rows(shown.rows),
            "tags": queries.shown_tags() if project.use_tags else [],
            "count": queries.count_up_to_limit(selected),
            "has_xmlrpc": settings.ENABLE_XMLRPC,
        },
    )


@require_safe
def show(request: HttpRequest, series_id: int, number: int | None = None) -> HttpResponse:
    """A series in one of its revisions; the address of any revision leads here, too."""
    series = queries.find_series(series_id)
    if series is None:
        return _to_series_of_revision(series_id, "series-revision")
    if number is None and (asked := request.GET.get("rev", "")):
        return redirect("series-revision", series_id, _revision_number(asked))
    view = queries.view_series(series, number)
    if view is None:
        raise Http404(f"Series {series_id} has no revision {number or 1}.")
    context = {
        "view": view,
        "series": series,
        "project": series.project,
        "missing": _listed(view.missing),
        "changes": _changes(view),
        "replies": list(threads.read_through(view.cover_comments)),
    }
    return render(request, "patchwork/series.html", context)


def _listed(numbers: Iterator[int]) -> str:
    """``1, 2, 5``: some numbers, and dots where there are too many for a page."""
    first = [str(number) for number in islice(numbers, MISSING_LIMIT)]
    return ", ".join(first) + (" …" if next(numbers, None) is not None else "")


def _changes(view: SeriesView) -> str:
    """What a revision did to the patches of the one before, in words."""
    counts = (
        (view.kept, "carried over"),
        (view.replaced, "replaced"),
        (view.added, "new"),
        (len(view.dropped), "dropped"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count)


@require_safe
def mbox(request: HttpRequest, series_id: int, number: int | None = None) -> HttpResponse:
    """The patches of a revision (the newest complete one unless it is told) for ``git am``."""
    series = queries.find_series(series_id)
    if series is None:
        return _to_series_of_revision(series_id, "series-revision-mbox")
    revision = queries.revision_of(series, number)
    if revision is None:
        raise Http404(f"Series {series_id} has no revision {number or 1}.")
    content = mboxes.of_revision(revision)
    if not content:
        raise Http404(f"No patch of revision {revision.number} has come yet.")
    return as_mbox(content, f"{queries.title_of(series)} rev{revision.number}")


def _to_series_of_revision(revision_id: int, address: str) -> HttpResponse:
    """Clients of one API know a revision by its own id."""
    revision = queries.find_revision(revision_id)
    if revision is None or revision.series_id is None:
        raise Http404(f"There is no series {revision_id} here.")
    return redirect(address, revision.series_id, revision.number)


def _revision_number(asked: str) -> int:
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return int(asked)
    raise Http404(f"“{asked[:40]}” is no revision; revisions are called 1, 2, 3 and so on.")
