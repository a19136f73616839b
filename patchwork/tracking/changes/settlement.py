# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing what grouping and chaining say about the mails that an arrival touches.

After ``decide``, ``write_skeleton`` writes the revisions and series that the mails will refer to,
and ``finish`` puts the patches into their places once they have ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import F, Model

from patchwork.databases import change, create, insert, upsert
from patchwork.events.log import Happening
from patchwork.events.models import Event, EventKind
from patchwork.projects.models import Project
from patchwork.tracking import touched
from patchwork.tracking.changes.counting import counted
from patchwork.tracking.changes.decision import Decision
from patchwork.tracking.models import (
    Mail,
    Patch,
    Revision,
    RevisionPatch,
    Series,
    SeriesDependency,
    SeriesMetadata,
    SeriesState,
)
from patchwork.tracking.settling import PlannedRevision, PlannedSeries
from patchwork.tracking.standing import series_state

_REVISION_FIELDS = (
    "series",
    "number",
    "name",
    "submitter",
    "date",
    "marker",
    "total",
    "is_complete",
    "is_late",
    "is_resend",
    "announced",
    "strange",
)
_SERIES_FIELDS = (
    "name",
    "submitter",
    "submitted",
    "last_updated",
    "newest",
    "version",
    "n_patches",
    "state",
    "test_state",
    "possibly_continues",
)


class Settlement(Decision):
    """The postings, revisions and series of one arrival."""

    def __init__(self, project: Project, *, now: datetime, historical: bool) -> None:
        super().__init__(project)
        self.now = now
        self.historical = historical
        self.revision_ids: dict[str, int] = {}
        """The revision that each mail was sent for."""
        self.written: dict[int, Revision] = {}
        """Planned revision (by identity) -> its row."""
        self.moved_series: dict[int, int] = {}
        self.beginnings: list[Happening] = []
        self.happenings: list[Happening] = []

    # Writing revisions and series.

    def write_skeleton(self) -> None:
        """Revisions and series, complete but for the patches' places."""
        if not self.plan.series:
            return
        self.free_numbers()
        self.write_new_series()
        self.write_later_revisions()
        self.update_revisions()
        self.move_mails()
        self.absorb()

    def free_numbers(self) -> None:
        """Take numbers that change out of the way first: they are unique within a series."""
        changing = [
            revision.held.id
            for series in self.plan.series
            for revision in series.revisions
            if revision.held is not None
            and (revision.held.number, revision.held.series_id) != (revision.number, series.held_id)
        ]
        if changing:
            Revision.objects.filter(pk__in=changing).update(number=-F("pk"))

    def write_new_series(self) -> None:
        """A series takes the id of the revision that founds it, so that comes first."""
        new = [series for series in self.plan.series if series.held_id is None]
        founders = [series for series in new if series.founder.held is None]
        rows = [self.revision_row(series, series.founder, None) for series in founders]
        create(rows)
        for series, row in zip(founders, rows, strict=True):
            self.written[id(series.founder)] = row
        for series in new:
            held = series.founder.held
            series_id = held.id if held is not None else self.written[id(series.founder)].pk
            self.series_rows[series_id] = self.series_row(
                series, Series(pk=series_id, last_updated=self.now)
            )
        create([self.series_rows[self.id_of(series)] for series in new])
        if rows:
            Revision.objects.filter(pk__in=[row.pk for row in rows]).update(series_id=F("pk"))
        for series, row in zip(founders, rows, strict=True):
            row.series_id = row.pk
            self.begin(series, series.founder)

    def write_later_revisions(self) -> None:
        """New revisions of series that exist by now."""
        later = [
            (series, revision)
            for series in self.plan.series
            for revision in series.revisions
            if revision.held is None and id(revision) not in self.written
        ]
        rows = [
            self.revision_row(series, revision, self.id_of(series)) for series, revision in later
        ]
        create(rows)
        for (series, revision), row in zip(later, rows, strict=True):
            self.written[id(revision)] = row
            self.begin(series, revision)

    def update_revisions(self) -> None:
        """Stored revisions that are not what they were."""
        changed = []
        for series in self.plan.series:
            for revision in series.revisions:
                if revision.held is None:
                    continue
                row = self.rows[revision.held.id]
                self.written[id(revision)] = row
                before = [getattr(row, name) for name in _ATTRIBUTES]
                self.fill(row, series, revision, self.id_of(series))
                if before != [getattr(row, name) for name in _ATTRIBUTES]:
                    changed.append(row)
        upsert(changed, unique=["id"], update=_REVISION_FIELDS)

    def revision_row(
        self, series: PlannedSeries, revision: PlannedRevision, series_id: int | None
    ) -> Revision:
        row = Revision(project_id=self.project.pk)
        self.fill(row, series, revision, series_id)
        return row

    def fill(
        self,
        row: Revision,
        series: PlannedSeries,
        revision: PlannedRevision,
        series_id: int | None,
    ) -> None:
        row.series_id = series_id
        row.number = revision.number
        row.is_complete = revision.is_complete
        row.is_late = revision.is_late
        row.announced = revision.announced
        if revision.chained is None:
            return
        first = min(revision.pieces, key=lambda piece: (piece.date, piece.msgid))
        row.name = _name_of(series, revision)
        row.submitter_id = self.person_ids[first.msgid]
        row.date = first.date
        row.marker = revision.chained.posting.version
        row.total = revision.chained.total
        row.is_resend = revision.chained.is_resend
        row.strange = "\n".join(revision.chained.strange)

    def series_row(self, series: PlannedSeries, row: Series) -> Series:
        """The series as its revisions make it."""
        first, newest = series.first, series.newest
        row.project_id = self.project.pk
        if first.chained is not None:
            earliest = min(first.pieces, key=lambda piece: (piece.date, piece.msgid))
            row.name = _name_of(series, first)
            row.submitter_id = self.person_ids[earliest.msgid]
            row.submitted = earliest.date
        row.version = newest.number if newest else 1
        row.n_patches = len(newest.slots) if newest else 0
        row.state = self.state_of(newest)
        if newest and id(newest) in self.written:
            row.newest_id = self.written[id(newest)].pk
            row.test_state = self.written[id(newest)].test_state
        elif newest is None:
            row.newest_id = row.test_state = None
        return row

    def state_of(self, newest: PlannedRevision | None) -> SeriesState:
        if newest is None:
            return SeriesState.INCOMPLETE
        return series_state(
            [self.standings[msgid] for msgid in newest.slots.values()],
            self.project.first_state_id,  # type: ignore[attr-defined]
        )

    def begin(self, series: PlannedSeries, revision: PlannedRevision) -> None:
        """Every posting is a series of its own in the getpatchwork dialect."""
        self.beginnings.append(self.happening(EventKind.SERIES_CREATED, series, revision=revision))

    def move_mails(self) -> None:
        """Every mail's posting; those that are stored already and moved are updated."""
        moved: dict[int, list[int]] = {}
        for series in self.plan.series:
            for revision in series.revisions:
                revision_id = self.written[id(revision)].pk
                for piece in revision.pieces:
                    self.revision_ids[piece.msgid] = revision_id
                    known = self.known.get(piece.msgid)
                    if known is not None and known.posting_id != revision_id:
                        moved.setdefault(revision_id, []).append(known.pk)
        for revision_id, mail_ids in moved.items():
            change(Mail, mail_ids, posting=revision_id)

    def absorb(self) -> None:
        """Series that turned out to be another: what hangs on them goes along."""
        for series in self.plan.series:
            for absorbed in series.absorbed:
                self.hand_over(absorbed, self.id_of(series))
            self.bring_events(series)
        if self.plan.emptied:
            Revision.objects.filter(pk__in=[held.id for held in self.plan.emptied]).delete()
        if self.plan.abandoned:
            Series.objects.filter(pk__in=self.plan.abandoned, revisions__isnull=True).delete()

    def hand_over(self, old: int, new: int) -> None:
        self.moved_series[old] = new
        self.series_rows.pop(old, None)
        Event.objects.filter(series_id=old).update(series_id=new)
        Series.objects.filter(possibly_continues_id=old).update(possibly_continues_id=new)
        reviewer_id = Series.objects.filter(pk=old).values_list("reviewer_id", flat=True).first()
        Series.objects.filter(pk=new, reviewer=None).update(reviewer_id=reviewer_id)
        here = SeriesMetadata.objects.filter(series_id=new).values_list("name", flat=True)
        SeriesMetadata.objects.filter(series_id=old).exclude(name__in=list(here)).update(
            series_id=new
        )
        said = SeriesDependency.objects.filter(series_id=new).values_list("value", flat=True)
        SeriesDependency.objects.filter(series_id=old).exclude(value__in=list(said)).update(
            series_id=new
        )

    def bring_events(self, series: PlannedSeries) -> None:
        """What is recorded of a revision that was in another series comes along with it."""
        series_id = self.id_of(series)
        come = [
            revision.held.id
            for revision in series.revisions
            if revision.held is not None and revision.held.series_id != series_id
        ]
        if come:
            Event.objects.filter(revision_id__in=come).update(series_id=series_id)

    # The patches' places.

    def finish(self, new_patch_ids: Mapping[str, int]) -> None:
        """Put the patches into their places, tell the log, and bring the series up to date."""
        if not self.plan.series:
            return
        self.patch_ids.update(new_patch_ids)
        self.write_slots()
        for series in self.plan.series:
            for revision in series.revisions:
                self.tell(series, revision)
        self.supersede()
        self.update_series()

    def write_slots(self) -> None:
        gone: list[tuple[int, int]] = []
        new = []
        for revision, row in self.planned_rows():
            if revision.held is not None and revision.held.is_closed:
                continue
            before = dict(revision.held.slots) if revision.held else {}
            after = dict(revision.slots)
            gone += [
                (row.pk, self.patch_ids[msgid])
                for number, msgid in before.items()
                if after.get(number) != msgid
            ]
            new += [
                (row.pk, self.patch_ids[msgid], number)
                for number, msgid in after.items()
                if before.get(number) != msgid
            ]
        for revision_id, patch_id in gone:
            RevisionPatch.objects.filter(revision_id=revision_id, patch_id=patch_id).delete()
        insert(RevisionPatch, ("revision", "patch", "number"), new)

    def planned_rows(self) -> list[tuple[PlannedRevision, Revision]]:
        return [
            (revision, self.written[id(revision)])
            for series in self.plan.series
            for revision in series.revisions
        ]

    def tell(self, series: PlannedSeries, revision: PlannedRevision) -> None:
        """A patch is completed once all before it are there; a revision once all of it is."""
        own = {piece.msgid for piece in revision.pieces}
        before = _unbroken(revision.held.slots if revision.held else {})
        for number in range(before + 1, _unbroken(revision.slots) + 1):
            msgid = revision.slots[number]
            if msgid in own:
                self.happenings.append(
                    self.happening(
                        EventKind.PATCH_COMPLETED,
                        series,
                        revision=revision,
                        patch_id=self.patch_ids[msgid],
                    )
                )
        if revision.is_new_announcement:
            for kind in (EventKind.SERIES_COMPLETED, EventKind.SERIES_NEW_REVISION):
                self.happenings.append(
                    self.happening(
                        kind, series, revision=revision, parameters={"revision": revision.number}
                    )
                )

    def supersede(self) -> None:
        """The newest complete revision replaces what came before it and nobody decided about."""
        state_id = self.project.superseding_state_id  # type: ignore[attr-defined]
        if not self.project.supersede_older or state_id is None:
            return
        replaced = []
        for series in self.plan.series:
            for msgid in self.replaced_in(series):
                standing = self.standings[msgid]
                if standing.is_open and standing.state_id != state_id:
                    replaced.append(self.patch_ids[msgid])
                    states = {"previous_state": standing.state_id, "new_state": state_id}
                    self.happenings.append(
                        self.happening(
                            EventKind.PATCH_STATE_CHANGED,
                            series,
                            patch_id=self.patch_ids[msgid],
                            parameters=states,
                        )
                    )
        with counted(replaced):
            change(Patch, replaced, state=state_id, last_updated=self.now)

    def replaced_in(self, series: PlannedSeries) -> list[str]:
        """The patches of older revisions that are not in the newest complete one."""
        newest = series.newest
        if newest is None:
            return []
        older = series.revisions[: series.revisions.index(newest)]
        msgids = {msgid for revision in older for msgid in revision.slots.values()}
        return sorted(msgids - set(newest.slots.values()))

    def update_series(self) -> None:
        """A series that was only looked at, because another might continue it, stays as it is."""
        rows = []
        namesakes = self.load_namesakes()
        for series in self.plan.series:
            row = self.series_rows[self.id_of(series)]
            before = [getattr(row, name) for name in _SERIES_ATTRIBUTES]
            self.series_row(series, row)
            self.guess(series, row, namesakes)
            differs = before != [getattr(row, name) for name in _SERIES_ATTRIBUTES]
            if differs or (series.is_changed and series.held_id is not None):
                row.last_updated = self.now
                rows.append(row)
        upsert(rows, unique=["id"], update=_SERIES_FIELDS)

    def load_namesakes(self) -> dict[str, int]:
        """Key -> the latest series of that name, for second versions of what nobody has seen."""
        keys = {key for series in self.plan.series if (key := _unexplained_key(series))}
        return touched.series_named(self.project.pk, keys, self.pieces) if keys else {}

    def guess(self, series: PlannedSeries, row: Series, namesakes: Mapping[str, int]) -> None:
        """Link what it may continue; a person confirms or not."""
        if row.possibly_continues_id is not None:
            return
        row.possibly_continues_id = namesakes.get(_unexplained_key(series))
        for msgid in series.possibly_continues:
            revision_id = self.revision_ids.get(msgid)
            home = self.written_by_pk(revision_id)
            if home is not None and home.series_id != row.pk:
                row.possibly_continues_id = home.series_id
                return

    def written_by_pk(self, revision_id: int | None) -> Revision | None:
        return next((row for row in self.written.values() if row.pk == revision_id), None)

    # Words used above.

    @property
    def written_series(self) -> set[int]:
        return {self.id_of(series) for series in self.plan.series}

    def home_of(self, series_id: int) -> int:
        """Where a series is now, after some have turned out to be the same."""
        return self.moved_series.get(series_id, series_id)

    def series_of(self, msgid: str) -> int:
        """The series that a patch or cover letter of this arrival is in."""
        home = self.written_by_pk(self.revision_ids[msgid])
        assert home is not None and home.series_id is not None
        return home.series_id

    def id_of(self, series: PlannedSeries) -> int:
        if series.held_id is not None:
            return series.held_id
        held = series.founder.held
        return held.id if held is not None else self.written[id(series.founder)].pk

    def happening(
        self,
        kind: EventKind,
        series: PlannedSeries,
        *,
        revision: PlannedRevision | None = None,
        patch_id: int | None = None,
        parameters: dict[str, object] | None = None,
    ) -> Happening:
        return Happening(
            kind,
            self.project.pk,
            series_id=self.id_of(series),
            revision_id=self.written[id(revision)].pk if revision else None,
            patch_id=patch_id,
            parameters=parameters or {},
            historical=self.historical,
        )


def _attributes(model: type[Model], names: Iterable[str]) -> tuple[str, ...]:
    """What the columns of these fields are called on a row."""
    return tuple(model._meta.get_field(name).attname for name in names)  # type: ignore[union-attr]


_ATTRIBUTES = _attributes(Revision, _REVISION_FIELDS)
_SERIES_ATTRIBUTES = _attributes(Series, _SERIES_FIELDS)


def _name_of(series: PlannedSeries, revision: PlannedRevision) -> str:
    """The cover letter's, or the lone patch's; a re-send goes by the name of what it amends."""
    if revision.chained is None:
        return ""
    posting = revision.chained.posting
    if posting.cover is not None:
        return posting.cover.name
    if revision.chained.is_resend:
        place = next(i for i, each in enumerate(series.revisions) if each is revision)
        return _name_of(series, series.revisions[place - 1]) if place else ""
    if posting.total == 1 and posting.slots:
        return posting.slots[1].name if 1 in posting.slots else ""
    return ""


def _unexplained_key(series: PlannedSeries) -> str:
    """The name of a new series that calls itself a later version; empty otherwise."""
    chained = series.first.chained
    if series.held_id is not None or series.possibly_continues or chained is None:
        return ""
    lead = chained.posting.pieces[0]
    return lead.key if chained.posting.marker > 1 else ""


def _unbroken(slots: Mapping[int, str]) -> int:
    """How many places from the first on are filled."""
    count = 0
    while count + 1 in slots:
        count += 1
    return count
