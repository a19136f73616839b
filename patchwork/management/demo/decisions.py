# SPDX-License-Identifier: GPL-2.0-or-later
"""What people and machines decided about what was sent, noted down to be done later."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from patchwork.management.demo.lists import Posting, Sent


@dataclass(frozen=True, slots=True)
class SetState:
    msgids: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class SetDelegate:
    msgids: tuple[str, ...]
    username: str


@dataclass(frozen=True, slots=True)
class SetArchived:
    msgids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetCommit:
    msgid: str
    commit: str


@dataclass(frozen=True, slots=True)
class SetReviewer:
    """Of the series that this mail belongs to."""

    msgid: str
    username: str


@dataclass(frozen=True, slots=True)
class Report:
    """A test result, on the revision that this mail was sent for or on the patch itself."""

    msgid: str
    test_name: str
    state: str
    url: str
    summary: str
    on_patch: bool


Decision = SetState | SetDelegate | SetArchived | SetCommit | SetReviewer | Report


@dataclass(slots=True)
class Decisions:
    """In the order in which they were made."""

    made: list[Decision] = field(default_factory=list)

    def state(self, name: str, posting: Posting, numbers: Collection[int] = ()) -> None:
        """Of all patches of a posting, or of those with these numbers."""
        self.made.append(SetState(_msgids(posting, numbers), name))

    def state_of_mail(self, name: str, mail: Sent) -> None:
        self.made.append(SetState((mail.msgid,), name))

    def delegate(self, username: str, posting: Posting) -> None:
        self.made.append(SetDelegate(_msgids(posting), username))

    def archive(self, posting: Posting) -> None:
        self.made.append(SetArchived(_msgids(posting)))

    def commit(self, commit: str, posting: Posting) -> None:
        self.made.append(SetCommit(posting.last.msgid, commit))

    def review(self, username: str, posting: Posting) -> None:
        self.made.append(SetReviewer(posting.first.msgid, username))

    def result(
        self, test_name: str, state: str, posting: Posting, url: str = "", summary: str = ""
    ) -> None:
        """Of a test that ran on the revision that a posting made."""
        self.made.append(Report(posting.first.msgid, test_name, state, url, summary, False))

    def check(
        self, test_name: str, state: str, posting: Posting, url: str = "", summary: str = ""
    ) -> None:
        """Of a test that ran on the last patch of a posting."""
        self.made.append(Report(posting.last.msgid, test_name, state, url, summary, True))


def _msgids(posting: Posting, numbers: Collection[int] = ()) -> tuple[str, ...]:
    wanted: Iterable[int] = numbers or posting.patches
    return tuple(posting.patches[number].msgid for number in wanted)
