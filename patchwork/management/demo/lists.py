# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailing lists in memory: postings and answers become the bytes that a list would send.

Message-IDs do not depend on the day, so that the same mail is recognised tomorrow; dates are so
many days before now, so that the demo is always about the last weeks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from patchwork.management.demo import trees
from patchwork.management.demo.trees import Commit, Tree

_POLICY = policy.default.clone(max_line_length=500, cte_type="8bit")
_VERSION = "2.43.0"


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who writes to a list."""

    name: str
    local: str
    domain: str = "example.org"

    @property
    def address(self) -> Address:
        return Address(self.name, self.local, self.domain)

    @property
    def email(self) -> str:
        return f"{self.local}@{self.domain}"

    def signs(self, token: str = "Signed-off-by") -> str:  # noqa: S107 (a trailer's token)
        return f"{token}: {self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that went to the list."""

    msgid: str
    references: tuple[str, ...]
    author: Author
    date: datetime
    subject: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Posting:
    """Patches that were sent as one, and the tree that they are made for."""

    base: Tree
    cover: Sent | None
    patches: dict[int, Sent]
    """Number -> mail; those that never came are missing."""

    @property
    def mails(self) -> list[Sent]:
        return [*([self.cover] if self.cover else []), *self.patches.values()]

    @property
    def first(self) -> Sent:
        return self.mails[0]

    @property
    def last(self) -> Sent:
        return self.mails[-1]


@dataclass(slots=True)
class MailingList:
    """A list and what went over it."""

    name: str
    now: datetime
    sent: list[Sent] = field(default_factory=list)

    @property
    def domain(self) -> str:
        return "lists.example.com"

    @property
    def listid(self) -> str:
        return f"{self.name}.{self.domain}"

    @property
    def address(self) -> str:
        return f"{self.name}@{self.domain}"

    def send(
        self,
        author: Author,
        days_ago: float,
        slug: str,
        subject: str,
        text: str,
        answers: Sent | None = None,
    ) -> Sent:
        """One mail to the list; ``slug`` makes its Message-ID."""
        date = (self.now - timedelta(days=days_ago)).replace(microsecond=0)
        msgid = f"<{slug}.{author.local}@{author.domain}>"
        references = (*answers.references, answers.msgid) if answers else ()
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = author.address
        mail["To"] = self.address
        if answers and answers.author != author:
            mail["Cc"] = answers.author.address
        mail["Subject"] = subject
        mail["Date"] = format_datetime(date)
        mail["Message-ID"] = msgid
        if references:
            mail["In-Reply-To"] = references[-1]
            mail["References"] = " ".join(references)
        mail["List-Id"] = f"{self.name} development <{self.listid}>"
        mail.set_content(text.strip("\n") + "\n", cte="8bit")
        sent = Sent(msgid, references, author, date, subject, mail.as_bytes())
        self.sent.append(sent)
        return sent

    def post(
        self,
        author: Author,
        days_ago: float,
        slug: str,
        base: Tree,
        commits: Sequence[Commit],
        *,
        title: str = "",
        letter: str = "",
        prefix: str = "PATCH",
        answers: Sent | None = None,
        only: Collection[int] = (),
    ) -> Posting:
        """A series as ``git send-email`` sends it. ``only``: the numbers that are (re-)sent."""
        count = len(commits)
        cover = None
        if letter:
            text = _cover_text(author, base, commits, letter)
            subject = f"[{prefix} 0/{count}] {title}"
            cover = self.send(author, days_ago, f"{slug}-0", subject, text, answers)
        patches: dict[int, Sent] = {}
        tree = base
        for number, commit in enumerate(commits, start=1):
            before, tree = tree, trees.apply(tree, commit)
            if only and number not in only:
                continue
            place = f" {number}/{count}" if count > 1 or cover else ""
            above = cover or next(iter(patches.values()), None) if not only else None
            patches[number] = self.send(
                author,
                days_ago - number / (24 * 60 * 60),
                f"{slug}-{number}",
                f"[{prefix}{place}] {commit.title}",
                _patch_text(author, commit, before, tree),
                above or answers,
            )
        return Posting(base, cover, patches)

    def reply(self, to: Sent, author: Author, days_ago: float, slug: str, text: str) -> Sent:
        """An answer, with the line that says whom it answers above its quotes."""
        said = f"On {to.date:%a, %d %b %Y}, {to.author.name} wrote:\n"
        intro = said if text.lstrip().startswith(">") else ""
        subject = to.subject if to.subject.startswith("Re: ") else f"Re: {to.subject}"
        return self.send(author, days_ago, slug, subject, intro + text.strip("\n"), to)


def _patch_text(author: Author, commit: Commit, before: Tree, after: Tree) -> str:
    message = "\n\n".join(part for part in (commit.message, author.signs()) if part)
    notes = f"{commit.notes}\n\n" if commit.notes else ""
    return (
        f"{message}\n---\n{notes}{trees.diffstat(before, after)}\n\n"
        f"{trees.diff(before, after)}-- \n{_VERSION}\n"
    )


def _cover_text(author: Author, base: Tree, commits: Sequence[Commit], letter: str) -> str:
    titles = "\n".join(f"  {commit.title}" for commit in commits)
    stat = trees.diffstat(base, trees.apply_all(base, commits))
    shortlog = f"{author.name} ({len(commits)}):\n{titles}"
    return f"{letter.strip()}\n\n{shortlog}\n\n{stat}\n\n-- \n{_VERSION}\n"
