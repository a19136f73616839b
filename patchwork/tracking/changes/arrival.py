# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails arrive in a project: the one way in which they become patches, covers and comments.

The flow stands in ``Arrival.run``: load what the mails touch, decide in memory, write the
difference. The caller holds the project's lock and the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from patchwork.databases import change, insert
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
from patchwork.mail.facts import MailFacts, SubjectFacts
from patchwork.projects.models import Project
from patchwork.tracking import touched
from patchwork.tracking.changes import asked_for
from patchwork.tracking.changes.counting import count_new
from patchwork.tracking.changes.placement import PIECES, Placement, naming_key
from patchwork.tracking.changes.settlement import Settlement
from patchwork.tracking.changes.trailers import count_first, recount
from patchwork.tracking.drafts import Draft
from patchwork.tracking.letters import Fate, Letter, hash_of
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    MailReference,
    MailTrailer,
    Patch,
    PostingClaim,
    RawMail,
    Series,
    SeriesDependency,
)
from patchwork.tracking.touched import Known

TRAILER_LINE_LIMIT = 500
Row = tuple[Any, ...]
"""Plain values for ``databases.insert``, in the order of one of these:"""

_MARKS = ("posting_id", "name", "key", "number", "total", "version", "has_claims")
_MAIL = (
    "project",
    "msgid",
    "in_reply_to",
    "references",
    "thread_root",
    "answers",
    "kind",
    "submitter",
    "date",
    "received",
    "subject",
    "raw",
    "went_to",
    "posting",
    *_MARKS[1:],
)
_PATCH = (
    "mail",
    "project",
    "submitter",
    "date",
    "name",
    "content",
    "diff",
    "hash",
    "pull_url",
    "commit_ref",
    "state",
    "state_set_by_human",
    "delegate",
    "archived",
    "last_updated",
)
_COVER = ("mail", "project", "submitter", "date", "name", "content")
_COMMENT = ("mail", "project", "patch", "cover", "submitter", "date", "content", "addressed")


class Arrival(Placement):
    """One batch of mails for one project."""

    def __init__(
        self, project: Project, letters: Sequence[Letter], *, now: datetime, historical: bool
    ) -> None:
        super().__init__(project, letters, now=now, historical=historical)
        self.happenings: list[Happening] = []
        self.patch_ids: dict[str, int] = {}
        self.cover_ids: dict[str, int] = {}

    def run(self) -> dict[int, Fate]:
        """Answers each letter's fate, by its position."""
        self.recognise()
        if self.new:
            self.find_threads()
            self.meet_senders()
            self.conclude()
        return self.fates

    def conclude(self) -> None:
        """Decide what each mail is, and write what follows from it."""
        self.place()
        wishes = self.hear_wishes()
        settlement = self.settle(wishes)
        self.write_mails(settlement)
        self.write_words(wishes)
        settlement.finish(self.patch_ids)
        self.write_dependencies(settlement)
        self.touch_series(settlement)
        self.tell([*settlement.beginnings, *self.happenings, *settlement.happenings])

    # Deciding.

    def hear_wishes(self) -> asked_for.Wishes:
        """The states and delegates that the new patches begin with."""
        patches = [draft for draft in self.drafts() if self.is_new_patch(draft)]
        return asked_for.Wishes.of(
            self.project,
            {draft.msgid: (draft.letter, self.words_of(draft)[0]) for draft in patches},
        )

    def settle(self, wishes: asked_for.Wishes) -> Settlement:
        """Group and chain what the new patches and covers touch."""
        new = [draft for draft in self.drafts() if self.is_new_piece(draft)]
        moved = [draft for draft in self.drafts() if self.is_moved(draft)]
        settlement = Settlement(self.project, now=self.now, historical=self.historical)
        settlement.decide(
            {draft.msgid: self.piece(draft) for draft in (*new, *moved)},
            {draft.msgid: draft.person_id for draft in new},
            wishes.standings,
        )
        settlement.write_skeleton()
        return settlement

    # Writing.

    def write_mails(self, settlement: Settlement) -> None:
        raw_ids = self.write_raws()
        rows = [
            self.mail_row(draft, raw_ids[msgid], settlement) for msgid, draft in self.new.items()
        ]
        for draft, mail_id in zip(self.new.values(), insert(Mail, _MAIL, rows), strict=True):
            draft.mail_id = mail_id
        self.write_references()
        self.update_moved(settlement)
        self.write_claims()

    def write_raws(self) -> dict[str, int]:
        """The bytes, once each: another project, or the quarantine, may have the same mail."""
        digests = {}
        rows: dict[str, Row] = {}
        for msgid, draft in self.new.items():
            assert draft.letter is not None
            packed = draft.letter.packed
            digests[msgid] = packed.sha256
            rows[packed.sha256] = (packed.sha256, packed.size, packed.compressed)
        raw_ids = insert(
            RawMail, ("sha256", "size", "compressed"), list(rows.values()), unless="sha256"
        )
        by_digest = dict(zip(rows, raw_ids, strict=True))
        return {msgid: by_digest[digest] for msgid, digest in digests.items()}

    def mail_row(self, draft: Draft, raw_id: int, settlement: Settlement) -> Row:
        facts, subject = self.words_of(draft)
        draft.date = self.date_of(facts)
        return (
            self.project.pk,
            facts.msgid,
            facts.references[-1] if facts.references else "",
            " ".join(facts.references),
            draft.root,
            draft.answers,
            draft.settled_kind.value,
            draft.person_id,
            draft.date,
            self.now,
            facts.subject[:255],
            raw_id,
            "",
            *self.marks(draft, subject, settlement),
        )

    def marks(self, draft: Draft, subject: SubjectFacts, settlement: Settlement) -> Row:
        """What grouping wants to know of a patch or cover letter the next time."""
        if draft.kind not in PIECES:
            return (None, "", "", None, None, None, False)
        return (
            settlement.revision_ids[draft.msgid],
            subject.name[:255],
            naming_key(subject, draft.settled_kind),
            subject.index,
            subject.total,
            subject.version,
            bool(self.claims(draft)),
        )

    def write_references(self) -> None:
        """Remember what these mails refer to that has not been seen."""
        insert(
            MailReference,
            ("project", "msgid", "mail"),
            [
                (self.project.pk, reference, draft.mail_id)
                for draft in self.new.values()
                for reference in draft.references
                if reference not in self.known and reference not in self.new
            ],
        )

    def write_claims(self) -> None:
        insert(
            PostingClaim,
            ("mail", "project", "kind", "value"),
            [
                (draft.mail_id, self.project.pk, claim.value, value)
                for draft in self.drafts()
                if self.is_new_piece(draft)
                for claim, value in self.claims(draft)
            ],
        )

    def update_moved(self, settlement: Settlement) -> None:
        """Stored mails that turned out to be, or to answer, something else."""
        for draft in self.again.values():
            known = draft.known
            assert known is not None
            if draft.answers == known.answers and draft.kind == known.kind:
                continue
            changes: dict[str, object] = {
                "answers": draft.answers,
                "kind": draft.settled_kind.value,
            }
            if self.is_new_piece(draft):
                _, subject = self.words_of(draft)
                changes |= zip(_MARKS, self.marks(draft, subject, settlement), strict=True)
            Mail.objects.filter(pk=known.pk).update(**changes)
            draft.mail_id, draft.date = known.pk, known.date

    def write_words(self, wishes: asked_for.Wishes) -> None:
        """The patches, the covers, then the comments on them."""
        self.patch_ids = ids_of(self.known, "patch_id")
        self.cover_ids = ids_of(self.known, "cover_id")
        changed = self.changed()
        self.write_patches([draft for draft in changed if self.is_new_patch(draft)], wishes)
        self.write_covers([draft for draft in changed if self.is_new_cover(draft)])
        self.write_comments([draft for draft in changed if draft.kind == MailKind.COMMENT])
        self.write_trailers(changed)

    def changed(self) -> list[Draft]:
        """New mails, and stored ones that turned out to be something else."""
        return [draft for draft in self.drafts() if draft.mail_id]

    def write_patches(self, drafts: Sequence[Draft], wishes: asked_for.Wishes) -> None:
        rows = [self.patch_row(draft, wishes) for draft in drafts]
        for draft, patch_id in zip(drafts, insert(Patch, _PATCH, rows), strict=True):
            self.patch_ids[draft.msgid] = patch_id
            self.happen(
                EventKind.PATCH_CREATED,
                patch_id=patch_id,
                parameters=wishes.refused(draft.msgid),
            )
        count_new(self.project, [wishes.standings[draft.msgid].state_id for draft in drafts])

    def patch_row(self, draft: Draft, wishes: asked_for.Wishes) -> Row:
        facts, subject = self.words_of(draft)
        standing = wishes.standings[draft.msgid]
        return (
            draft.mail_id,
            self.project.pk,
            draft.person_id,
            draft.date,
            subject.display,
            facts.message,
            facts.diff,
            draft.letter.diff_hash if draft.letter else hash_of(facts),
            (facts.pull_url or "")[:255],
            "",
            standing.state_id,
            standing.by_human,
            wishes.delegates.get(draft.msgid),
            False,
            self.now,
        )

    def write_covers(self, drafts: Sequence[Draft]) -> None:
        rows = []
        for draft in drafts:
            facts, subject = self.words_of(draft)
            rows.append(
                (
                    draft.mail_id,
                    self.project.pk,
                    draft.person_id,
                    draft.date,
                    subject.display,
                    facts.text,
                )
            )
        for draft, cover_id in zip(drafts, insert(Cover, _COVER, rows), strict=True):
            self.cover_ids[draft.msgid] = cover_id
            self.happen(EventKind.COVER_CREATED, cover_id=cover_id)

    def write_comments(self, drafts: Sequence[Draft]) -> None:
        """Comments find what they are about by the mail that they answer."""
        self.load_targets({draft.answers for draft in drafts})
        rows = []
        for draft in drafts:
            if draft.known and draft.known.kind == MailKind.COMMENT:
                self.move_comment(draft)
            else:
                rows.append(self.comment_row(draft))
        for row, comment_id in zip(rows, insert(Comment, _COMMENT, rows), strict=True):
            patch_id, cover_id = row[2], row[3]
            self.happen(
                EventKind.PATCH_COMMENT_CREATED if patch_id else EventKind.COVER_COMMENT_CREATED,
                patch_id=patch_id,
                cover_id=cover_id,
                comment_id=comment_id,
            )

    def comment_row(self, draft: Draft) -> Row:
        facts, _ = self.words_of(draft)
        return (
            draft.mail_id,
            self.project.pk,
            self.patch_ids.get(draft.answers),
            self.cover_ids.get(draft.answers),
            draft.person_id,
            draft.date,
            facts.text,
            False if facts.hints.action_required else None,
        )

    def load_targets(self, msgids: set[str]) -> None:
        missing = msgids - self.patch_ids.keys() - self.cover_ids.keys()
        if missing:
            self.known |= touched.by_msgid(self.project.pk, missing)
            self.patch_ids |= ids_of(self.known, "patch_id")
            self.cover_ids |= ids_of(self.known, "cover_id")

    def move_comment(self, draft: Draft) -> None:
        """A nearer patch came: the comment is about that one."""
        Comment.objects.filter(mail_id=draft.mail_id).update(
            patch_id=self.patch_ids.get(draft.answers), cover_id=self.cover_ids.get(draft.answers)
        )
        MailTrailer.objects.filter(mail_id=draft.mail_id).update(target=draft.answers)

    def write_trailers(self, changed: Sequence[Draft]) -> None:
        """Keep the trailer lines with what they are about, and count them where they changed."""
        rows = []
        moved = {draft.known.answers for draft in changed if draft.known}
        for draft in changed:
            if draft.kind == MailKind.KEPT or draft.facts is None:
                moved.add(draft.answers)
                continue
            target = draft.msgid if draft.kind in PIECES else draft.answers
            rows += [
                (draft.mail_id, self.project.pk, target, line)
                for line in trailer_lines(draft.facts)
            ]
        insert(MailTrailer, ("mail", "project", "target", "line"), rows)
        if self.project.use_tags:
            self.count_trailers(rows, moved - {""})

    def count_trailers(self, rows: Sequence[Row], moved: set[str]) -> None:
        """All lines about a patch that just came are at hand; for others they are read."""
        fresh: dict[int, list[str]] = {}
        others = set(moved)
        for _, _, target, line in rows:
            if target in self.new and not self.again:
                if target in self.patch_ids:
                    fresh.setdefault(self.patch_ids[target], []).append(line)
            else:
                others.add(target)
        count_first(fresh)
        if others:
            recount(self.project, {msgid: self.patch_ids.get(msgid) for msgid in others})

    def write_dependencies(self, settlement: Settlement) -> None:
        """What the series of these mails say they build on, each once."""
        said = {
            (settlement.series_of(draft.msgid), value[:255])
            for draft in self.changed()
            if draft.kind in PIECES and draft.facts
            for value in draft.facts.depends_on
        }
        if said:
            series_ids = {series_id for series_id, _ in said}
            known = SeriesDependency.objects.filter(series_id__in=series_ids)
            said -= set(known.values_list("series_id", "value"))
            insert(SeriesDependency, ("series", "value"), sorted(said))

    def touch_series(self, settlement: Settlement) -> None:
        """Every change to a series moves its ``last_updated``; a comment is one."""
        answered = {draft.answers for draft in self.changed() if draft.kind == MailKind.COMMENT}
        known = [self.known[msgid] for msgid in answered if msgid in self.known]
        series = {settlement.home_of(each.series_id) for each in known if each.series_id}
        series -= settlement.written_series
        change(Series, series, last_updated=self.now)

    def tell(self, happenings: Sequence[Happening]) -> None:
        log.record(happenings)

    def happen(self, kind: EventKind, **about: object) -> None:
        self.happenings.append(
            Happening(kind, self.project.pk, historical=self.historical, **about)  # type: ignore[arg-type]
        )


def trailer_lines(facts: MailFacts) -> list[str]:
    lines = (f"{each.token}: {each.value}"[:TRAILER_LINE_LIMIT] for each in facts.trailers)
    return list(dict.fromkeys(lines))


def ids_of(known: dict[str, Known], which: str) -> dict[str, int]:
    return {msgid: pk for msgid, each in known.items() if (pk := getattr(each, which)) is not None}
