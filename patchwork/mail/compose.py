# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts to bytes: an outgoing mail, exactly as it goes to the mail server.

Written here because the standard library's generator folds within long Message-IDs and encodes
them as if they were text, and rewrites bodies.

Nobody adds a header through a value. What people wrote (names, subjects, values of further
headers) is made one line: a run of blanks, line ends, control characters and byte order marks
becomes one blank. What machines wrote (addresses, Message-IDs, names of headers) is refused when it
cannot stand as it is. Half a character, a lone surrogate, is refused everywhere.

A body arrives as it was, whatever it holds: only ``\\n`` ends a line of it. It goes out as it is
when every line fits and nothing on the way would change it, else as quoted-printable: with a
carriage return or a NUL, with a line that begins with ``From `` (mailboxes put a ``>`` before it,
and ``git am`` does not take that off again) or ``>From ``, or without a line end at its end. A mail
in 8bit is for a server that says 8BITMIME, as all do today.
"""

from __future__ import annotations

import re
import secrets
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from patchwork.mail.dates import FIRST_YEAR, LAST_YEAR
from patchwork.mail.facts import ADDRESS_LIMIT, MSGID_LIMIT, REFERENCE_LIMIT

WIDTH = 76
"""Where headers are folded: RFC 2047 asks it of encoded words, for others it could be 78."""
LINE_LIMIT = 998
WORD_LIMIT = 900
"""The longest that is written in one piece; with a name before it, it still fits on a line."""
ENCODED_LIMIT = 75
ENCODED_ROOM = 24
"""Less room than this on a line, and an encoded word begins on the next."""
QUOTED_LIMIT = 76
SHOWN_LIMIT = 100

BLANKS = re.compile(r"[\s\x00-\x20\x7f-\x9f\ufeff]+")
PLAIN = re.compile(r"(?!.*=\?)[ -~]*")
NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
LOCAL = re.compile(rf'(?!.*=\?)(?:{ATOM}|"(?:[!#-\[\]-~]|\\[!-~])+")')
DOMAIN = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
    r"|\[[A-Za-z0-9.:]+\]"
)
MSGID = re.compile(rf"<[!-;=?-~]{{1,{WORD_LIMIT}}}>")
LEFT = re.compile(ATOM)
FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
WRITTEN_HERE = re.compile(
    "from|to|cc|bcc|reply-to|subject|date|message-id|in-reply-to|references|(?:mime|content)-.*"
)
QUOTED_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
QUOTED = [
    bytes([octet]) if octet in QUOTED_SAFE else b"_" if octet == 32 else b"=%02X" % octet
    for octet in range(256)
]
"""Each octet as it stands in an encoded word: a name takes no more than this as it is."""
FROM_LINE = re.compile(rb"^>*From ", re.MULTILINE)
TOUCHY_START = re.compile(rb">*From |\.")
"""How no line of quoted-printable begins: a dot is lost where it is not doubled as it should."""


class CannotCompose(ValueError):
    """A mail that cannot be written; the message says what is wrong, in words for a person."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody in From, To, Cc or Reply-To; the name may be empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a mail is to say."""

    sender: Mailbox
    to: tuple[Mailbox, ...]
    """May be empty: the recipients of the envelope are then undisclosed."""
    subject: str
    body: str
    msgid: str
    """With angle brackets, at most as long as we store one, so that it is known when it returns."""
    date: datetime
    """With a time zone; written as UTC."""
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    """Oldest first. ``in_reply_to`` is added when it is missing; of very many the first and the
    latest hundred are written, which is what our own reading keeps. One with letters beyond ASCII
    cannot stand in a header that every server takes, and is left out."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers, in this order; their values are text."""


def compose(draft: Draft) -> bytes:
    """The mail with CRLF line ends, as SMTP takes it (dots are doubled by whoever sends it)."""
    encoding, body = _written_body(draft.body)
    fields = [
        *_people(draft),
        _text("Subject", draft.subject),
        _words("Date", [_date(draft.date)]),
        _words("Message-ID", [_own_msgid(draft.msgid)]),
        *_thread(draft),
        *(_further(name, value) for name, value in draft.headers),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        "\r\n",
    ]
    return "\r\n".join(fields).encode("ascii") + body


def new_msgid(domain: str, *, left: str = "") -> str:
    """A Message-ID of that domain: one that never was before, or the one with that left part."""
    if left and not LEFT.fullmatch(left):
        raise CannotCompose(
            f"{_shown(left)} cannot be the left part of a Message-ID: use letters, digits and .-_"
        )
    return _own_msgid(f"<{left or secrets.token_hex(16)}@{_domain(domain, domain)}>")


# --- Headers ----------------------------------------------------------------------------------


class _Field:
    """A header that grows word by word, folded between words and nowhere else."""

    __slots__ = ("_has_words", "_line", "_lines")

    def __init__(self, name: str) -> None:
        self._lines: list[str] = []
        self._line = f"{name}:"
        self._has_words = False

    def __str__(self) -> str:
        return "\r\n".join((*self._lines, self._line))

    def add(self, *words: str) -> None:
        """Put words behind the others, together on one line if they fit on one."""
        size = sum(map(len, words)) + len(words)
        if size <= WIDTH < len(self._line) + size:
            self._fold()
        for word in words:
            if len(self._line) + 1 + len(word) > WIDTH:
                self._fold()
            self._line += f" {word}"
            self._has_words = True

    def add_encoded(self, text: str) -> None:
        room = WIDTH - len(self._line) - 1
        for word in _encoded_words(text, room if room >= ENCODED_ROOM else ENCODED_LIMIT):
            self.add(word)

    def _fold(self) -> None:
        if self._has_words:
            self._lines.append(self._line)
            self._line, self._has_words = "", False


def _words(name: str, words: Iterable[str]) -> str:
    field = _Field(name)
    for word in words:
        field.add(word)
    return str(field)


def _text(name: str, text: str) -> str:
    """A header of text: encoded from its first word that has to be to the last, else as it is."""
    field = _Field(name)
    line = _one_line(text, name)
    words = line.split(" ") if line else []
    odd = [number for number, word in enumerate(words) if not _is_plain(word)]
    start, end = (odd[0], odd[-1] + 1) if odd else (len(words), len(words))
    for word in words[:start]:
        field.add(word)
    if odd:
        field.add_encoded(" ".join(words[start:end]))
    for word in words[end:]:
        field.add(word)
    return str(field)


def _is_plain(text: str) -> bool:
    """Whether text can stand in a header as it is, and be read as nothing else."""
    return len(text) <= WORD_LIMIT and PLAIN.fullmatch(text) is not None


def _people(draft: Draft) -> Iterator[str]:
    yield _mailboxes("From", (draft.sender,))
    if draft.to:
        yield _mailboxes("To", draft.to)
    elif not draft.cc:
        yield "To: undisclosed-recipients:;"
    if draft.cc:
        yield _mailboxes("Cc", draft.cc)
    if draft.reply_to:
        yield _mailboxes("Reply-To", draft.reply_to)


def _mailboxes(name: str, mailboxes: tuple[Mailbox, ...]) -> str:
    field = _Field(name)
    for number, mailbox in enumerate(mailboxes, 1):
        comma = "," if number < len(mailboxes) else ""
        address = _address(mailbox.address)
        person = _one_line(mailbox.name, f"a name in {name}")
        if not person:
            field.add(address + comma)
        elif len(person) <= WORD_LIMIT // 2 and _is_plain(person):
            field.add(*f"{_quoted(person)} <{address}>{comma}".split(" "))
        else:
            field.add_encoded(person)
            field.add(f"<{address}>{comma}")
    return str(field)


def _quoted(name: str) -> str:
    """A name as it stands before an address, in quotes if it needs them."""
    if NEEDS_NO_QUOTES.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _address(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise CannotCompose(
            f"{_shown(address)} is no mail address: it needs a name, @ and a domain"
        )
    if not local.isascii() and local.isprintable():
        raise CannotCompose(
            f"{_shown(address)} has letters beyond ASCII before the @; few mail servers take that"
            " (SMTPUTF8)"
        )
    if not LOCAL.fullmatch(local):
        raise CannotCompose(
            f"{_shown(address)} is no mail address: what stands before the @ is odd"
        )
    written = f"{local}@{_domain(domain, address)}"
    if len(written) > ADDRESS_LIMIT:
        raise CannotCompose(
            f"{_shown(address)} has {len(written)} characters; at most {ADDRESS_LIMIT} are taken"
        )
    return written


def _domain(domain: str, whole: str) -> str:
    """The domain in ASCII."""
    written = domain
    if not domain.isascii() and len(domain) <= ADDRESS_LIMIT:
        try:
            written = domain.encode("idna").decode("ascii")
        except UnicodeError:
            written = ""
    if len(written) > ADDRESS_LIMIT or not DOMAIN.fullmatch(written):
        raise CannotCompose(f"{_shown(whole)} does not name a domain that could exist")
    return written


def _date(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise CannotCompose(f"the date {moment} has no time zone")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise CannotCompose(f"the date {moment} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return format_datetime(moment.astimezone(UTC))


def _own_msgid(msgid: str) -> str:
    if not MSGID.fullmatch(msgid) or "@" not in msgid[2:-2] or len(msgid) > MSGID_LIMIT:
        raise CannotCompose(
            f"{_shown(msgid)} is no Message-ID: <left@domain> of ASCII characters without blanks,"
            f" at most {MSGID_LIMIT} of them"
        )
    return msgid


def _thread(draft: Draft) -> Iterator[str]:
    parent = draft.in_reply_to
    if parent and _can_be_written(parent):
        yield _words("In-Reply-To", [parent])
    known = dict.fromkeys((*draft.references, parent) if parent else draft.references)
    ids = [msgid for msgid in known if _can_be_written(msgid)]
    if ids:
        yield _words("References", ids[:1] + ids[1:][-REFERENCE_LIMIT:])


def _can_be_written(msgid: str) -> bool:
    """Whether somebody's Message-ID is ASCII as it should be; anything that is none is refused."""
    if MSGID.fullmatch(msgid):
        return True
    inner = msgid[1:-1]
    if (
        msgid.isascii()
        or len(msgid) > WORD_LIMIT
        or f"<{inner}>" != msgid
        or not inner.isprintable()
        or not {" ", "<", ">"}.isdisjoint(inner)
    ):
        raise CannotCompose(f"{_shown(msgid)} is no Message-ID, so no mail can refer to it")
    return False


def _further(name: str, value: str) -> str:
    if not FIELD_NAME.fullmatch(name):
        raise CannotCompose(
            f"{_shown(name)} cannot be the name of a mail header: use letters, digits and -"
        )
    if WRITTEN_HERE.fullmatch(name.lower()):
        raise CannotCompose(f"{name} is no further header: it is written from the draft, or never")
    return _text(name, value)


def _one_line(text: str, what: str) -> str:
    _octets(text, what)
    return BLANKS.sub(" ", text).strip(" ")


def _octets(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CannotCompose(
            f"{what} holds half a character (U+{ord(text[error.start]):04X}) at {error.start}"
        ) from error


def _shown(value: str) -> str:
    return repr(value if len(value) <= SHOWN_LIMIT else f"{value[:SHOWN_LIMIT]}...")


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """RFC 2047 words, each of whole characters; the first one fits into the room it has.

    What is ASCII for the most part stays readable, the rest is shorter in base64.
    """
    frame = len("=?utf-8?q??=")
    octets = [character.encode() for character in text]
    if 2 * sum(map(str.isascii, text)) >= len(text):
        quoted = [b"".join([QUOTED[octet] for octet in character]) for character in octets]
        for piece in _joined(quoted, room - frame, ENCODED_LIMIT - frame):
            yield f"=?utf-8?q?{piece.decode('ascii')}?="
        return
    for piece in _joined(octets, (room - frame) // 4 * 3, (ENCODED_LIMIT - frame) // 4 * 3):
        yield f"=?utf-8?b?{b2a_base64(piece, newline=False).decode('ascii')}?="


def _joined(characters: list[bytes], first: int, others: int) -> Iterator[bytes]:
    """The characters in pieces of at most a size, which is another one for the first."""
    piece, limit = b"", first
    for character in characters:
        if len(piece) + len(character) > limit:
            yield piece
            piece, limit = b"", others
        piece += character
    yield piece


# --- The body ---------------------------------------------------------------------------------


def _written_body(text: str) -> tuple[str, bytes]:
    """The transfer encoding, and the body in it."""
    octets = _octets(text, "the body")
    if _needs_quoting(octets):
        return "quoted-printable", _quoted_printable(octets)
    return "7bit" if octets.isascii() else "8bit", octets.replace(b"\n", b"\r\n")


def _needs_quoting(octets: bytes) -> bool:
    return (
        b"\r" in octets
        or b"\0" in octets
        or (octets != b"" and not octets.endswith(b"\n"))
        or (b"From " in octets and FROM_LINE.search(octets) is not None)
        or (len(octets) > LINE_LIMIT and max(map(len, octets.split(b"\n"))) > LINE_LIMIT)
    )


def _quoted_printable(octets: bytes) -> bytes:
    *lines, rest = octets.split(b"\n")
    written = [b2a_qp(line, istext=False) for line in lines]
    if rest:
        # As if a character came behind it, so that there is room for the mark of a line that
        # goes on: here it says that the body ends without a line end.
        written.append(b2a_qp(rest + b"x", istext=False)[:-1] + b"=")
    quoted = b"\n".join(written).split(b"\n")
    return b"\r\n".join([*map(_with_a_harmless_start, quoted), b""])


def _with_a_harmless_start(line: bytes) -> bytes:
    if not TOUCHY_START.match(line):
        return line
    first, rest = b"=%02X" % line[0], line[1:]
    if len(first) + len(rest) <= QUOTED_LIMIT:
        return first + rest
    return first + b"=\r\n" + _with_a_harmless_start(rest)
