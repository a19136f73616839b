# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes to facts: the one place where a mail is read.

Every field is cut before it is decoded, nothing takes more than linear time, and whatever a
mail holds, the answer is facts that can be stored or ``Unreadable``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from patchwork.mail import addresses, body, dates, hints, lists, msgids, parts, senders
from patchwork.mail import headers as header_block
from patchwork.mail import statements as stated
from patchwork.mail import trailers as trailer_lines
from patchwork.mail.charset import one_line
from patchwork.mail.facts import SUBJECT_LIMIT, MailFacts, Trailer, Unreadable
from patchwork.mail.headers import Headers

SIZE_LIMIT = 8 * 1024 * 1024
SPOKEN_LIMIT = 1_000_000
"""How much of a message is searched for trailers and statements: a log pasted in has none."""
PULL_URL_LIMIT = 2_000
RECEIVED_LIMIT = 4_000
AUTHENTICATION_LIMIT = 2_000
AUTHENTICATION_COUNT_LIMIT = 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Words:
    """What the parts of a mail say, taken apart."""

    text: str
    message: str
    diff: str | None


def read(raw: bytes) -> MailFacts:
    """What the mail says; ``Unreadable`` when it cannot be taken in at all."""
    headers, rest = header_block.split(_opened(raw))
    msgid, original_msgid = msgids.own(headers, rest)
    references = msgids.references(headers, msgid)
    sender, rewritten_from = senders.sender(headers)
    words = _words(parts.content(headers, rest))
    spoken = words.message[:SPOKEN_LIMIT]
    statements = stated.parse(spoken, headers)
    return MailFacts(
        msgid=msgid,
        original_msgid=original_msgid,
        references=references,
        sender=sender,
        rewritten_from=rewritten_from,
        in_body_from=senders.in_body_from(words.text),
        date=dates.parse(headers.first("date", dates.DATE_LIMIT)),
        received=_received(headers),
        subject=headers.text("subject", SUBJECT_LIMIT),
        list_ids=lists.list_ids(headers),
        to=addresses.every(headers, "to"),
        cc=addresses.every(headers, "cc"),
        hints=hints.parse(headers),
        authentication_results=_authentication_results(headers),
        headers=headers.display(),
        text=words.text,
        message=words.message,
        diff=words.diff,
        pull_url=one_line(body.pull_request(spoken) or "", PULL_URL_LIMIT) or None,
        trailers=_trailers(spoken),
        depends_on=statements.depends_on,
        supersedes=statements.supersedes,
        change_id=statements.change_id,
        base_commit=statements.base_commit,
        in_reply_to=references[-1] if references else None,
    )


def _opened(raw: bytes) -> bytes:
    """The mail without what its way here put before it (an mbox line, a byte order mark)."""
    if len(raw) > SIZE_LIMIT:
        raise Unreadable(f"the mail has {len(raw)} bytes; at most {SIZE_LIMIT} are read")
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    raw = raw.removeprefix(BYTE_ORDER_MARK)
    if raw[:1].isspace():
        raw = raw.lstrip()
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    if not raw:
        raise Unreadable("the mail is empty")
    return raw


def _received(headers: Headers) -> datetime | None:
    """When the nearest server took the mail: behind the last semicolon of the topmost Received."""
    return dates.parse(headers.first("received", RECEIVED_LIMIT).rpartition(";")[2])


def _authentication_results(headers: Headers) -> tuple[str, ...]:
    found = headers.every(
        "authentication-results", AUTHENTICATION_LIMIT, AUTHENTICATION_COUNT_LIMIT
    )
    return tuple(one_line(value, AUTHENTICATION_LIMIT) for value in found)


def _trailers(message: str) -> tuple[Trailer, ...]:
    found = trailer_lines.parse(message)
    return tuple(
        Trailer(trailer.token, one_line(trailer.value, trailer_lines.VALUE_LIMIT))
        for trailer in found
    )


def _words(content: parts.Content) -> _Words:
    """Text, message and diff; a diff in the text goes before attached ones."""
    text = "\n".join(content.texts)
    if content.is_rendered:
        text = body.clean(text)
        message, diff = text, None
    else:
        text, message, diff = _split(text)
    if diff is None and content.attachments:
        message, diff = _with_attached(message, content.attachments)
    return _Words(text, message, diff)


def _split(written: str) -> tuple[str, str, str | None]:
    """Text, message and diff with LF line ends; a diff of a file with CRLF keeps those of it."""
    text = body.clean(written.replace("\r\n", "\n") if "\r" in written else written)
    message, diff = body.split(text)
    if diff and "\r\n" in written:
        _, faithful = body.split(body.clean(written))
        if faithful and faithful.replace("\r\n", "\n") == diff:
            all_crlf = faithful.count("\r\n") == faithful.count("\n")
            diff = diff if all_crlf else faithful
    return text, message, diff


def _with_attached(message: str, attachments: tuple[str, ...]) -> tuple[str, str | None]:
    """The attached diffs, and the message with what stands above the first of them."""
    found = [(above, diff) for _, above, diff in map(_split, attachments) if diff is not None]
    if not found:
        return message, None
    above = _without_mail_headers(found[0][0])
    message = f"{message}\n\n{above}" if message and above else message or above
    return message, "".join(diff for _, diff in found)


def _without_mail_headers(message: str) -> str:
    """An attached patch is often a whole mail written by ``git format-patch``."""
    if message.startswith(("From ", "From: ", "Subject: ")):
        return message.partition("\n\n")[2].strip()
    return message
