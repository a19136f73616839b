# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of bundles: the lists of patches that people keep."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from patchwork.bundles.models import Bundle
from patchwork.bundles.permissions import visible_to
from patchwork.bundles.queries import patch_ids_in
from patchwork.tracking import mbox as mboxes
from patchwork.tracking import queries
from patchwork.tracking.models import Patch
from patchwork.web.downloads import as_mbox


@require_safe
def show(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """The patches of a bundle, in its order."""
    bundle = find(request, owner, name)
    ids = patch_ids_in([bundle.pk])[bundle.pk]
    place = {patch_id: number for number, patch_id in enumerate(ids)}
    rows = queries.patch_rows(
        list(Patch.objects.filter(pk__in=ids).select_related("state", "submitter"))
    )
    context = {
        "bundle": bundle,
        "project": bundle.project,
        "rows": sorted(rows, key=lambda row: place[row.patch.pk]),
    }
    return render(request, "patchwork/bundle.html", context)


@require_safe
def mbox(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    """All of them as one mailbox."""
    bundle = find(request, owner, name)
    return as_mbox(mboxes.of_patches(patch_ids_in([bundle.pk])[bundle.pk]), bundle.name)


def find(request: HttpRequest, owner: str, name: str) -> Bundle:
    """One that may be seen; of all others nobody is told that they are there."""
    bundle = (
        visible_to(request.user)
        .select_related("project", "owner")
        .filter(owner__username=owner, name=name)
        .first()
    )
    if bundle is None:
        raise Http404("There is no such bundle, or it is not public.")
    return bundle
