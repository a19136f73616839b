# SPDX-License-Identifier: GPL-2.0-or-later
"""Message-IDs: a mail's own, and those it refers to."""

from __future__ import annotations

import re
from hashlib import sha256

from patchwork.mail.charset import CONTROLS, decode_words, one_line, storable
from patchwork.mail.facts import MSGID_LIMIT, REFERENCE_LIMIT
from patchwork.mail.headers import Headers

USUAL = re.compile(r"<[!-;=?-~]{1,253}>")
BRACKETED = re.compile(r"<([^<>]*)>")
OWN_LIMIT = 16 * 1024
ROOT_LIMIT = 16 * 1024
NEAREST_LIMIT = 128 * 1024
ORIGINAL_LIMIT = 1_000


def own(headers: Headers, body: bytes) -> tuple[str, str | None]:
    """The mail's Message-ID as we store it, and the header's own words when they differ."""
    value = headers.first("message-id", OWN_LIMIT).strip()
    if USUAL.fullmatch(value):
        return value, None
    value = _decoded(value).strip()
    found = find(value.partition(")")[2] if value.startswith("(") else value, count=1)
    if not found:
        return _made_up(headers, body), None
    return found[0], None if found[0] == value else one_line(value, ORIGINAL_LIMIT)


def references(headers: Headers, own_id: str) -> tuple[str, ...]:
    """What the mail refers to: oldest first, each once, the one it replies to last."""
    head, tail = headers.ends("references", ROOT_LIMIT, NEAREST_LIMIT)
    ids = find(_decoded(head), count=1) if head else []
    ids += find(_decoded(tail)) if tail else []
    in_reply_to = headers.first("in-reply-to", OWN_LIMIT)
    parent = find(_decoded(in_reply_to), count=1) if in_reply_to else []
    if parent:
        ids = [msgid for msgid in ids if msgid != parent[0]] + parent
    ids = [msgid for msgid in dict.fromkeys(ids) if msgid != own_id]
    return tuple(ids[:1] + ids[1:][-REFERENCE_LIMIT:])


def find(value: str, count: int = 0) -> list[str]:
    """The first ``count`` (0: all) Message-IDs in ``value``, in brackets or, failing that, bare."""
    inner = BRACKETED.findall(value)
    if not inner:
        inner = [word.strip("<>,;") for word in value.split() if "@" in word and "(" not in word]
    ids = [stored for stored in map(_stored, inner) if stored]
    return ids[:count] if count else ids


def _decoded(value: str) -> str:
    """Some senders encode long identifiers as if they were text."""
    return decode_words(value) if "=?" in value and value.lstrip().startswith("=?") else value


def _stored(inner: str) -> str:
    """A Message-ID without blanks (folding puts them in), hashed when it is too long to store."""
    if not inner.isascii() or not inner.isprintable() or " " in inner:
        inner = storable("".join(inner.split()).translate(CONTROLS))
    msgid = f"<{inner}>"
    if len(msgid) > MSGID_LIMIT:
        return f"<{sha256(msgid.encode()).hexdigest()}@long>"
    return msgid if inner else ""


def _made_up(headers: Headers, body: bytes) -> str:
    """The same for every copy of the same mail, whatever line ends its way gave it."""
    digest = sha256()
    for name in ("from", "date", "subject"):
        digest.update(headers.first(name, OWN_LIMIT).strip().encode() + b"\0")
    digest.update(body.replace(b"\r\n", b"\n").strip())
    return f"<{digest.hexdigest()}@missing>"
