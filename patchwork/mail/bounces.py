# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that come back: which one, from whom, and what the server there said.

Each mail that wants to be known when it comes back is sent from an address of its own (VERP):
``bounces+token@example.org``. What the report says is read twice. The standard form (RFC 3464) is
read here, because it holds the server's own words. The dialects of servers without it are left to
flufl.bounce, with two precautions: it finds failures in whatever names an address between commas,
so it is asked about mails of mail systems only; and some of its patterns take cubic time, so it is
given few and short lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import NamedTuple

from flufl.bounce import all_failures

from patchwork.mail import addresses, msgids, parts
from patchwork.mail import headers as header_block
from patchwork.mail.charset import decode_words, one_line
from patchwork.mail.facts import FROM_LIMIT, Unreadable
from patchwork.mail.headers import Headers
from patchwork.mail.parts import Part

READ_LIMIT = 256 * 1024
"""How much of a mail is looked at: what is said stands above the mail that comes back."""
WORDS_LIMIT = 500
FAILED_LIMIT = 200
VALUE_LIMIT = 4_000
GROUP_LIMIT = 1_000
PART_LIMIT = 10
TEXT_LIMIT = 32 * 1024
LINE_LIMIT = 300
LINE_COUNT_LIMIT = 500
MARKS = "<,@"
MARK_LIMIT = 8
"""More of one of these in a line, and flufl.bounce does not get the line."""

NO_SENDER = "MAILER-DAEMON@invalid"
"""For a report that names none: flufl.bounce raises an error when there is no address."""

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
RECIPIENT_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "to")
"""Those that servers write, and then the one that anybody writes."""
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
RETURNED_TYPES = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
GLOBAL_RETURNED_TYPES = ("message/global", "message/global-headers")
CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
BLANK_LINE = re.compile(r"\n[ \t]*\n")
DIAGNOSTIC_TYPE = re.compile(r"\s*[A-Za-z0-9.-]{1,40}\s*;")
MAIL_SYSTEM = re.compile(
    "mail(?:er)?[-_. ]?daemon|postmaster|mail delivery|mdaemon|microsoftexchange"
    "|system administrator|mail administrator",
    re.IGNORECASE,
)
RETURNED_MSGID = re.compile(
    r"^[> \t]{0,10}Message-ID:\s{0,4}(<[^<>]{1,998}>)", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Failed:
    """A recipient who did not get a mail."""

    address: str
    words: str
    """Of the server that would not take it; empty when the report does not quote them."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a mail to a bounce address says."""

    permanent: tuple[Failed, ...]
    """The server has given up, whatever its reason was."""
    temporary: tuple[Failed, ...]
    """It is late; the server goes on trying."""
    original_msgid: str | None
    """The mail it is about, as we store Message-IDs. Replies of machines name it as well."""
    is_bounce: bool
    """It tells of a mail that is late or lost, even where the recipient cannot be read."""


class _Stated(NamedTuple):
    """What a delivery report says about one recipient."""

    action: str
    failed: Failed | None


def verp(bounce_address: str, token: str) -> str:
    """The address that a mail with this token is sent from, and comes back to."""
    local, at, domain = bounce_address.rpartition("@")
    if not TOKEN.fullmatch(token):
        raise ValueError(f"{token!r} cannot be a token: 1 to 64 of letters, digits, - and _")
    if not addresses.is_mailbox(bounce_address):
        raise ValueError(f"{bounce_address!r} is no mail address")
    return f"{local}+{token}{at}{domain}"


def token_of(raw: bytes, bounce_address: str, recipients: Sequence[str] = ()) -> str | None:
    """The token in the address that a mail came back to; empty when that one has no readable token,
    and None for a mail that came to other addresses.

    It is looked for in the recipients of the envelope, and then in the headers, for an alias may
    have changed the envelope. The token is as it stands: a server that writes addresses in lower
    case changes one with capitals.
    """
    local, _, domain = bounce_address.rpartition("@")
    returned = re.compile(
        rf"{re.escape(local)}(?:\+([^@]*))?@{re.escape(domain)}", re.IGNORECASE | re.ASCII
    )
    without = None
    for address in (*(each.strip(" <>") for each in recipients), *_recipients(raw)):
        if found := returned.fullmatch(address):
            if TOKEN.fullmatch(found[1] or ""):
                return found[1]
            without = ""
    return without


def read(raw: bytes) -> Bounce:
    """What a mail to a bounce address says. Anything can be read; most of it is no bounce."""
    headers, found = _taken_apart(raw)
    reports = [part for part in found if part.content_type in STATUS_TYPES]
    stated = [each for part in reports for each in _stated(part)]
    permanent = [each.failed for each in stated if each.action.startswith(("fail", "error"))]
    temporary = [each.failed for each in stated if each.action.startswith("delay")]
    if not reports and _is_by_a_mail_system(headers):
        permanent, temporary = _guessed(headers, found)
    says_nothing_clear = bool(reports) and not stated
    return Bounce(
        permanent=_each_once(permanent),
        temporary=_each_once(temporary),
        original_msgid=_original_msgid(headers, found),
        is_bounce=bool(permanent or temporary) or says_nothing_clear,
    )


def _recipients(raw: bytes) -> Iterator[str]:
    headers, _ = header_block.split(raw[:READ_LIMIT].lstrip())
    for name in RECIPIENT_HEADERS:
        for address in addresses.every(headers, name):
            yield address.email


def _taken_apart(raw: bytes) -> tuple[Headers, list[Part]]:
    headers, body = header_block.split(raw[:READ_LIMIT].replace(b"\0", b"").lstrip())
    try:
        return headers, parts.leaves(headers, body)
    except Unreadable:
        return headers, []


def _each_once(found: Iterable[Failed | None]) -> tuple[Failed, ...]:
    """Those whose address could be read, each of them once."""
    known = {failed.address.lower(): failed for failed in found if failed}
    return tuple(known.values())[:FAILED_LIMIT]


# --- Reports of the standard kind -------------------------------------------------------------


def _stated(part: Part) -> Iterator[_Stated]:
    groups = BLANK_LINE.split(part.text().replace("\r\n", "\n"), GROUP_LIMIT)
    for group in groups[:GROUP_LIMIT]:
        fields = Headers(group.strip("\n").encode("utf-8", "replace"))
        if action := fields.first("action", VALUE_LIMIT).strip().lower():
            yield _Stated(action, _failed(fields))


def _failed(fields: Headers) -> Failed | None:
    """The recipient as we named him, else as his server does, with the words of the server."""
    for name in ("original-recipient", "final-recipient"):
        for recipient in addresses.parse(fields.first(name, FROM_LIMIT), 1):
            return Failed(recipient.email, _words(fields))
    return None


def _words(fields: Headers) -> str:
    diagnostic = fields.first("diagnostic-code", VALUE_LIMIT)
    kind = DIAGNOSTIC_TYPE.match(diagnostic)
    words = one_line(decode_words(diagnostic[kind.end() if kind else 0 :]), WORDS_LIMIT)
    return words or one_line(fields.first("status", VALUE_LIMIT), WORDS_LIMIT)


# --- Dialects ---------------------------------------------------------------------------------


def _is_by_a_mail_system(headers: Headers) -> bool:
    """Whether a server wrote this rather than a person or a person's vacation program."""
    if "x-failed-recipients" in headers or MAIL_SYSTEM.search(headers.text("from", FROM_LIMIT)):
        return True
    is_automatic = headers.first("auto-submitted", VALUE_LIMIT).strip().lower() not in ("", "no")
    return headers.first("return-path", VALUE_LIMIT).strip() == "<>" and not is_automatic


def _guessed(
    headers: Headers, found: list[Part]
) -> tuple[list[Failed | None], list[Failed | None]]:
    """Permanent and temporary failures by what flufl.bounce knows of dialects."""
    try:
        temporary, permanent = all_failures(_tame(headers, found))
    except Exception:  # noqa: BLE001  Foreign code on foreign bytes: what it cannot read is no bounce.
        return [], []
    return _without_words(permanent), _without_words(temporary)


def _without_words(found: Iterable[bytes]) -> list[Failed | None]:
    written = sorted(address.decode("utf-8", "replace").strip(" <>") for address in found)
    return [Failed(address, "") for address in written if addresses.is_mailbox(address)]


def _tame(headers: Headers, found: list[Part]) -> Message:
    """The report rebuilt of what flufl.bounce looks at, without what could keep it busy."""
    message = Message()
    sender = addresses.first(headers, "from")
    message["From"] = _ascii(sender.email) if sender else NO_SENDER
    message["X-Mailer"] = _ascii(headers.text("x-mailer", LINE_LIMIT))
    for failed in addresses.every(headers, "x-failed-recipients"):
        message["X-Failed-Recipients"] = _ascii(failed.email)
    content_type = headers.first("content-type", VALUE_LIMIT).partition(";")[0].strip().lower()
    if not content_type.startswith("multipart/") or not CONTENT_TYPE.fullmatch(content_type):
        message.set_payload("".join(_tame_text(part) for part in found[:1]))
        return message
    message["Content-Type"] = content_type
    message.set_payload([_tame_part(part) for part in found[:PART_LIMIT]])
    return message


def _tame_part(part: Part) -> Message:
    message = Message()
    is_named = CONTENT_TYPE.fullmatch(part.content_type)
    message["Content-Type"] = part.content_type if is_named else "text/plain"
    description = part.headers.text("content-description", LINE_LIMIT)
    message["Content-Description"] = _ascii(description)
    message.set_payload(_tame_text(part) if part.content_type.startswith("text/") else "")
    return message


def _tame_text(part: Part) -> str:
    lines = _ascii(part.text()[:TEXT_LIMIT]).replace("\r", "").split("\n")[:LINE_COUNT_LIMIT]
    return "".join(f"{line[:LINE_LIMIT]}\n" for line in lines if _is_tame(line[:LINE_LIMIT]))


def _is_tame(line: str) -> bool:
    return all(line.count(mark) <= MARK_LIMIT for mark in MARKS)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


# --- Which mail it is about ---------------------------------------------------------------------


def _original_msgid(headers: Headers, found: list[Part]) -> str | None:
    """Out of the mail that came back, in a part or in the text, else what the report replies to."""
    for value in _named_ids(headers, found):
        for msgid in msgids.find(value, count=1):
            return msgid
    return None


def _named_ids(headers: Headers, found: list[Part]) -> Iterator[str]:
    for part in found:
        if part.content_type in RETURNED_TYPES + GLOBAL_RETURNED_TYPES:
            returned, _ = header_block.split(part.body.lstrip())
            yield returned.first("message-id", VALUE_LIMIT)
    texts = (part.text() for part in found[:PART_LIMIT] if part.content_type.startswith("text/"))
    for within in filter(None, map(RETURNED_MSGID.search, texts)):
        yield within[1]
    yield headers.first("in-reply-to", VALUE_LIMIT)
    _, nearest = headers.ends("references", 0, VALUE_LIMIT)
    yield "".join(msgids.find(nearest)[-1:])
