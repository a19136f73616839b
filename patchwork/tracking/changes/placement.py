# SPDX-License-Identifier: GPL-2.0-or-later
"""What arriving mails are, and what they answer: decided from what is stored, written elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from patchwork.mail import reading
from patchwork.mail import subject as subjects
from patchwork.mail.facts import MailFacts, SubjectFacts
from patchwork.people import changes as people
from patchwork.people.models import email_key
from patchwork.projects.models import Project
from patchwork.tracking import threads, touched
from patchwork.tracking.classify import kind_of
from patchwork.tracking.drafts import Draft, Sender
from patchwork.tracking.letters import Fate, Letter
from patchwork.tracking.models import Mail, MailKind, MailReference, RawMail
from patchwork.tracking.pieces import Claim, Piece
from patchwork.tracking.touched import Known

CLOCK_SKEW = timedelta(days=1)
PIECES = (MailKind.PATCH, MailKind.COVER)
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


class Placement:
    """One batch of mails of one project, each to be given its place."""

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

    # What is here already.

    def recognise(self) -> None:
        """Load the mails that these are or refer to, and set aside what is here already."""
        named = {letter.facts.msgid for letter in self.letters}
        referred = {ref for letter in self.letters for ref in letter.facts.references}
        self.known, waiting = touched.recognised(self.project.pk, named, referred)
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
        self.waiting = [reference for reference in waiting if reference[1] in self.new]

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
            return msgid if draft.kind in PIECES else draft.answers or None
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

    # Patches and cover letters, in the words of grouping.

    def drafts(self) -> Iterable[Draft]:
        yield from self.new.values()
        yield from self.again.values()

    def is_new_patch(self, draft: Draft) -> bool:
        return draft.kind == MailKind.PATCH and self.is_new_piece(draft)

    def is_new_cover(self, draft: Draft) -> bool:
        return draft.kind == MailKind.COVER and self.is_new_piece(draft)

    def is_new_piece(self, draft: Draft) -> bool:
        return draft.kind in PIECES and not (draft.known and draft.known.is_piece)

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
        if draft.facts is None or draft.kind not in PIECES:
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


def naming_key(subject: SubjectFacts, kind: MailKind) -> str:
    """What it calls its series: a cover letter does, and a patch that is alone."""
    names_a_series = kind == MailKind.COVER or (subject.total or 1) == 1
    return subject.key[:255] if names_a_series and subject.name != subjects.NO_SUBJECT else ""
