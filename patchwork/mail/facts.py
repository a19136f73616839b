# SPDX-License-Identifier: GPL-2.0-or-later
"""What a message says, as frozen facts.

``reading.read`` makes these out of bytes. Every text in them can be stored by every
database: valid UTF-8, no NUL, no lone surrogate, and capped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

MSGID_LIMIT = 255
SUBJECT_LIMIT = 1_000
FROM_LIMIT = 1_000
NAME_LIMIT = 255
ADDRESS_LIMIT = 254
REFERENCE_LIMIT = 100
RECIPIENT_LIMIT = 200


class Unreadable(Exception):
    """A mail that cannot be taken in as it is; the message says why, in words for an operator."""


@dataclass(frozen=True, slots=True)
class Address:
    """A name and a mailbox, decoded; either may be empty."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Trailer:
    """One ``Token: value`` line, the token as written."""

    token: str
    value: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What the X-Patchwork-* headers ask for. Asking is not being allowed."""

    ignore: bool = False
    comment: bool = False
    state: str | None = None
    delegate: str | None = None
    action_required: bool | None = None


@dataclass(frozen=True, slots=True)
class MailFacts:
    """One message."""

    msgid: str
    """With angle brackets; made up when the mail has none or one that cannot be stored."""
    original_msgid: str | None
    """The Message-ID header as it stood, when ``msgid`` is not it."""
    references: tuple[str, ...]
    """Oldest first, without repetitions and without the mail itself; the last one is what it
    replies to. The root and the nearest hundred."""
    sender: Address
    """Who wrote it: the From header, or the author behind a From that a list rewrote."""
    rewritten_from: Address | None
    """The From header as it stood, when a list had rewritten it."""
    in_body_from: Address | None
    """The ``From:`` line at the top of a patch mail's text: the author of the commit."""
    date: datetime | None
    """UTC, between 1970 and 2100; None when the header is absent or means nothing."""
    received: datetime | None
    """When the nearest server says it took the mail, in UTC."""
    subject: str
    list_ids: tuple[str, ...]
    """What the list headers name, lower case, the most trustworthy header first."""
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    hints: Hints
    authentication_results: tuple[str, ...]
    """The Authentication-Results headers as they stand, topmost first."""
    headers: str
    """The header block for display, one header a line group, decoded losslessly enough to read."""
    text: str
    """The whole readable text (attached diffs excluded), list footer and signature cut."""
    message: str
    """``text`` without the diff: the commit message, or the whole text when there is no diff."""
    diff: str | None
    pull_url: str | None
    """``URL ref`` out of a ``git request-pull`` text."""
    trailers: tuple[Trailer, ...]
    """Trailer lines written by the sender (quoted ones are somebody else's)."""
    depends_on: tuple[str, ...] = ()
    """Values of ``Depends-on:`` lines: Message-IDs or addresses of pages."""
    supersedes: tuple[str, ...] = ()
    """Message-IDs out of ``Supersedes:`` lines or headers."""
    change_id: str | None = None
    """The ``change-id:`` a posting carries through its versions."""
    base_commit: str | None = None
    in_reply_to: str | None = field(default=None)
    """The last of ``references``."""


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What a Subject says once its replies, list names and markers are taken apart."""

    name: str
    """Without any prefix: what the patch is called. Never empty ("(no subject)")."""
    prefixes: tuple[str, ...]
    """What stood in brackets, as written, without PATCH and the dropped names: RFC, v2, 1/3."""
    display: str
    """``[RFC,v2,1/3] name``: how both dialects name a patch. At most 255 characters."""
    index: int | None
    total: int | None
    version: int | None
    """The version marker (v2, PATCHv3, "(v4)", "take 5"); None when there is none."""
    is_reply: bool
    """It began with Re:, AW:, Fwd: or the like."""
    is_patch: bool
    """A bracket says PATCH (in any spelling), or holds a series marker."""
    is_pull: bool
    """A bracket or the text says PULL / GIT PULL."""
    key: str
    """``name`` for comparing: lower case, white space folded, a trailing version cut off."""
