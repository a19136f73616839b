# SPDX-License-Identifier: GPL-2.0-or-later
"""Readable plain text out of HTML and calendars, for mails that have nothing else.

The standard library's HTML parser takes quadratic time on input made for it; this one goes
forward only: a search that fails ends the work.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterable, Iterator

SOURCE_LIMIT = 500_000
TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
HIDDEN_END = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "title")}
BLOCK = re.compile(
    "address|article|blockquote|br|dd|div|dl|dt|footer|form|h[1-6]|header|hr|li|main|ol|p|pre"
    "|section|table|td|th|tr|ul"
)
BLANK_LINES = re.compile(r"\n{3,}")
CALENDAR_FIELDS = ("SUMMARY", "DESCRIPTION")
CALENDAR_ESCAPE = re.compile(r"\\([nN,;\\])")


def html(sources: Iterable[str]) -> str:
    """The text of HTML documents without tags, scripts and styles, each block on its own line."""
    texts = (_tidied("".join(_html_pieces(source))) for source in _cut(sources))
    return "\n\n".join(text for text in texts if text)


def _cut(sources: Iterable[str]) -> Iterator[str]:
    """The sources up to the limit for all of them together."""
    left = SOURCE_LIMIT
    for source in sources:
        if left > 0:
            yield source[:left]
        left -= len(source)


def _html_pieces(source: str) -> list[str]:
    """Texts and line ends in order; no blank follows a blank except in preformatted text."""
    pieces = ["\n"]
    position, is_preformatted = 0, False
    while position >= 0:
        start = source.find("<", position)
        text = _unescaped(source[position:start] if start >= 0 else source[position:])
        if text and not is_preformatted:
            text = _folded(text, pieces[-1])
        if text:
            pieces.append(text)
        if start < 0:
            break
        name = _tag_name(source, start)
        position = _tag_end(source, start, name)
        if position == start + 1:
            pieces.append("<")
        elif BLOCK.fullmatch(name):
            pieces.append("\n")
        if name == "pre":
            is_preformatted = source[start + 1] != "/"
    return pieces


def _tag_name(source: str, start: int) -> str:
    name = TAG_NAME.match(source, start + 1, start + 20)
    return name[1].lower() if name else ""


def _tag_end(source: str, start: int, name: str) -> int:
    """Where the reader goes on after the tag (or the hidden element) at ``start``; -1: nowhere."""
    if source.startswith("<!--", start):
        end = source.find("-->", start + 4)
        return end + 3 if end >= 0 else -1
    if not name and not source.startswith(("<!", "<?"), start):
        return start + 1
    if name in HIDDEN_END and source[start + 1] != "/":
        hidden = HIDDEN_END[name].search(source, start)
        if hidden is None:
            return -1
        start = hidden.start()
    end = source.find(">", start)
    return end + 1 if end >= 0 else -1


def _folded(text: str, before: str) -> str:
    """``text`` with each run of blanks made one, and none at its start after another one."""
    folded = " ".join(text.split())
    if text[0].isspace() and not before[-1].isspace():
        folded = " " + folded
    return folded + " " if text[-1].isspace() and folded.strip() else folded


def _unescaped(text: str) -> str:
    """Character references resolved; a number of thousands of digits makes Python refuse."""
    try:
        return entities.unescape(text) if "&" in text else text
    except ValueError:
        return text


def _tidied(text: str) -> str:
    lines = (line.rstrip() for line in text.replace("\xa0", " ").split("\n"))
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def calendar(sources: Iterable[str]) -> str:
    """What the events of calendars are about; empty when they do not say."""
    texts = (
        CALENDAR_ESCAPE.sub(lambda escape: "\n" if escape[1] in "nN" else escape[1], text)
        for source in _cut(sources)
        for text in _calendar_texts(source)
    )
    return "\n\n".join(text for text in map(str.strip, texts) if text)


def _calendar_texts(source: str) -> Iterator[str]:
    unfolded = source.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
    for line in unfolded.split("\n"):
        name, _, value = line.partition(":")
        if name.partition(";")[0].strip().upper() in CALENDAR_FIELDS:
            yield value
