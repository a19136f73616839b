# SPDX-License-Identifier: GPL-2.0-or-later
"""Which postings, revisions and series the mails of an arrival make, with what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from patchwork.people.models import Person, UserProfile
from patchwork.projects.models import Project
from patchwork.tracking import touched
from patchwork.tracking.chaining import chain
from patchwork.tracking.changes.asked_for import Standing
from patchwork.tracking.grouping import group
from patchwork.tracking.models import Revision, Series
from patchwork.tracking.pieces import Piece, Pins
from patchwork.tracking.settling import Plan, settle
from patchwork.tracking.touched import Known


class Decision:
    """What is to become of the touched series; nothing is written here."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.plan = Plan([], [], [])
        self.pieces: dict[str, Piece] = {}
        self.known: dict[str, Known] = {}
        self.person_ids: dict[str, int] = {}
        self.standings: dict[str, Standing] = {}
        self.rows: dict[int, Revision] = {}
        """Stored revisions by id."""
        self.series_rows: dict[int, Series] = {}
        self.patch_ids: dict[str, int] = {}

    def decide(
        self,
        pieces: Mapping[str, Piece],
        person_ids: Mapping[str, int],
        standings: Mapping[str, Standing],
    ) -> None:
        """``pieces``: the new ones, and stored ones that are seen better now."""
        if not pieces:
            return
        self.person_ids = dict(person_ids)
        self.standings = dict(standings)
        self.known = self.load_near(pieces)
        revisions = self.load_series({piece.root for piece in pieces.values()})
        slots = touched.slots_of(self.rows.keys()) if self.rows else []
        for slot in slots:
            self.patch_ids[slot.msgid] = slot.patch_id
            self.standings[slot.msgid] = Standing(
                slot.state_id, slot.action_required, slot.state_set_by_human
            )
        pins = self.gather(pieces)
        chains = chain(group(self.pieces.values(), pins), pins)
        posting_of = {
            msgid: known.posting_id for msgid, known in self.known.items() if known.posting_id
        }
        self.plan = settle(chains, touched.held(revisions, slots), posting_of)

    def load_near(self, pieces: Mapping[str, Piece]) -> dict[str, Known]:
        """The stored patches and cover letters that these may belong with."""
        known = touched.pieces_near(self.project.pk, pieces.values(), self.persons_behind(pieces))
        claims = {claim for piece in pieces.values() for claim in piece.claims}
        if claims:
            known |= touched.pieces_named_by(self.project.pk, claims)
        return known

    def persons_behind(self, pieces: Mapping[str, Piece]) -> set[int]:
        """All addresses of the senders."""
        identities = {piece.submitter for piece in pieces.values()}
        accounts = [-number for number in identities if number < 0]
        persons = {number for number in identities if number > 0}
        if accounts:
            linked = Person.objects.filter(user_id__in=accounts)
            persons |= set(linked.values_list("pk", flat=True))
        return persons

    def load_series(self, roots: set[str]) -> list[Revision]:
        """The series of what was found, and whatever else belongs to them.

        ``roots``: of the threads that are loaded whole.
        """
        series_ids = {known.series_id for known in self.known.values() if known.series_id}
        if not series_ids:
            return []
        revisions = touched.revisions_of(series_ids)
        self.rows = {revision.pk: revision for revision in revisions}
        for revision in revisions:
            assert revision.series is not None
            self.series_rows[revision.series.pk] = revision.series
        if not self.has_all_pieces(roots):
            for known in touched.pieces_of(self.rows.keys()).values():
                self.known.setdefault(known.msgid, known)
        return revisions

    def has_all_pieces(self, roots: set[str]) -> bool:
        """Whether all mails of the series that were found stand in these threads."""
        found = {known.posting_id for known in self.known.values()}
        postings = {pk for pk, row in self.rows.items() if row.rerun_of_id is None}
        return postings <= found and all(
            known.thread_root in roots for known in self.known.values()
        )

    def gather(self, pieces: Mapping[str, Piece]) -> Pins:
        """All pieces, with what they and people say about them."""
        said = [known.pk for known in self.known.values() if known.has_claims]
        claims = touched.claims_of(said) if said else {}
        pins = touched.pins_of(said) if said else Pins()
        for msgid, known in self.known.items():
            self.pieces[msgid] = replace(touched.piece(known), claims=claims.get(known.pk, ()))
            self.person_ids.setdefault(msgid, known.submitter_id)
            if known.patch_id is not None and known.state_id is not None:
                self.patch_ids[msgid] = known.patch_id
                self.standings[msgid] = Standing(
                    known.state_id, bool(known.action_required), bool(known.state_set_by_human)
                )
        for msgid, piece in pieces.items():
            held = self.pieces.get(msgid)
            self.pieces[msgid] = replace(piece, claims=held.claims) if held else piece
        if any(piece.claims for piece in self.pieces.values()):
            self.mark_maintainers()
        return pins

    def mark_maintainers(self) -> None:
        """Only a maintainer may continue somebody else's series by saying so."""
        maintainers = set(
            UserProfile.objects.filter(maintainer_projects=self.project).values_list(
                "user_id", flat=True
            )
        )
        for msgid, piece in self.pieces.items():
            if -piece.submitter in maintainers:
                self.pieces[msgid] = replace(piece, is_maintainer=True)
