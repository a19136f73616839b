# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails arrive in a project: the one way in which they become patches, covers and comments.

The flow stands in ``Arrival.run``: load what the mails touch, decide in memory, write the
difference. The caller holds the project's lock and the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from patchwork.databases import change, insert
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
from patchwork.mail import diff as diffs
from patchwork.mail import reading
from patchwork.mail import subject as subjects
from patchwork.mail.facts import MailFacts, SubjectFacts
from patchwork.people import changes as people
from patchwork.people.models import email_key
from patchwork.projects.models import Project
from patchwork.tracking import threads, touched
from patchwork.tracking.changes import asked_for
from patchwork.tracking.changes.settlement import Settlement
from patchwork.tracking.changes.trailers import count_first, recount
from patchwork.tracking.classify import kind_of
from patchwork.tracking.drafts import Draft, Sender
from patchwork.tracking.letters import Fate, Letter
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
from patchwork.tracking.pieces import Claim, Piece
from patchwork.tracking.touched import Known

TRAILER_LINE_LIMIT = 500
CLOCK_SKEW = timedelta(days=1)
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
_PIECES = (MailKind.PATCH, MailKind.COVER)
_FATES = {
    MailKind.PATCH: Fate.PATCH,
    MailKind.COVER: Fate.COVER,
    MailKind.COMMENT: Fate.COMMENT,
    MailKind.KEPT: Fate.KEPT,
}


def subject_names(project: Project) -> tuple[str, ...]:
    """The words that say nothing in a subject of this project: its own name and its list's."""
    list_name = project.listid.partition(".")[0]
    return tuple({project.linkname, list_name, project.listemail.partition("@")[0]} - {""})


class Arrival:
    """One batch of mails for one project."""

    def __init__(
        self, project: Project, letters: Sequence[Letter], *, now: datetime, historical: bool
    ) -> None:
        self.project = project
        self.letters = letters
        self.now = now
        self.historical = historical
        self.fates: dict[int, Fate] = {}
        self.known: dict[str, Known] = {}
        self.new: dict[str, Draft] = {}
        self.again: dict[str, Draft] = {}
        """Stored mails that are looked at again, because what they wait for may have come."""
        self.waiting: list[tuple[int, str, int]] = []
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

    # What is here already.

    def recognise(self) -> None:
        """Load the mails that these are or refer to, and set aside what is here already."""
        named = {letter.facts.msgid for letter in self.letters}
        referred = {ref for letter in self.letters for ref in letter.facts.references}
        self.known = touched.by_msgid(self.project.pk, named | referred)
        for letter in self.letters:
            msgid = letter.facts.msgid
            if msgid in self.known:
                known = self.known[msgid]
                self.fates[letter.position] = self.seen_before(
                    letter, known.email_key, self.subject_of(known)
                )
            elif msgid in self.new:
                first = self.new[msgid].letter
                assert first is not None
                self.fates[letter.position] = self.seen_before(
                    letter, email_key(first.facts.sender.email), first.subject
                )
            else:
                self.new[msgid] = Draft.of_letter(letter)
        if self.new:
            self.waiting = touched.waiting_for(self.project.pk, self.new.keys())

    def seen_before(self, letter: Letter, sender: str, subject: SubjectFacts) -> Fate:
        """Lists change every copy; who wrote it and what it is called stay the same."""
        is_same = email_key(letter.facts.sender.email) == sender and (
            letter.subject.name[:200] == subject.name[:200]
        )
        return Fate.DUPLICATE if is_same else Fate.USED_TWICE

    def subject_of(self, known: Known) -> SubjectFacts:
        return subjects.parse(known.subject, subject_names(self.project))

    # Threads.

    def find_threads(self) -> None:
        """Every new mail's root; mails that waited below one of them get the same root."""
        references = {msgid: draft.references for msgid, draft in self.new.items()}
        roots = {msgid: known.thread_root for msgid, known in self.known.items()}
        for msgid, draft in self.new.items():
            draft.root = threads.root_of(msgid, references, roots)
        if self.waiting:
            self.look_again()

    def look_again(self) -> None:
        """Move the threads that had a new mail for their root, and load them."""
        moved = {
            msgid: self.new[msgid].root
            for msgid in {msgid for _, msgid, _ in self.waiting}
            if self.new[msgid].root != msgid
        }
        for old, new in moved.items():
            Mail.objects.filter(project=self.project, thread_root=old).update(thread_root=new)
        for known in self.known.values():
            known.thread_root = moved.get(known.thread_root, known.thread_root)
        waiting = set(
            Mail.objects.filter(pk__in={mail for _, _, mail in self.waiting}).values_list(
                "thread_root", flat=True
            )
        )
        for msgid, known in touched.by_thread(self.project.pk, waiting).items():
            self.known[msgid] = known
            if known.kind != MailKind.GONE:
                self.again[msgid] = Draft.of_known(known)
        MailReference.objects.filter(pk__in=[row for row, _, _ in self.waiting]).delete()

    # People.

    def meet_senders(self) -> None:
        """Who wrote the mails that these refer to is known already."""
        met = {
            known.email_key: Sender(known.submitter_id, known.user_id)
            for known in self.known.values()
        }
        unmet = [
            draft.letter.facts.sender
            for draft in self.new.values()
            if draft.letter and email_key(draft.letter.facts.sender.email) not in met
        ]
        if unmet:
            met |= {
                key: Sender(person.pk, person.user_id) for key, person in people.meet(unmet).items()
            }
        for draft in self.new.values():
            assert draft.letter is not None
            draft.sender = met[email_key(draft.letter.facts.sender.email)]

    # What each mail is, and what it answers.

    def place(self) -> None:
        """Decide for each mail; what a mail answers is decided before the mail itself."""
        placed: set[str] = set()
        for msgid in (*self.new, *self.again):
            stack, entered = [msgid], {msgid}
            while stack:
                at = stack[-1]
                above = next(
                    (
                        reference
                        for reference in self.draft(at).references
                        if reference not in placed
                        and reference not in entered
                        and self.is_drafted(reference)
                    ),
                    None,
                )
                if above is not None and at not in placed:
                    stack.append(above)
                    entered.add(above)
                    continue
                stack.pop()
                if at not in placed:
                    self.place_one(self.draft(at))
                    placed.add(at)
        for draft in self.new.values():
            assert draft.letter is not None
            self.fates[draft.letter.position] = _FATES[draft.settled_kind]

    def place_one(self, draft: Draft) -> None:
        draft.answers = threads.nearest(draft.references, self.piece_at) or ""
        if draft.is_new or draft.kind == MailKind.KEPT:
            if draft.is_new or draft.answers:
                draft.kind = self.told_kind(draft)
        elif draft.kind == MailKind.COMMENT and not draft.answers:
            assert draft.known is not None
            draft.answers = draft.known.answers

    def told_kind(self, draft: Draft) -> MailKind:
        """What its words say that it is, now that it is known what it answers."""
        facts, subject = self.words_of(draft)
        return kind_of(
            facts,
            subject,
            answers=bool(draft.answers),
            answers_own=bool(draft.answers) and self.identity_at(draft.answers) == draft.identity,
        )

    def piece_at(self, msgid: str) -> str | None:
        """The patch or cover letter that this mail is or answers."""
        if self.is_drafted(msgid):
            draft = self.draft(msgid)
            if draft.kind is None:
                return None
            return msgid if draft.kind in _PIECES else draft.answers or None
        known = self.known.get(msgid)
        if known is None:
            return None
        return msgid if known.is_piece else known.answers or None

    def identity_at(self, msgid: str) -> int | None:
        if self.is_drafted(msgid):
            return self.draft(msgid).identity
        if msgid not in self.known:
            self.known |= touched.by_msgid(self.project.pk, [msgid])
        known = self.known.get(msgid)
        return known.identity if known else None

    def words_of(self, draft: Draft) -> tuple[MailFacts, SubjectFacts]:
        """What it says; a stored mail is read again from its bytes."""
        if draft.facts is None:
            assert draft.known is not None
            raw = RawMail.objects.get(pk=draft.known.raw_id).raw
            draft.facts = reading.read(raw)
        if draft.subject is None:
            draft.subject = subjects.parse(draft.facts.subject, subject_names(self.project))
        return draft.facts, draft.subject

    def is_drafted(self, msgid: str) -> bool:
        return msgid in self.new or msgid in self.again

    def draft(self, msgid: str) -> Draft:
        return self.new.get(msgid) or self.again[msgid]

    def hear_wishes(self) -> asked_for.Wishes:
        """The states and delegates that the new patches begin with."""
        patches = [draft for draft in self.drafts() if self.is_new_patch(draft)]
        return asked_for.Wishes.of(
            self.project,
            {draft.msgid: (draft.letter, self.words_of(draft)[0]) for draft in patches},
        )

    # Postings, series and revisions.

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

    def drafts(self) -> Iterable[Draft]:
        yield from self.new.values()
        yield from self.again.values()

    def is_new_patch(self, draft: Draft) -> bool:
        return draft.kind == MailKind.PATCH and self.is_new_piece(draft)

    def is_new_cover(self, draft: Draft) -> bool:
        return draft.kind == MailKind.COVER and self.is_new_piece(draft)

    def is_new_piece(self, draft: Draft) -> bool:
        return draft.kind in _PIECES and not (draft.known and draft.known.is_piece)

    def is_moved(self, draft: Draft) -> bool:
        """A stored patch or cover letter whose place in its thread is seen better now."""
        return bool(
            draft.known
            and draft.known.is_piece
            and (
                draft.answers != draft.known.answers
                or any(msgid in self.new for msgid in draft.references)
            )
        )

    def piece(self, draft: Draft) -> Piece:
        if draft.known and draft.known.is_piece:
            return touched.piece(draft.known, answers=draft.answers)
        facts, subject = self.words_of(draft)
        return Piece(
            msgid=draft.msgid,
            is_cover=draft.kind == MailKind.COVER,
            submitter=draft.identity,
            date=self.date_of(facts),
            root=draft.root,
            parent=draft.references[-1] if draft.references else None,
            answers=draft.answers or None,
            index=subject.index,
            total=subject.total,
            version=subject.version,
            name=subject.name[:255],
            key=naming_key(subject, draft.settled_kind),
            claims=self.claims(draft),
        )

    def claims(self, draft: Draft) -> tuple[tuple[Claim, str], ...]:
        if draft.facts is None or draft.kind not in _PIECES:
            return ()
        facts = draft.facts
        said = [(Claim.SUPERSEDES, msgid) for msgid in facts.supersedes]
        if facts.change_id:
            said.append((Claim.CHANGE_ID, facts.change_id[:255]))
        if draft.letter and draft.letter.origin:
            said.append((Claim.PULL_REQUEST, draft.letter.origin))
        return tuple(dict.fromkeys(said))

    def date_of(self, facts: MailFacts) -> datetime:
        """The sender's date; the server's where the sender had none, or had one from the future."""
        if facts.date is not None and facts.date <= self.now + CLOCK_SKEW:
            return facts.date
        return min(facts.received or self.now, self.now)

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
        if draft.kind not in _PIECES:
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
            (diffs.hash(facts.diff) or "") if facts.diff else "",
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
            target = draft.msgid if draft.kind in _PIECES else draft.answers
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
            if draft.kind in _PIECES and draft.facts
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


def naming_key(subject: SubjectFacts, kind: MailKind) -> str:
    """What it calls its series: a cover letter does, and a patch that is alone."""
    names_a_series = kind == MailKind.COVER or (subject.total or 1) == 1
    return subject.key[:255] if names_a_series and subject.name != subjects.NO_SUBJECT else ""


def trailer_lines(facts: MailFacts) -> list[str]:
    lines = (f"{each.token}: {each.value}"[:TRAILER_LINE_LIMIT] for each in facts.trailers)
    return list(dict.fromkeys(lines))


def ids_of(known: dict[str, Known], which: str) -> dict[str, int]:
    return {msgid: pk for msgid, each in known.items() if (pk := getattr(each, which)) is not None}
