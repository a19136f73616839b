# SPDX-License-Identifier: GPL-2.0-or-later
"""What pages and mails call a series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from patchwork.tracking.models import RevisionPatch, Series

INCOMPLETE_TITLE = "Incomplete Series"


def titles_of(series: Iterable[Series]) -> dict[int, str]:
    """Series id -> what pages and mails call it.

    A series without a cover letter has no name of its own: it is known by its first patch, and
    before that one can be told, as incomplete.
    """
    series = list(series)
    nameless = [one for one in series if not one.name and one.newest_id is not None]
    wanted = {pk for one in nameless for pk in (one.pk, one.newest_id) if pk is not None}
    first_patches = dict(
        RevisionPatch.objects.filter(revision_id__in=wanted, number=1)
        .order_by("-pk")
        .values_list("revision_id", "patch__mail__name")
    )
    return {one.pk: _title(one, first_patches) for one in series}


def title_of(series: Series) -> str:
    return titles_of([series])[series.pk]


def _title(series: Series, first_patches: Mapping[int, str]) -> str:
    if series.name:
        return series.name
    first = first_patches.get(series.pk) or first_patches.get(series.newest_id or 0)
    return f"series starting with {first}" if first else INCOMPLETE_TITLE
