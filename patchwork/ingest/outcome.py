# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of a mail, in one word and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What ``receive_many`` answers for each mail."""

    PATCH = "patch"
    COVER = "cover"
    COMMENT = "comment"
    KEPT = "kept"
    """Readable, but not (yet) an answer to anything tracked: kept until it is."""
    DUPLICATE = "duplicate"
    """Here already; nothing changed."""
    IGNORED = "ignored"
    """It asked to be ignored."""
    BOUNCE = "bounce"
    """A mail of ours has come back."""
    NO_PROJECT = "no project"
    """No project takes mail of its lists or addresses."""
    QUARANTINED = "quarantined"
    """It could not be read or stored; its bytes and the reason are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One mail's fate; a mail for several projects has the most telling one."""

    fate: Fate
    msgid: str
    detail: str = ""
