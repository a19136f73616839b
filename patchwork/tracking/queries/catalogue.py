# SPDX-License-Identifier: GPL-2.0-or-later
"""Series, revisions and patches of all projects, as a catalogue has them: plain rows for machines.

What is selected can be counted, ordered and cut; ``..._rows`` then reads it, in a fixed number of
statements however many rows there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Count, Model, Q, QuerySet

from patchwork.databases import containing
from patchwork.people.models import Person
from patchwork.projects.models import Project, State
from patchwork.tracking.models import (
    Cover,
    MailKind,
    Patch,
    PatchCount,
    Revision,
    RevisionPatch,
    Series,
    SeriesState,
)
from patchwork.tracking.queries.projects import storable
from patchwork.tracking.queries.texts import naming

Row = dict[str, Any]
Listed = TypeVar("Listed", bound=Model)

_SERIES_COLUMNS = (
    *("id", "project_id", "name", "n_patches", "submitter_id", "submitted", "last_updated"),
    *("version", "reviewer_id", "newest_id", "test_state", "state"),
)
_PATCH_COLUMNS = (
    *("id", "project_id", "name", "date", "last_updated", "submitter_id", "state_id", "diff"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """Later than one moment, up to and including another."""

    since: datetime | None = None
    before: datetime | None = None

    def of(self, column: str) -> Q:
        wanted = Q()
        if self.since is not None:
            wanted &= Q(**{f"{column}__gt": self.since})
        if self.before is not None:
            wanted &= Q(**{f"{column}__lte": self.before})
        return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWanted:
    """Which series a catalogue is to list; what is not said does not matter."""

    project_ids: frozenset[int] = frozenset()
    """Of each of them, so of none when there are several."""
    name: str = ""
    includes_nameless: bool = False
    """Those without a name match, whatever is said about names."""
    submitter_id: int | None = None
    submitter_account_id: int | None = None
    reviewer_id: int | None = None
    without_reviewer: bool = False
    submitted: Period = Period()
    updated: Period = Period()
    states: frozenset[SeriesState] = frozenset()
    test_states: frozenset[str | None] = frozenset()
    """None: nothing was tested yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesWanted:
    """Which patches a catalogue is to list; what is not said does not matter."""

    project_ids: frozenset[int] = frozenset()
    name: str = ""
    submitter_id: int | None = None
    submitter_account_id: int | None = None
    submitted: Period = Period()
    updated: Period = Period()
    state_ids: frozenset[int] = frozenset()


# Projects.


def find_project_by_id_or_linkname(written: str) -> Project | None:
    """A number is an id first: only where there is none it can be a linkname."""
    wanted = Q(linkname=storable(written))
    if written.isascii() and written.isdecimal() and len(written) <= 18:
        wanted |= Q(pk=int(written))
    found = list(Project.objects.filter(wanted))
    return next((each for each in found if str(each.pk) == written), found[0] if found else None)


def projects_by_id(ids: Iterable[int]) -> dict[int, Project]:
    return Project.objects.in_bulk(set(ids))


# People and states, by the names that are shown.


def names_of_people(ids: Iterable[int]) -> dict[int, str]:
    """Of senders; the address where no name came with it."""
    people = Person.objects.filter(pk__in=set(ids))
    return {person.pk: person.display_name for person in people}


def names_of_accounts(ids: Iterable[int]) -> dict[int, str]:
    accounts = get_user_model().objects.filter(pk__in=set(ids))
    return {account.pk: account.get_full_name() or account.get_username() for account in accounts}


def names_of_states() -> dict[int, str]:
    return dict(State.objects.values_list("pk", "name"))


# Series.


def series_wanted(wanted: SeriesWanted) -> QuerySet[Series]:
    rows = Series.objects.filter(
        wanted.submitted.of("submitted"), wanted.updated.of("last_updated")
    )
    for project_id in wanted.project_ids:
        rows = rows.filter(project_id=project_id)
    if wanted.name:
        named = containing("name", wanted.name)
        rows = rows.filter(named | Q(name="") if wanted.includes_nameless else named)
    rows = _sent_by(rows, wanted.submitter_id, wanted.submitter_account_id)
    if wanted.reviewer_id is not None:
        rows = rows.filter(reviewer_id=wanted.reviewer_id)
    if wanted.without_reviewer:
        rows = rows.filter(reviewer_id=None)
    if wanted.states:
        rows = rows.filter(state__in=sorted(wanted.states))
    if wanted.test_states:
        known = sorted(state for state in wanted.test_states if state is not None)
        tested = Q(test_state__in=known)
        untested = Q(test_state=None)
        rows = rows.filter(tested | untested if None in wanted.test_states else tested)
    return rows


def series_rows(series: QuerySet[Series]) -> list[Row]:
    """``states`` counts the patches of the newest complete revision; None as long as none is."""
    rows = list(series.values(*_SERIES_COLUMNS))
    states = _states_in({row["newest_id"] for row in rows if row["newest_id"] is not None})
    for row in rows:
        newest_id = row["newest_id"]
        row["states"] = None if newest_id is None else states[newest_id]
    return rows


def series_by_id(ids: Iterable[int]) -> dict[int, Row]:
    return {row["id"]: row for row in series_rows(Series.objects.filter(pk__in=set(ids)))}


def _states_in(revision_ids: Collection[int]) -> defaultdict[int, list[Row]]:
    """Revision id -> how many of its patches are in each state, by the states' order."""
    counts = (
        RevisionPatch.objects.filter(revision_id__in=revision_ids)
        .values("revision_id", "patch__state__name", "patch__state__action_required")
        .annotate(count=Count("pk"))
        .order_by("patch__state__ordering")
    )
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in counts:
        found[row["revision_id"]].append(
            {
                "name": row["patch__state__name"],
                "final": not row["patch__state__action_required"],
                "count": row["count"],
            }
        )
    return found


# Revisions.


def revisions_of(series_id: int, number: int | None = None) -> QuerySet[Revision]:
    revisions = Revision.objects.filter(series_id=series_id)
    return revisions if number is None else revisions.filter(number=number)


def revision_rows(revisions: QuerySet[Revision]) -> list[Row]:
    """Each with its cover letter's text, or None, and the ids of its patches in their order."""
    rows: list[Row] = [{**row} for row in revisions.values("id", "number", "rerun_of_id")]
    letters = _cover_letters({row["rerun_of_id"] or row["id"] for row in rows})
    patches = _patches_in({row["id"] for row in rows})
    for row in rows:
        row["cover_letter"] = letters.get(row["rerun_of_id"] or row["id"])
        row["patch_ids"] = patches[row["id"]]
    return rows


def _cover_letters(revision_ids: Collection[int]) -> Mapping[int, str]:
    """Revision id -> the text of the first letter that came for it."""
    letters = Cover.objects.filter(mail__posting__in=revision_ids, mail__kind=MailKind.COVER)
    return dict(letters.order_by("-date", "-pk").values_list("mail__posting", "content"))


def _patches_in(revision_ids: Collection[int]) -> defaultdict[int, list[int]]:
    slots = RevisionPatch.objects.filter(revision_id__in=revision_ids).order_by("number", "pk")
    found: defaultdict[int, list[int]] = defaultdict(list)
    for revision_id, patch_id in slots.values_list("revision_id", "patch_id"):
        found[revision_id].append(patch_id)
    return found


# Patches.


def patches_wanted(wanted: PatchesWanted) -> QuerySet[Patch]:
    rows = _standing(Patch.objects.all(), wanted)
    rows = rows.filter(wanted.submitted.of("date"), wanted.updated.of("last_updated"))
    if wanted.name:
        rows = rows.filter(naming(Patch, wanted.name))
    return _sent_by(rows, wanted.submitter_id, wanted.submitter_account_id)


def counters_of(wanted: PatchesWanted) -> QuerySet[PatchCount] | None:
    """The counters that say how many they are, where what is wanted is counted."""
    counted = PatchesWanted(project_ids=wanted.project_ids, state_ids=wanted.state_ids)
    return _standing(PatchCount.objects.all(), wanted) if wanted == counted else None


def _standing(rows: QuerySet[Listed], wanted: PatchesWanted) -> QuerySet[Listed]:
    for project_id in wanted.project_ids:
        rows = rows.filter(project_id=project_id)
    if wanted.state_ids:
        rows = rows.filter(state_id__in=sorted(wanted.state_ids))
    return rows


def patch_rows(patches: QuerySet[Patch]) -> list[Row]:
    return list(patches.values(*_PATCH_COLUMNS))


def patch_ids_of_series(series_id: int) -> frozenset[int]:
    """Of all its revisions."""
    held = RevisionPatch.objects.filter(revision__series_id=series_id)
    return frozenset(held.values_list("patch_id", flat=True))


def patches_by_id(ids: Iterable[int]) -> dict[int, Row]:
    return {row["id"]: row for row in patch_rows(Patch.objects.filter(pk__in=set(ids)))}


def _sent_by(
    rows: QuerySet[Listed], person_id: int | None, account_id: int | None
) -> QuerySet[Listed]:
    """By a person, or by anybody who is linked with an account."""
    if person_id is not None:
        rows = rows.filter(submitter_id=person_id)
    if account_id is not None:
        linked = Person.objects.filter(user_id=account_id).values_list("pk", flat=True)
        rows = rows.filter(submitter_id__in=list(linked))
    return rows
