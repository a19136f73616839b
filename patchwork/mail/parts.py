# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a MIME mail, and what is to be read in each.

Written here because the time of the standard library's parser grows with depth times lines:
8 MB of short lines, 30 parts deep, keep it busy for more than ten seconds. This one looks at a
byte once a level.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from patchwork.mail import rendering
from patchwork.mail.charset import NOT_BASE64, decode, decode_base64
from patchwork.mail.facts import Unreadable
from patchwork.mail.headers import Headers, split_within

DEPTH_LIMIT = 30
PART_COUNT_LIMIT = 5_000
DELIMITER_LIMIT = 100_000
BOUNDARY_LIMIT = 200
VALUE_LIMIT = 1_000
PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s;"]*))')
DIFF_TYPE = re.compile(r"text/.*|application/(x-patch|x-diff|x-git-patch|octet-stream)")
"""Parts that may hold a diff. Text of a kind that nobody knows is text (RFC 2046)."""

Decoder = Callable[[bytes, str], str]
"""Makes text of bytes and the charset that they are said to be in."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has no parts of its own."""

    headers: Headers
    content_type: str
    parameters: Mapping[str, str]
    body: bytes

    @property
    def is_attachment(self) -> bool:
        disposition = self.headers.first("content-disposition", VALUE_LIMIT)
        return disposition.lstrip()[:10].lower() == "attachment"

    def text(self, decoder: Decoder = decode) -> str:
        """The part's text; line ends that the transport made are undone, its own are kept."""
        raw = self._content()
        if b"\0" in raw and not self.content_type.startswith("text/"):
            return ""
        text = decoder(raw, self.parameters.get("charset", ""))
        if "\r" in text and text.count("\r\n") == text.count("\n"):
            return text.replace("\r\n", "\n")
        return text

    def _content(self) -> bytes:
        encoding = self.headers.first("content-transfer-encoding", VALUE_LIMIT).strip().lower()
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        if encoding == "base64" and _is_base64(self.body):
            return decode_base64(self.body)
        return self.body


@dataclass(frozen=True, slots=True)
class Content:
    """What there is to read in a mail."""

    texts: tuple[str, ...]
    attachments: tuple[str, ...] = ()
    """The texts of parts that may hold a diff."""
    is_rendered: bool = False
    """The texts were made out of HTML or a calendar: no diff survives that."""


@dataclass(slots=True)
class _Shelf:
    """Parts by what can be done with them."""

    plain: list[Part] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    calendars: list[Part] = field(default_factory=list)

    def put(self, part: Part) -> None:
        if part.content_type == "text/plain" and not part.is_attachment:
            self.plain.append(part)
        elif part.content_type == "text/html":
            self.html.append(part)
        elif part.content_type == "text/calendar":
            self.calendars.append(part)
        elif DIFF_TYPE.fullmatch(part.content_type):
            self.attached.append(part)


def content(headers: Headers, body: bytes, decoder: Decoder = decode) -> Content:
    """The readable texts: plain ones, else HTML or a calendar made readable, else attached ones."""
    shelf = _Shelf()
    for part in leaves(headers, body):
        shelf.put(part)
    plain = _texts(shelf.plain, decoder)
    attachments = _texts(shelf.attached, decoder)
    if plain:
        return Content(plain, attachments)
    if shelf.html or shelf.calendars:
        rendered = rendering.html(_texts(shelf.html, decoder))
        rendered = rendered or rendering.calendar(_texts(shelf.calendars, decoder))
        return Content((rendered,), attachments, is_rendered=True)
    return Content(attachments)


def _texts(found: list[Part], decoder: Decoder) -> tuple[str, ...]:
    return tuple(part.text(decoder) for part in found)


def leaves(headers: Headers, body: bytes) -> list[Part]:
    """The parts that have no parts of their own; of alternatives only the best readable one."""
    return _Walk(body).leaves(headers, 0, len(body))


class _Walk:
    """One way through all parts of a mail, which ends when there are too many.

    Parts are told by where they begin and end: a copy on each level would take more time than
    all else.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._part_count = 0

    def leaves(
        self,
        headers: Headers,
        start: int,
        end: int,
        default_type: str = "text/plain",
        depth: int = 0,
    ) -> list[Part]:
        """The leaves below one part."""
        self._check_limits(depth)
        written = headers.first("content-type", VALUE_LIMIT)
        content_type, parameters = _content_type(written, default_type)
        is_multipart = content_type.startswith("multipart/")
        boundary = parameters.get("boundary", "").rstrip()[:BOUNDARY_LIMIT] if is_multipart else ""
        sections = _sections(boundary, self._raw, start, end) if boundary else []
        if not sections:
            leaf_type = "text/plain" if is_multipart else content_type
            return [Part(headers, leaf_type, parameters, self._raw[start:end])]
        inner_type = "message/rfc822" if content_type == "multipart/digest" else "text/plain"
        found = [self._below(*section, inner_type, depth + 1) for section in sections]
        if content_type == "multipart/alternative":
            return _best_of(found)
        return [part for parts in found for part in parts]

    def _below(self, start: int, end: int, default_type: str, depth: int) -> list[Part]:
        headers, body = split_within(self._raw, start, end)
        return self.leaves(headers, body, end, default_type, depth)

    def _check_limits(self, depth: int) -> None:
        self._part_count += 1
        if self._part_count > PART_COUNT_LIMIT:
            raise Unreadable(f"more than {PART_COUNT_LIMIT} MIME parts")
        if depth > DEPTH_LIMIT:
            raise Unreadable(f"MIME parts nested more than {DEPTH_LIMIT} deep")


def _best_of(alternatives: list[list[Part]]) -> list[Part]:
    for wanted in ("text/plain", "text/html"):
        for parts in alternatives:
            if any(part.content_type == wanted for part in parts):
                return parts
    return alternatives[0]


@lru_cache(maxsize=256)
def _content_type(value: str, default: str) -> tuple[str, Mapping[str, str]]:
    """The type in lower case, and its parameters (RFC 2231 marks dropped, the first one holds)."""
    content_type = value.partition(";")[0].strip().lower()
    if ";" not in value:
        return content_type if "/" in content_type else default, {}
    parameters: dict[str, str] = {}
    for parameter in PARAMETER.finditer(value):
        name, star, _ = parameter[1].lower().partition("*")
        written = parameter[3] if parameter[2] is None else parameter[2].replace("\\", "")
        parameters.setdefault(name, written.rpartition("'")[2] if star else written)
    return content_type if "/" in content_type else default, parameters


def _sections(boundary: str, raw: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """What stands between the boundaries; nothing when there are none."""
    dashes = b"--" + boundary.encode("utf-8", "replace")
    sections: list[tuple[int, int]] = []
    opened: int | None = None
    for line in islice(_lines_with(dashes, raw, start, end), DELIMITER_LIMIT):
        line_end = raw.find(b"\n", line, end)
        rest = raw[line + len(dashes) : line_end if line_end >= 0 else end]
        is_last = rest.startswith(b"--")
        if rest.strip() and not is_last:
            continue
        if opened is not None:
            sections.append(_without_return(raw, opened, line - 1))
        # A line right below that only begins like the boundary is text: no header may begin there.
        is_text = raw.startswith(dashes, line_end + 1, end)
        opened = end if line_end < 0 else line_end if is_text else line_end + 1
        if is_last:
            return sections
    return sections if opened is None else [*sections, _without_return(raw, opened, end)]


def _lines_with(dashes: bytes, raw: bytes, start: int, end: int) -> Iterator[int]:
    """Where lines begin with these bytes."""
    if raw.startswith(dashes, start, end):
        yield start
    below = b"\n" + dashes
    found = raw.find(below, start, end)
    while found >= 0:
        yield found + 1
        found = raw.find(below, found + len(below), end)


def _without_return(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """A stretch without a carriage return at its end: it belongs to the boundary below."""
    return start, end - raw.endswith(b"\r", start, end)


def _is_base64(body: bytes) -> bool:
    """Whether the first line is; some senders declare base64 and send plain text."""
    first_line = body.lstrip()[:VALUE_LIMIT].partition(b"\n")[0].strip()
    return first_line == first_line.translate(None, NOT_BASE64)
