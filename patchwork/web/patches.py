# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of patches."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from patchwork.mail import headers as header_block
from patchwork.people.queries import items_per_page
from patchwork.tracking import mbox as mboxes
from patchwork.tracking import queries
from patchwork.tracking.models import Patch
from patchwork.web import diffs, filters, projects, threads
from patchwork.web.downloads import as_patch, as_text
from patchwork.web.paging import Sort, page

SORTS = (
    Sort("newest", "date", "Newest", descending=True),
    Sort("oldest", "date", "Oldest"),
    Sort("name", "name", "Name"),
    Sort("submitter", "submitter__name", "Submitter"),
)


@require_safe
def listing(request: HttpRequest, linkname: str) -> HttpResponse:
    """A project's patches, whatever series they are in."""
    project = projects.find(linkname)
    selection, form = filters.patches(request.GET, queries.states_of(project))
    sort = filters.sort_of(request.GET, SORTS)
    selected = queries.select_patches(project, selection)
    shown = page(selected, sort, request.GET, items_per_page(request.user))
    context = {
        "project": project,
        "here": "patches",
        "filters": form,
        "sort": sort,
        "sorts": SORTS,
        "page": shown,
        "rows": queries.patch_rows(shown.rows),
        "tags": queries.shown_tags() if project.use_tags else [],
        "count": queries.count_up_to_limit(selected),
    }
    return render(request, "patchwork/patch_list.html", context)


@require_safe
def show(request: HttpRequest, patch_id: int) -> HttpResponse:
    """A patch: what it says, what it changes, and what was said about it."""
    patch = find(patch_id)
    view = queries.view_patch(patch)
    asked, asked_file = request.GET.get("diff", ""), request.GET.get("file", "")
    context = {
        "view": view,
        "patch": patch,
        "project": patch.project,
        "diff": diffs.view(patch.diff, asked, asked_file) if patch.diff else None,
        "headers": header_block.split(queries.raw_of(patch.mail))[0].display(),
        "replies": list(threads.read_through(view.comments)),
    }
    return render(request, "patchwork/patch.html", context)


@require_safe
def mbox(request: HttpRequest, patch_id: int) -> HttpResponse:
    """The patch for ``git am``."""
    patch = find(patch_id)
    return as_patch(mboxes.of_patch(patch), patch.name)


@require_safe
def raw(request: HttpRequest, patch_id: int) -> HttpResponse:
    """The diff and nothing else."""
    return as_text(find(patch_id).diff or "")


@require_safe
def by_msgid(
    request: HttpRequest, linkname: str, msgid: str, address: str = "patch"
) -> HttpResponse:
    """A patch by its Message-ID, which means the same patch on every server."""
    patch_id = queries.patch_id_of(projects.find(linkname), msgid)
    if patch_id is None:
        raise Http404(f"No patch with the Message-ID “{msgid}” has come to this project.")
    return redirect(address, patch_id)


def find(patch_id: int) -> Patch:
    patch = queries.find_patch(patch_id)
    if patch is None:
        raise Http404(f"There is no patch {patch_id} here.")
    return patch
