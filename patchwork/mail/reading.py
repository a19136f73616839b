# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes to facts: the one place where a mail is read.

Every field is cut before it is decoded, nothing takes more than linear time, and whatever a
mail holds, the answer is facts that can be stored or ``Unreadable``.
"""

from __future__ import annotations

from datetime import datetime

from patchwork.mail import addresses, body, dates, hints, lists, msgids, parts, senders
from patchwork.mail import headers as header_block
from patchwork.mail import statements as stated
from patchwork.mail import trailers as trailer_lines
from patchwork.mail.body import Words
from patchwork.mail.charset import decode, one_line
from patchwork.mail.facts import SUBJECT_LIMIT, MailFacts, Trailer, Unreadable
from patchwork.mail.headers import Headers

SIZE_LIMIT = 8 * 1024 * 1024
SPOKEN_LIMIT = 1_000_000
"""How much of a message is searched for trailers and statements: a log pasted in has none."""
PULL_URL_LIMIT = 2_000
RECEIVED_LIMIT = 4_000
AUTHENTICATION_LIMIT = 2_000
AUTHENTICATION_COUNT_LIMIT = 20
CHARSET_COUNT_LIMIT = 10
"""Of parts in more charsets than this, nobody knows which one a diff was in."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read(raw: bytes) -> MailFacts:
    """What the mail says; ``Unreadable`` when it cannot be taken in at all."""
    headers, rest = header_block.split(_opened(raw))
    msgid, original_msgid = msgids.own(headers, rest)
    references = msgids.references(headers, msgid)
    list_ids = lists.list_ids(headers)
    sender, rewritten_from = senders.sender_through(list_ids, headers)
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
        list_ids=list_ids,
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


def diff_as_sent(raw: bytes, diff: str) -> bytes | None:
    """The bytes that stand in the mail for the diff that was read in it; None: it is not there.

    A diff is in no charset. Each of its files has one of its own, and git wants the bytes back,
    whatever the mail says of its text.
    """
    charsets: list[str] = []

    def kept(undecoded: bytes, charset: str) -> str:
        charsets.append(charset)
        return undecoded.decode("ascii", "surrogateescape")

    try:
        headers, rest = header_block.split(_opened(raw))
        found = _words(parts.content(headers, rest, kept)).diff or ""
    except Unreadable:
        return None
    sent = found.encode("ascii", "surrogateescape")
    said = list(dict.fromkeys(charsets))[:CHARSET_COUNT_LIMIT]
    return sent if any(decode(sent, charset) == diff for charset in said) else None


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


def _words(content: parts.Content) -> Words:
    """Text, message and diff; a diff in the text goes before attached ones."""
    text = "\n".join(content.texts)
    if content.is_rendered:
        text = body.clean(text)
        words = Words(text, text, None)
    else:
        words = _take_apart(text)
    if words.diff is None and content.attachments:
        return _with_attached(words, content.attachments)
    return words


def _take_apart(written: str) -> Words:
    """The words with LF line ends; a diff of a file with CRLF keeps those of it."""
    if "\r" not in written or "\r\n" not in written:
        return body.take_apart(written)
    words = body.take_apart(written.replace("\r\n", "\n"))
    faithful = body.take_apart(written).diff if words.diff else None
    if not faithful or faithful.replace("\r\n", "\n") != words.diff:
        return words
    all_crlf = faithful.count("\r\n") == faithful.count("\n")
    return words if all_crlf else words._replace(diff=faithful)


def _with_attached(words: Words, attachments: tuple[str, ...]) -> Words:
    """The attached diffs, and the message with what stands above the first of them."""
    found = [attached for attached in map(_take_apart, attachments) if attached.diff is not None]
    if not found:
        return words
    above = _without_mail_headers(found[0].message)
    message = words.message
    message = f"{message}\n\n{above}" if message and above else message or above
    return Words(words.text, message, "".join(attached.diff or "" for attached in found))


def _without_mail_headers(message: str) -> str:
    """An attached patch is often a whole mail written by ``git format-patch``."""
    if message.startswith(("From ", "From: ", "Subject: ")):
        return message.partition("\n\n")[2].strip()
    return message
