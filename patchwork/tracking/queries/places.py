# SPDX-License-Identifier: GPL-2.0-or-later
"""The patches of a revision at their numbers, beside those of the revision before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from patchwork.tracking.models import Patch, RevisionPatch
from patchwork.tracking.queries.said import (
    Result,
    TagCount,
    count_comments,
    results_on,
    tags_on,
)


class Change(StrEnum):
    """What became of a place in a revision, seen from the revision before it."""

    CARRIED = "carried"
    """The very same mail."""
    REPLACED = "replaced"
    """Another mail for what the revision before had, too."""
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Place:
    """A patch at its number in a revision, with what a table shows of it."""

    number: int
    patch: Patch
    tags: tuple[TagCount, ...]
    comments: int
    results: tuple[Result, ...]
    change: Change | None = None
    """None in a first revision."""
    replaces: Patch | None = None


def slots_of(revision_ids: Collection[int]) -> defaultdict[int, list[RevisionPatch]]:
    slots: defaultdict[int, list[RevisionPatch]] = defaultdict(list)
    related = ("patch__state", "patch__delegate", "patch__submitter", "patch__mail")
    found = RevisionPatch.objects.filter(revision_id__in=revision_ids).select_related(*related)
    for slot in found.defer("patch__content", "patch__diff").order_by("number", "pk"):
        slots[slot.revision_id].append(slot)
    return slots


def places_of(
    slots: Sequence[RevisionPatch], before: Sequence[RevisionPatch] | None
) -> tuple[tuple[Place, ...], tuple[Patch, ...]]:
    """The places of a revision, and what the one before had that is found here no more."""
    patches = [slot.patch for slot in slots]
    tags = tags_on([patch.pk for patch in patches])
    comments = count_comments([patch.pk for patch in patches])
    results = results_on(Patch, [patch.pk for patch in patches])
    earlier = pair(slots, before or [])
    places = tuple(
        Place(
            number=slot.number,
            patch=slot.patch,
            tags=tags[slot.patch_id],
            comments=comments.get(slot.patch_id, 0),
            results=results[slot.patch_id],
            change=None if before is None else _change(slot, earlier.get(slot.patch_id)),
            replaces=earlier.get(slot.patch_id),
        )
        for slot in slots
    )
    stood_for = {patch.pk for patch in earlier.values()}
    dropped = tuple(slot.patch for slot in before or [] if slot.patch_id not in stood_for)
    return places, dropped


def _change(slot: RevisionPatch, earlier: Patch | None) -> Change:
    if earlier is None:
        return Change.NEW
    return Change.CARRIED if earlier.pk == slot.patch_id else Change.REPLACED


def pair(slots: Sequence[RevisionPatch], before: Sequence[RevisionPatch]) -> dict[int, Patch]:
    """Patch id -> the patch of the other revision that it stands for.

    The same mail first, then the same name, then the same number: patches are renumbered when
    others are added, and renamed when reviewers ask for it, rarely both at once.
    """
    found: dict[int, Patch] = {}
    rest = list(before)
    for sameness in (_mail, _name, _number):
        candidates: defaultdict[object, list[RevisionPatch]] = defaultdict(list)
        for slot in reversed(rest):
            candidates[sameness(slot)].append(slot)
        for slot in slots:
            waiting = candidates.get(sameness(slot))
            if slot.patch_id not in found and waiting:
                found[slot.patch_id] = waiting.pop().patch
        taken = {patch.pk for patch in found.values()}
        rest = [slot for slot in rest if slot.patch_id not in taken]
    return found


def _mail(slot: RevisionPatch) -> int:
    return slot.patch_id


def _name(slot: RevisionPatch) -> str:
    return slot.patch.mail.name


def _number(slot: RevisionPatch) -> int:
    return slot.number
