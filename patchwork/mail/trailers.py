# SPDX-License-Identifier: GPL-2.0-or-later
"""Trailer lines: ``Reviewed-by: A Person <person@example.org>`` and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from patchwork.mail import extents
from patchwork.mail.facts import Trailer

VALUE_LIMIT = 1_000
TRAILER_LIMIT = 1_000

_LINE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9-]{0,63})[ \t]{0,3}:(?!//)[ \t]{0,20}(?=\S)(.*)", re.DOTALL
)
_MAYBE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}[ \t]{0,3}:", re.MULTILINE)
_BREAK = re.compile(r"---[ \t\r]*")
_KNOWN = frozenset(
    ("fixes", "link", "closes", "cc", "change-id", "depends-on", "message-id", "supersedes", "bug")
)
_HEADERS = frozenset(("from", "subject", "date"))
_BLOCK_NOTES = ("[", "#", "(cherry picked from commit ")


def parse(text: str) -> tuple[Trailer, ...]:
    """The trailers that the sender wrote, in order, each once.

    ``*-by`` lines count wherever they stand: reviewers write them between their remarks. Others
    count in a trailer block: a paragraph of nothing but trailers, of which one is well known.
    Quoted lines are somebody else's, lines of a diff nobody's.
    """
    if not _MAYBE.search(text):
        return ()
    found: dict[tuple[str, str], Trailer] = {}
    for paragraph in _paragraphs(text):
        for trailer in _of_paragraph(paragraph):
            found.setdefault((trailer.token.lower(), trailer.value), trailer)
            if len(found) >= TRAILER_LIMIT:
                return tuple(found.values())
    return tuple(found.values())


def count(trailers: Iterable[Trailer], tags: Mapping[str, re.Pattern[str]]) -> dict[str, int]:
    """How many trailers each tag's pattern finds; it is matched against ``Token: value``."""
    lines = [f"{trailer.token}: {trailer.value}" for trailer in trailers]
    return {tag: sum(1 for line in lines if pattern.match(line)) for tag, pattern in tags.items()}


def is_block(lines: Iterable[str]) -> bool:
    """Whether these lines are a trailer block: a new trailer goes directly below its last line.

    Git's rule: all lines are trailers, or a quarter of them with a sign-off among them. Headers
    at the top of a text (``From: ...``) look alike and are none.
    """
    tokens: list[str] = []
    others = 0
    for line in lines:
        if match := _LINE.match(line):
            tokens.append(match[1].lower())
        elif not (tokens and line[:1] in " \t") and not line.startswith(_BLOCK_NOTES):
            others += 1
    if not any(_is_known(token) for token in tokens) or not _HEADERS.isdisjoint(tokens):
        return False
    return not others or ("signed-off-by" in tokens and len(tokens) * 3 >= others)


def _is_known(token: str) -> bool:
    return token in _KNOWN or token.endswith("-by")


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines outside of diffs, parted by blank lines and ``---``."""
    start = 0
    for begin, end in [*extents.spans(text), (len(text), len(text))]:
        paragraph: list[str] = []
        for line in text[start:begin].split("\n"):
            if line.strip() and not _BREAK.fullmatch(line):
                paragraph.append(line)
            elif paragraph:
                yield paragraph
                paragraph = []
        if paragraph:
            yield paragraph
        start = end


def _of_paragraph(lines: list[str]) -> Iterator[Trailer]:
    in_block = is_block(lines)
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match and (in_block or match[1].lower().endswith("-by")):
            yield Trailer(match[1], _folded(match[2], lines, number + 1))


def _folded(value: str, lines: list[str], below: int) -> str:
    """The value with its continuation lines; an address in angle brackets ends a value."""
    while below < len(lines) and lines[below][0] in " \t" and len(value) < VALUE_LIMIT:
        if value.rstrip().endswith(">"):
            break
        value = f"{value.rstrip()} {lines[below].strip()}"
        below += 1
    return value.strip()[:VALUE_LIMIT]
