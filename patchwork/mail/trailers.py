# SPDX-License-Identifier: GPL-2.0-or-later
"""Trailer lines: ``Reviewed-by: A Person <person@example.org>`` and its kin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from patchwork.mail import extents
from patchwork.mail.facts import Trailer

VALUE_LIMIT = 1_000
TRAILER_LIMIT = 1_000

_LINE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9-]{0,63})[ \t]{0,3}:(?!//)[ \t]{0,20}(?=\S)(.*)", re.DOTALL
)
_TOKEN = re.compile(r"\n([A-Za-z0-9][A-Za-z0-9-]{0,63})[ \t]{0,3}:")
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
    tokens = set(_TOKEN.findall("\n" + text))
    if not any(_is_known(token.lower()) for token in tokens):
        return ()
    found: dict[tuple[str, str], Trailer] = {}
    for token, value in chain.from_iterable(map(_of_paragraph, _paragraphs(text))):
        if (key := (token.lower(), value)) not in found:
            found[key] = Trailer(token, value)
            if len(found) >= TRAILER_LIMIT:
                break
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
    return _is_block([(line, _LINE.match(line)) for line in lines])


def _is_block(lines: Iterable[tuple[str, re.Match[str] | None]]) -> bool:
    tokens: list[str] = []
    others = 0
    for line, match in lines:
        if match:
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
            is_break = not line or line.isspace()
            if not is_break and not (line.startswith("---") and _BREAK.fullmatch(line)):
                paragraph.append(line)
            elif paragraph:
                yield paragraph
                paragraph = []
        if paragraph:
            yield paragraph
        start = end


def _of_paragraph(lines: list[str]) -> Iterator[tuple[str, str]]:
    matches = [_LINE.match(line) for line in lines]
    if not any(matches):
        return
    in_block = _is_block(zip(lines, matches, strict=True))
    for number, match in enumerate(matches):
        if match and (in_block or match[1].lower().endswith("-by")):
            yield match[1], _folded(match[2], lines, number + 1)


def _folded(value: str, lines: list[str], below: int) -> str:
    """The value with its continuation lines; an address in angle brackets ends a value."""
    while below < len(lines) and lines[below][0] in " \t" and len(value) < VALUE_LIMIT:
        if value.rstrip().endswith(">"):
            break
        value = f"{value.rstrip()} {lines[below].strip()}"
        below += 1
    return value.strip()[:VALUE_LIMIT]
