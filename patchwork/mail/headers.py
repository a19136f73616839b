# SPDX-License-Identifier: GPL-2.0-or-later
"""The header block: where it ends, and its fields, cut before anything else is done to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from patchwork.mail.charset import decode_words, one_line, storable

FIELD = re.compile(r"\n(?:([!-9;-~]+)[ \t]*:)?([^\n]*(?:\n[ \t][^\n]*)*+)")
"""A field with its folded lines; without a name when the line is something else."""
STRAY_LINE = re.compile(rb"^(?![!-9;-~]+[ \t]*:|[ \t]|>?From )", re.MULTILINE)
FIELD_COUNT_LIMIT = 5_000
DISPLAY_LIMIT = 64 * 1024
DISPLAY_NOTE = "\n[The rest of the header block is left out here.]"


class Headers:
    """The fields of one header block, by lower-case name, in the order they stand.

    A field stays folded and as Latin-1 (a byte a character) until it is asked for: most never
    are.
    """

    __slots__ = ("_block", "_fields", "has_other_lines")

    def __init__(self, block: bytes) -> None:
        self._block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        self._fields: dict[str, list[str]] = {}
        self.has_other_lines = False
        for name, value in _fields(self._block):
            if not name:
                self.has_other_lines = True
            elif (lower := name.lower()) in self._fields:
                self._fields[lower].append(value)
            else:
                self._fields[lower] = [value]

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def first(self, name: str, limit: int) -> str:
        """The topmost field of that name as it stands, cut; empty when there is none."""
        values = self._fields.get(name)
        return _readable(_unfolded(values[0])[:limit]) if values else ""

    def every(self, name: str, limit: int, count: int) -> tuple[str, ...]:
        """The fields of that name as they stand, topmost first, each cut."""
        values = self._fields.get(name)
        if not values:
            return ()
        return tuple(_readable(_unfolded(value)[:limit]) for value in values[:count])

    def ends(self, name: str, head: int, tail: int) -> tuple[str, str]:
        """All fields of that name in one, as its beginning and its end; whole when it is short."""
        values = self._fields.get(name)
        if not values:
            return "", ""
        value = _unfolded(values[0] if len(values) == 1 else " ".join(values))
        if len(value) <= head + tail:
            return "", _readable(value)
        return _readable(value[:head]), _readable(value[-tail:])

    def text(self, name: str, limit: int) -> str:
        """The topmost field of that name for people: decoded, one line."""
        value = self.first(name, limit)
        return one_line(decode_words(_without_cut_word(value, limit)), limit) if value else ""

    def pairs(self, limit: int) -> Iterator[tuple[str, str]]:
        """Every field as it stands: its name as it is written, its value unfolded and cut."""
        for name, value in _fields(self._block):
            if name:
                yield name, _readable(_unfolded(value)[:limit]).strip()

    def display(self) -> str:
        """The block for people, its encoded words left as they are so that nothing is lost."""
        block = self._block.decode("latin-1")
        shown = _readable(block[:DISPLAY_LIMIT])
        shown = "\n".join(shown.split("\r")) if "\r" in shown else shown
        return shown if len(block) <= DISPLAY_LIMIT else shown + DISPLAY_NOTE


def _fields(block: bytes) -> Iterable[tuple[str, str]]:
    """Name and value of each field; an empty name for what is no field."""
    lines = "\n" + block.decode("latin-1")
    if block.count(b"\n") < FIELD_COUNT_LIMIT:
        return FIELD.findall(lines)
    return ((field[1], field[2]) for field in islice(FIELD.finditer(lines), FIELD_COUNT_LIMIT))


def _unfolded(value: str) -> str:
    return value.replace("\n ", " ").replace("\n\t", "\t") if "\n" in value else value


def _readable(value: str) -> str:
    """What the bytes behind ``value`` say: UTF-8, else Latin-1."""
    if value.isascii():
        return value.replace("\0", "")
    raw = value.encode("latin-1")
    try:
        return storable(raw.decode())
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - 3 and error.reason == "unexpected end of data":
            return storable(raw[: error.start].decode())
        return storable(value)


def _without_cut_word(value: str, limit: int) -> str:
    """``value`` without the encoded word that the cut at ``limit`` went through."""
    start = value.rfind("=?")
    if len(value) < limit or start < 0 or value.endswith("?="):
        return value
    return value if value.count("?", start) > 3 else value[:start]


def split(raw: bytes) -> tuple[Headers, bytes]:
    """The header block and what comes after it.

    It ends at the first blank line, or before the first line that can be no header: some
    senders leave the blank line out.
    """
    headers, body = split_within(raw, 0, len(raw))
    return headers, raw[body:]


def split_within(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The same for a part of a mail: the header block, and where what comes after it begins."""
    block_end, body = _blank_line(raw, start, end)
    block = raw[start:block_end]
    headers = Headers(block.rstrip(b"\r\n"))
    if headers.has_other_lines and (stray := STRAY_LINE.search(block)):
        return Headers(block[: stray.start()].rstrip(b"\r\n")), start + stray.start()
    return headers, body


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the first blank line is: the end of what stands above, the start of what below."""
    if raw.startswith((b"\n", b"\r\n"), start, end):
        return start, raw.index(b"\n", start) + 1
    blank = raw.find(b"\n\n", start, end)
    above = blank if blank >= 0 else end
    if raw.find(b"\r", start, above) >= 0:
        blank_crlf = raw.find(b"\n\r\n", start, above)
        if blank_crlf >= 0:
            return blank_crlf, blank_crlf + 3
    return (blank, blank + 2) if blank >= 0 else (end, end)
