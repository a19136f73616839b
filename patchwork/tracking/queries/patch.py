# SPDX-License-Identifier: GPL-2.0-or-later
"""One patch among the others of its revision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from django.db.models import Q

from patchwork.tracking.models import Comment, MailTrailer, Patch, Revision, RevisionPatch, Series
from patchwork.tracking.queries.places import slots_of
from patchwork.tracking.queries.said import (
    Result,
    TagCount,
    comments_on,
    results_on,
    tags_on,
    trailers_for,
)
from patchwork.tracking.queries.titles import title_of

_LONG_TEXTS = ("patch__content", "patch__diff")


@dataclass(frozen=True, slots=True)
class Version:
    """What a revision has for one patch."""

    revision: Revision
    patch: Patch


@dataclass(frozen=True, slots=True)
class PatchView:
    """A patch among the others of its newest revision."""

    patch: Patch
    series: Series | None
    series_title: str
    revision: Revision | None
    """The newest one that holds it; None as long as it stands nowhere."""
    number: int
    previous: Patch | None
    next: Patch | None
    versions: tuple[Version, ...]
    """The patch in each revision of its series, oldest first; the same one can stand in several."""
    comments: tuple[Comment, ...]
    trailers: tuple[MailTrailer, ...]
    """Given by others."""
    tags: tuple[TagCount, ...]
    results: tuple[Result, ...]


def find_patch(patch_id: int) -> Patch | None:
    related = ("project", "submitter", "state", "delegate", "mail")
    return Patch.objects.select_related(*related).filter(pk=patch_id).first()


def view_patch(patch: Patch) -> PatchView:
    places = list(
        RevisionPatch.objects.filter(patch=patch, revision__series__isnull=False)
        .select_related("revision__series", "patch__mail")
        .defer(*_LONG_TEXTS)
        .order_by("revision__number")
    )
    place = places[-1] if places else None
    own = slots_of([place.revision_id])[place.revision_id] if place else []
    position = next((at for at, slot in enumerate(own) if slot.patch_id == patch.pk), 0)
    series = place.revision.series if place else None
    return PatchView(
        patch=patch,
        series=series,
        series_title=title_of(series) if series else "",
        revision=place.revision if place else None,
        number=place.number if place else 0,
        previous=own[position - 1].patch if position > 0 else None,
        next=own[position + 1].patch if position + 1 < len(own) else None,
        versions=tuple(_versions(place, own)) if place else (),
        comments=comments_on(patch),
        trailers=trailers_for(patch.mail),
        tags=tags_on([patch.pk])[patch.pk],
        results=results_on(Patch, [patch.pk])[patch.pk],
    )


def _versions(place: RevisionPatch, own: Sequence[RevisionPatch]) -> Iterator[Version]:
    """What each revision has for the patch of this place: the same mail, name or number.

    The number does not count where it is that of a patch which stands elsewhere here.
    """
    name = place.patch.mail.name
    others = {slot.patch_id for slot in own} - {place.patch_id}
    names = {slot.patch.mail.name for slot in own} - {name}
    alike = RevisionPatch.objects.filter(
        Q(patch=place.patch) | Q(patch__mail__name=name) | Q(number=place.number),
        revision__series=place.revision.series,
    )
    best: dict[Revision, tuple[int, Patch]] = {}
    for slot in alike.select_related("revision", "patch__mail").defer(*_LONG_TEXTS):
        if slot.patch_id in others or slot.patch.mail.name in names:
            continue
        rank = 2 * (slot.patch_id == place.patch_id) + (slot.patch.mail.name == name)
        best[slot.revision] = max(
            best.get(slot.revision, (-1, slot.patch)), (rank, slot.patch), key=itemgetter(0)
        )
    for revision in sorted(best, key=lambda one: one.number):
        yield Version(revision, best[revision][1])
