# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail while it is being placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from patchwork.mail.facts import MailFacts, SubjectFacts
from patchwork.tracking.letters import Letter
from patchwork.tracking.models import MailKind
from patchwork.tracking.touched import Known, identity


@dataclass(frozen=True, slots=True)
class Sender:
    """A person, and the account that the person is linked to."""

    person_id: int
    user_id: int | None


@dataclass(slots=True)
class Draft:
    """One that just came, or one that is looked at again because something above it came."""

    msgid: str
    references: Sequence[str]
    letter: Letter | None = None
    known: Known | None = None
    facts: MailFacts | None = None
    subject: SubjectFacts | None = None
    sender: Sender | None = None
    root: str = ""
    answers: str = ""
    kind: MailKind | None = None
    date: datetime | None = None
    mail_id: int = 0
    """Its row, once this arrival has written it."""

    @classmethod
    def of_letter(cls, letter: Letter) -> Draft:
        facts = letter.facts
        return cls(
            facts.msgid, facts.references, letter=letter, facts=facts, subject=letter.subject
        )

    @classmethod
    def of_known(cls, known: Known) -> Draft:
        return cls(
            known.msgid,
            known.references,
            known=known,
            root=known.thread_root,
            answers=known.answers,
            kind=MailKind(known.kind),
            date=known.date,
        )

    @property
    def is_new(self) -> bool:
        return self.known is None

    @property
    def settled_kind(self) -> MailKind:
        """Its kind, once it is placed."""
        assert self.kind is not None
        return self.kind

    @property
    def person_id(self) -> int:
        if self.known:
            return self.known.submitter_id
        assert self.sender is not None
        return self.sender.person_id

    @property
    def identity(self) -> int:
        if self.known:
            return self.known.identity
        assert self.sender is not None
        return identity(self.sender.person_id, self.sender.user_id)
