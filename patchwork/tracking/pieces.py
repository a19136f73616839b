# SPDX-License-Identifier: GPL-2.0-or-later
"""What grouping and chaining know of a mail, and what they answer. No database here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Claim(StrEnum):
    """How a posting can say outright what it continues."""

    PULL_REQUEST = "pull-request"
    SUPERSEDES = "supersedes"
    CHANGE_ID = "change-id"


@dataclass(frozen=True, slots=True)
class Piece:
    """A patch or a cover letter."""

    msgid: str
    is_cover: bool
    submitter: int
    """Equal numbers: the same person, or people linked to the same account."""
    date: datetime
    root: str
    """Message-ID of the root of its thread, seen or not."""
    parent: str | None
    """Message-ID that it replies to, seen or not."""
    answers: str | None
    """Message-ID of the nearest patch or cover letter above it that has been seen."""
    index: int | None
    total: int | None
    version: int | None
    name: str
    key: str
    """The name for comparing (``SubjectFacts.key``); empty when the name was given by default."""
    is_maintainer: bool = False
    claims: tuple[tuple[Claim, str], ...] = ()

    @property
    def marker(self) -> int:
        """The version for comparing: none at all is the first."""
        return 1 if self.version is None else self.version

    @property
    def has_version_in_name(self) -> bool:
        """``Feature (v2)`` or ``Feature, take 2``: its patches need not say it as well."""
        return self.version is not None and self.key not in ("", self.name.lower())


@dataclass(frozen=True, slots=True)
class Pins:
    """What people decided by hand; it goes before every rule."""

    posting_of: dict[str, str] = field(default_factory=dict)
    """Piece -> a piece whose posting it belongs to (itself: it stands alone or leads)."""
    continues: dict[str, str | None] = field(default_factory=dict)
    """A piece of a posting -> a piece of the series it continues; None: a series of its own."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Pieces that were sent as one."""

    pieces: tuple[Piece, ...]
    """By (index, date, Message-ID), the cover first."""
    cover: Piece | None
    slots: dict[int, Piece]
    """Number -> the patch that holds it; numbers from 1 to ``total`` only."""
    extras: tuple[Piece, ...]
    """Patches that have no slot: more than announced, or a second holder of one."""
    total: int
    """Announced number of patches."""
    version: int | None

    @property
    def key(self) -> str:
        """Message-ID of the earliest piece: the posting's name for the time being."""
        return min(self.pieces, key=lambda piece: (piece.date, piece.msgid)).msgid

    @property
    def marker(self) -> int:
        """The version for comparing: none at all is the first."""
        return 1 if self.version is None else self.version

    @property
    def is_complete(self) -> bool:
        """Nothing is complete that has announced no patch."""
        return len(self.slots) == self.total > 0


@dataclass(frozen=True, slots=True)
class ChainedRevision:
    """One posting's place in a series."""

    posting: Posting
    slots: dict[int, Piece]
    """Number -> patch, carried patches included."""
    total: int
    is_resend: bool
    """Made of the revision before with some slots replaced."""
    is_late: bool
    """A re-send that is not higher than what its slot already held."""
    is_complete: bool
    strange: tuple[str, ...] = ()
    """In words: what does not fit."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A series: its revisions in the order (version marker, date, Message-ID)."""

    revisions: tuple[ChainedRevision, ...]
    possibly_continues: tuple[str, ...] = ()
    """Message-IDs of pieces of series that this one may continue; a person decides."""
