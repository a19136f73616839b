# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of series and of patches. No list reads a diff or a commit message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Sum

from patchwork.people.models import Person
from patchwork.projects.models import Project, State, Tag
from patchwork.tracking.models import Patch, Revision, RevisionPatch, Series, SeriesState
from patchwork.tracking.queries.projects import shown_tags
from patchwork.tracking.queries.said import TagCount, tags_on
from patchwork.tracking.queries.texts import naming
from patchwork.tracking.queries.titles import titles_of

COUNT_LIMIT = 10_000
"""Counting stops here; a page then says "more than 10,000"."""

Row = TypeVar("Row", bound=Model)


class Archived(StrEnum):
    """Whether a list shows what was put away."""

    NO = "no"
    YES = "yes"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SeriesSelection:
    """Which of a project's series are wanted."""

    states: frozenset[SeriesState] = frozenset(SeriesState)
    patch_state: State | None = None
    """Its newest revision has a patch in this state."""
    submitter: Person | None = None
    submitter_text: str = ""
    text: str = ""
    archived: Archived = Archived.NO


@dataclass(frozen=True, slots=True)
class PatchSelection:
    """Which of a project's patches are wanted."""

    action_required: bool = False
    """Only those that still wait for somebody."""
    state: State | None = None
    submitter: Person | None = None
    submitter_text: str = ""
    text: str = ""
    archived: Archived = Archived.NO


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many patches of a revision are in a state."""

    state: State
    count: int


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series in a list."""

    series: Series
    title: str
    received: int
    """Patches that are here, of the newest complete revision or else of the newest one."""
    announced: int
    states: tuple[StateCount, ...]
    tags: tuple[TagCount, ...]

    @property
    def is_complete(self) -> bool:
        return self.series.newest_id is not None


@dataclass(frozen=True, slots=True)
class PatchRow:
    """A patch in a list."""

    patch: Patch
    tags: tuple[TagCount, ...]


def count_up_to_limit(rows: QuerySet[Row]) -> int:
    """How many there are; one more than ``COUNT_LIMIT`` stands for any number above it."""
    return rows.order_by()[: COUNT_LIMIT + 1].count()


def select_series(project: Project, selection: SeriesSelection) -> QuerySet[Series]:
    rows = Series.objects.filter(project=project).select_related("submitter", "reviewer")
    if selection.states != frozenset(SeriesState):
        rows = rows.filter(state__in=sorted(selection.states))
    if selection.patch_state:
        rows = rows.filter(_has_patch(patch__state=selection.patch_state))
    if selection.text:
        text = selection.text
        rows = rows.filter(Q(name__icontains=text) | _has_patch(patch__name__icontains=text))
    if selection.archived is not Archived.BOTH:
        put_away = ~_has_patch(patch__archived=False) & Q(newest__isnull=False)
        rows = rows.filter(put_away if selection.archived is Archived.YES else ~put_away)
    return rows.filter(_sent_by(selection.submitter, selection.submitter_text))


def _has_patch(**conditions: object) -> Exists:
    """The newest complete revision of a series has such a patch."""
    places = RevisionPatch.objects.filter(revision=OuterRef("newest"), **conditions)
    return Exists(places.order_by())


def _sent_by(submitter: Person | None, text: str) -> Q:
    if submitter:
        return Q(submitter=submitter)
    if text:
        return Q(submitter__name__icontains=text) | Q(submitter__email__icontains=text)
    return Q()


def series_rows(series: Sequence[Series]) -> list[SeriesRow]:
    """What a list shows of these series."""
    titles = titles_of(series)
    newest = {one.newest_id for one in series if one.newest_id is not None}
    states = _states_in(newest)
    tags = _tags_in(newest)
    counts = _received_by_incomplete([one.pk for one in series if one.newest_id is None])
    return [
        SeriesRow(
            series=one,
            title=titles[one.pk],
            received=counts[one.pk][0] if one.newest_id is None else one.n_patches,
            announced=counts[one.pk][1] if one.newest_id is None else one.n_patches,
            states=tuple(states[one.newest_id or 0]),
            tags=tuple(
                TagCount(tag, trailers, patches, one.n_patches)
                for tag, trailers, patches in tags[one.newest_id or 0]
            ),
        )
        for one in series
    ]


def _states_in(revision_ids: Collection[int]) -> defaultdict[int, list[StateCount]]:
    """Revision id -> the states of its patches."""
    counts = (
        RevisionPatch.objects.filter(revision_id__in=revision_ids)
        .values_list("revision_id", "patch__state_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    states = {state.pk: state for state in State.objects.all()}
    found: defaultdict[int, list[StateCount]] = defaultdict(list)
    for revision_id, state_id, count in counts:
        found[revision_id].append(StateCount(states[state_id], count))
    for of_revision in found.values():
        of_revision.sort(key=lambda one: one.state.ordering)
    return found


def _tags_in(revision_ids: Collection[int]) -> defaultdict[int, list[tuple[Tag, int, int]]]:
    """Revision id -> (tag, trailers, patches) for each tag that has a column."""
    counts = (
        RevisionPatch.objects.filter(revision_id__in=revision_ids, patch__tag_counts__count__gt=0)
        .values_list("revision_id", "patch__tag_counts__tag_id")
        .annotate(trailers=Sum("patch__tag_counts__count"), patches=Count("patch_id"))
        .order_by()
    )
    sums = {
        (revision, tag): (int(trailers), patches) for revision, tag, trailers, patches in counts
    }
    tags = shown_tags()
    found: defaultdict[int, list[tuple[Tag, int, int]]] = defaultdict(
        lambda: [(tag, 0, 0) for tag in tags]
    )
    for revision_id in revision_ids:
        found[revision_id] = [(tag, *sums.get((revision_id, tag.pk), (0, 0))) for tag in tags]
    return found


def _received_by_incomplete(series_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Series id -> (received, announced) of its newest revision: none of them is complete."""
    revisions = (
        Revision.objects.filter(series_id__in=series_ids)
        .annotate(received=Count("slots"))
        .order_by("number")
        .values_list("series_id", "received", "total")
    )
    found = dict.fromkeys(series_ids, (0, 0))
    found.update((series_id, (received, total)) for series_id, received, total in revisions)
    return found


def select_patches(project: Project, selection: PatchSelection) -> QuerySet[Patch]:
    rows = Patch.objects.filter(project=project)
    rows = rows.select_related("state", "submitter", "delegate").defer("content", "diff")
    if selection.state:
        rows = rows.filter(state=selection.state)
    elif selection.action_required:
        rows = rows.filter(state__action_required=True)
    if selection.text:
        rows = rows.filter(naming(Patch, selection.text))
    if selection.archived is not Archived.BOTH:
        rows = rows.filter(archived=selection.archived is Archived.YES)
    return rows.filter(_sent_by(selection.submitter, selection.submitter_text))


def patch_rows(patches: Sequence[Patch]) -> list[PatchRow]:
    tags = tags_on([patch.pk for patch in patches])
    return [PatchRow(patch, tags[patch.pk]) for patch in patches]
