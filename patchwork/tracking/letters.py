# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail on its way into a project, and what became of it there."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from patchwork.mail import diff as diffs
from patchwork.mail.facts import MailFacts, SubjectFacts


@dataclass(frozen=True, slots=True)
class Asked:
    """What a patch mail asks to be done with it, and whether that counts."""

    state: str | None = None
    delegate: str | None = None
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Packed:
    """A mail's bytes as they are stored; made before the transaction, as it takes its time."""

    sha256: str
    size: int
    compressed: bytes

    @classmethod
    def of(cls, raw: bytes) -> Packed:
        return cls(sha256(raw).hexdigest(), len(raw), zlib.compress(raw, 1))


@dataclass(slots=True)
class Letter:
    """One mail for one project."""

    facts: MailFacts
    subject: SubjectFacts
    packed: Packed
    diff_hash: str
    position: int
    """Where the answer about it belongs."""
    asked: Asked = Asked()
    origin: str = ""
    """The pull request that it was made from; empty for mail."""


def hash_of(facts: MailFacts) -> str:
    """That of its diff, by which a patch is found again; empty when there is none to take."""
    return (diffs.hash(facts.diff) or "") if facts.diff else ""


class Fate(StrEnum):
    """What became of it in the project."""

    PATCH = "patch"
    COVER = "cover"
    COMMENT = "comment"
    KEPT = "kept"
    DUPLICATE = "duplicate"
    USED_TWICE = "Message-ID used twice"
    """Another mail has its Message-ID: nothing was stored."""
