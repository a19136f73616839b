# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailboxes of the Unix kind: read out of archives, and written so that ``git am`` takes them."""

from __future__ import annotations

import io
import os
import re
import tempfile
from binascii import b2a_qp
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO, overload

from patchwork.mail import trailers as trailer_lines
from patchwork.mail.facts import Address, Trailer

_CHUNK = 1 << 20
_LOOKAHEAD = 1_000
"""How many bytes must be known from a candidate on: its line, and how the next one begins."""
_CONTEXT = 3
"""How many bytes must be known before it: whether the line above is blank."""
_HEAD = 1 << 16
_CANDIDATE = b"\nFrom "
_SEPARATOR = re.compile(
    rb"From [^\n]{0,400}?(?:"
    rb"[A-Z][a-z]{2} {1,2}\d{1,2} {1,2}\d?\d:\d\d(?::\d\d)?(?: [A-Z+-]\w{1,5})? \d{4}"
    rb"|\d{1,2} [A-Z][a-z]{2} \d{2,4} \d?\d:\d\d(?::\d\d)?"
    rb")(?: [A-Z+-]\w{1,5})?[ \t]*\r?\n"
)
_LIKE_SEPARATOR = re.compile(
    rb"From (?:(?=[^\n]{0,400}\b(?:19|20)\d\d\b)[^\n]{0,400}\d:\d\d[^\n]{0,30}|-? ?)\r?\n"
)
_HEADER_BELOW = re.compile(rb">?[!-9;-~]{1,100}:|>From ")
_QUOTED_FROM = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_FROM = re.compile(rb"^(?=>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Oversize:
    """A mail over the caller's size limit, its bytes as they stand in a file that is now his."""

    path: Path
    size: int
    head: bytes
    """The beginning, long enough to show who sent what."""


@overload
def split_mbox(stream: BinaryIO) -> Iterator[bytes]: ...
@overload
def split_mbox(
    stream: BinaryIO, max_size: int, spool: Path | None = None
) -> Iterator[bytes | Oversize]: ...
def split_mbox(
    stream: BinaryIO, max_size: int | None = None, spool: Path | None = None
) -> Iterator[bytes | Oversize]:
    """The mails of an mbox, one after another, without their ``From `` lines.

    Three things speak for a ``From `` line as a separator: a date in it, a blank line above, a
    header below; two of them make it one, so "From here on" in a text does not. ``>From `` loses
    one ``>``: writers of both common kinds of mbox add it to ``From ``, and mboxrd to ``>From ``
    as well. What an mbox that was cut off ends with is the last mail, and a file without any
    ``From `` line is one mail. The memory it takes is that of the largest mail up to ``max_size``;
    a larger one goes to a file in the directory ``spool``.
    """
    mail = _GrowingMail(max_size, spool)
    data = b"\n\n"  # As if a blank line stood above the first one.
    taken = searched = len(data)
    searched -= 1
    try:
        more = True
        while more:
            chunk = stream.read(_CHUNK)
            more = bool(chunk)
            data += chunk
            horizon = max(len(data) - _LOOKAHEAD, 0) if more else len(data)
            while (found := data.find(_CANDIDATE, searched, horizon + len(_CANDIDATE) - 1)) >= 0:
                searched = found + 1
                if end := _separator_end(data, searched):
                    if whole := mail.finished(data[taken:searched]):
                        yield whole
                    taken, searched = end, end - 1
            kept = max(taken, horizon)
            mail.add(data[taken:kept])
            start = max(kept - _CONTEXT, 0)
            data = data[start:]
            taken, searched = kept - start, max(searched, horizon) - start
        if whole := mail.finished(b""):
            yield whole
    finally:
        mail.discard()


def _separator_end(data: bytes, start: int) -> int | None:
    """Where the separator line ends that begins here; None when it is not one."""
    line = _SEPARATOR.match(data, start)
    like = line or _LIKE_SEPARATOR.match(data, start)
    if like is None:
        return None
    is_below_blank = data[start - 2 : start] == b"\n\n" or data[start - 3 : start] == b"\n\r\n"
    is_above_header = _HEADER_BELOW.match(data, like.end()) is not None
    evidence = (line is not None) + is_below_blank + is_above_header
    return like.end() if evidence >= 2 else None


class _GrowingMail:
    """Gathers the pieces of a mail; in memory up to the limit, in a file above it."""

    def __init__(self, max_size: int | None, spool: Path | None) -> None:
        self._max_size = max_size
        self._spool = spool
        self._pieces = io.BytesIO()
        self._file: BinaryIO | None = None
        self._path = Path()
        self._head = b""

    def add(self, piece: bytes) -> None:
        if self._file is not None:
            self._file.write(piece)
        elif self._max_size is not None and self._pieces.tell() + len(piece) > self._max_size:
            self._move_to_file()
            self.add(piece)
        else:
            self._pieces.write(piece)

    def finished(self, piece: bytes) -> bytes | Oversize | None:
        """The mail that this piece completes, None when it is blank; the next one begins."""
        is_in_one_piece = self._file is None and not self._pieces.tell()
        if is_in_one_piece and (self._max_size is None or len(piece) <= self._max_size):
            return _unquoted(piece[: len(piece) - _blank_line_size(piece[-4:])])
        self.add(piece)
        if self._file is not None:
            return self._finished_file(self._file)
        pieces, self._pieces = self._pieces, io.BytesIO()
        size = pieces.tell()
        with pieces.getbuffer() as buffer:
            size -= _blank_line_size(bytes(buffer[max(0, size - 4) : size]))
        pieces.truncate(size)
        return _unquoted(pieces.getvalue())  # Not a copy: one large mail is held once.

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None

    def _move_to_file(self) -> None:
        self._file, self._path = _spool_file(self._spool)
        gathered = self._pieces.getvalue()
        self._head = gathered[:_HEAD]
        self._file.write(gathered)
        self._pieces = io.BytesIO()

    def _finished_file(self, file: BinaryIO) -> Oversize:
        size = file.tell()
        if len(self._head) < _HEAD:
            file.seek(0)
            self._head = file.read(_HEAD)
        file.close()
        self._file = None
        return Oversize(self._path, size, self._head)


def _spool_file(spool: Path | None) -> tuple[BinaryIO, Path]:
    descriptor, name = tempfile.mkstemp(prefix="oversize-", suffix=".eml", dir=spool)
    return os.fdopen(descriptor, "w+b"), Path(name)


def _blank_line_size(end: bytes) -> int:
    """How much of a mail's end is the blank line that parts it from the next one."""
    if end == b"\r\n\r\n":
        return 2
    return 1 if end.endswith(b"\n\n") else 0


def _unquoted(mail: bytes) -> bytes | None:
    if b">From " in mail:
        mail = _QUOTED_FROM.sub(b"", mail)
    return mail if mail and not mail.isspace() else None


def entry(raw: bytes, sender: str, date: datetime) -> bytes:
    """A mail as it stands in an mbox, of the kind called mboxrd: ``split_mbox`` gives it back."""
    envelope = re.sub(r"[^!-~]", "", sender) or "MAILER-DAEMON"
    line = f"From {envelope} {date.astimezone(UTC).ctime()}\n".encode()
    end = b"\n" if raw.endswith(b"\n") else b"\n\n"
    return line + _FROM.sub(b">", raw) + end


@dataclass(frozen=True, slots=True)
class PatchMail:
    """A patch as it goes out to ``git am``."""

    msgid: str
    sender: Address
    date: datetime | None
    subject: str
    message: str
    """Commit message, and notes below a ``---`` line if there are any."""
    diff: str | None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    trailers: tuple[Trailer, ...] = ()
    """Gathered from replies; what the message says already is not said again."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers: (``X-Patchwork-Id``, ``17``)."""
    diff_as_sent: bytes | None = None
    """Stands for ``diff`` where that is not what came in, in UTF-8."""


def patch_mbox(mail: PatchMail) -> bytes:
    """One mail of an mbox. Several in a row are an mbox of a series."""
    date = (mail.date or datetime.fromtimestamp(0, UTC)).astimezone(UTC)
    fields = [
        ("From", _address(mail.sender)),
        ("To", _addresses(mail.to)),
        ("Cc", _addresses(mail.cc)),
        ("Date", format_datetime(date)),
        ("Message-Id", _one_line(mail.msgid)),
        ("Subject", _encoded_text(mail.subject)),
        *((_field_name(name), _encoded_text(value)) for name, value in mail.headers),
    ]
    body, encoding = _encoded_body(_body(mail))
    lines = [
        f"From patchwork {date.ctime()}",
        *(f"{name}: {value}" for name, value in fields if value),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        "\n",
    ]
    return "\n".join(lines).encode("utf-8", "replace") + body + b"\n"


def with_trailers(message: str, trailers: tuple[Trailer, ...]) -> str:
    """The message with further trailers at the end of what git makes the commit message of."""
    lines = message.split("\n")
    cut = next((number for number, line in enumerate(lines) if _ends_message(line)), len(lines))
    commit = "\n".join(lines[:cut]).rstrip()
    said = {_comparable(trailer) for trailer in trailer_lines.parse(commit)}
    new = [
        f"{_one_line(trailer.token)}: {_one_line(trailer.value)}"
        for trailer in dict.fromkeys(trailers)
        if _comparable(trailer) not in said
    ]
    if not new:
        return message
    last_paragraph = re.split(r"\n[ \t\r]*\n", commit)[-1].split("\n")
    if commit:
        commit += "\n" if trailer_lines.is_block(last_paragraph) else "\n\n"
    return "\n".join([commit + "\n".join(new), *lines[cut:]])


def _comparable(trailer: Trailer) -> tuple[str, str]:
    return trailer.token.lower(), " ".join(trailer.value.lower().split())


def _ends_message(line: str) -> bool:
    """Where ``git am`` takes the commit message to end: at a diff, or at ``---``."""
    if line.startswith(("diff -", "Index: ")):
        return True
    if not line.startswith("---"):
        return False
    return not line[3:].strip() or (line[3] == " " and not line[4:5].isspace())


def _body(mail: PatchMail) -> bytes:
    message = with_trailers(mail.message, mail.trailers)
    text = message.rstrip() + "\n" if message.strip() else ""
    diff = mail.diff_as_sent or (mail.diff or "").encode("utf-8", "replace")
    return b"\n".join(part for part in (text.encode("utf-8", "replace"), diff) if part)


_NEEDS_QUOTING = re.compile(rb"\r|^>*From ", re.MULTILINE)


def _encoded_body(body: bytes) -> tuple[bytes, str]:
    """The body as it is, unless something on the way would change it.

    Carriage returns get lost in plain text and ``From `` begins a mail. ``git am`` does not take a
    ``>`` off again, but it decodes quoted-printable, as everybody does. It makes UTF-8 of the
    message alone; a diff that is in something else is quoted for those who make text of the mail.
    """
    if not body.endswith(b"\n"):
        body += b"\n"
    if not _NEEDS_QUOTING.search(body) and _is_utf8(body):
        return body, "8bit"
    quoted = b"\n".join(b2a_qp(line, istext=False) for line in body.split(b"\n"))
    return re.sub(rb"^F(?=rom )", b"=46", quoted, flags=re.MULTILINE), "quoted-printable"


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


_ENCODED_WORD_SIZE = 60
_PLAIN = re.compile(r"(?!.*=\?)[ -~]*")
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LONGEST_LINE = 900
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def _field_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValueError(f"{name!r} cannot be the name of a mail header; use letters, digits and -")
    return name


def _addresses(addresses: tuple[Address, ...]) -> str:
    return ",\n ".join(filter(None, map(_address, addresses)))


def _address(address: Address) -> str:
    email = re.sub(r"[\s<>\x00-\x1f\x7f]", "", address.email)
    name = _one_line(address.name)
    if not name:
        return email
    if not _PLAIN.fullmatch(name):
        name = _encoded_words(name)
    elif not _NEEDS_NO_QUOTES.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{email}>"


def _one_line(text: str) -> str:
    """Without anything that could end the line: nobody adds a header through a name."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())


def _encoded_text(text: str) -> str:
    line = _one_line(text)
    is_plain = len(line) < _LONGEST_LINE and _PLAIN.fullmatch(line)
    return line if is_plain else _encoded_words(line)


def _encoded_words(text: str) -> str:
    """RFC 2047 words, each of whole characters, one a line."""
    words = [""]
    for character in text:
        octets = character.encode("utf-8", "replace")
        encoded = "".join(
            "_" if octet == 32 else chr(octet) if octet in _Q_SAFE else f"={octet:02X}"
            for octet in octets
        )
        if len(words[-1]) + len(encoded) > _ENCODED_WORD_SIZE:
            words.append("")
        words[-1] += encoded
    return "\n ".join(f"=?utf-8?q?{word}?=" for word in words)
