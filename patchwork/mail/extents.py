# SPDX-License-Identifier: GPL-2.0-or-later
"""Where diffs stand in a text.

The grammar covers what git, svn, cvs, mercurial, quilt and plain ``diff -u`` write. It is read by
line starts and by the line counts of the hunks, never by patterns that could run back over many
lines, so any text costs time in proportion to its length and none raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_COMMAND = r"diff -[^\n]*(?:\n|\Z)"
_EXTENDED = (
    r"(?:index [0-9a-f]"
    r"|(?:old|new|deleted file|new file) mode [0-7]"
    r"|(?:dis)?similarity index \d"
    r"|(?:rename|copy) (?:from|to) "
    r"|RCS file: |retrieving revision |====="
    r"|Binary files (?=[^\n]* differ)"
    r"|Binary file (?=[^\n]* has changed)"
    r"|Cannot display: file marked as a binary type|svn:mime-type = "
    r")[^\n]*(?:\n|\Z)"
)
_NAMES = r"---[ \t][^\n]*\n\+\+\+[ \t][^\n]*(?:\n|\Z)"
_RANGE = r"([0-9]{1,9})(?:,([0-9]{1,9}))?"
_HUNK = rf"@@ -{_RANGE} \+{_RANGE} @@([^\n]*)(?:\n|\Z)"
_HUNK_LIKE = r"@@ -[0-9]{1,9}(?:,[0-9]{1,9})? \+[0-9]{1,9}(?:,[0-9]{1,9})? @@"
_BINARY = r"GIT binary patch\r?\n"
_FILE = (
    r"(?:Index: [^\n]*\n={60,}\r?(?:\n|\Z)"
    rf"(?:{_EXTENDED})*+(?:{_COMMAND}(?:{_EXTENDED})*+)?({_NAMES})?"
    rf"|{_COMMAND}(?:(?:{_EXTENDED})++({_NAMES})?|({_NAMES})(?={_HUNK_LIKE})|(?={_BINARY}))"
    rf"|(?=--- )({_NAMES})(?={_HUNK_LIKE}))"
)
"""All that stands above the first hunk, if it makes a diff: names alone do not. Its groups are the
names."""
_FIRST_FILE = re.compile(_FILE)
_FILE_BELOW = re.compile(rf"\n{_FILE}")
_OPENINGS = ("diff -", "--- ", "Index: ")

_FIRST_HUNK = re.compile(_HUNK)
_NEXT_HUNK = re.compile(rf"(?:[ \t\r]*+\n){{0,3}}+{_HUNK}")
_OTHER_LINE = re.compile(r"\n(?![-+ \\]|(?!diff |Index: )[^@\r\n][^\n]*\n[-+ \\@])")
"""Behind a run of hunk lines and torn-off ends of some."""
_BLANK_LINES = re.compile(r"\n++|(?:\r\n)++")
_SEVERAL_BLANK_LINES = ("\n" * 4, "\r\n" * 4)
_MANY_LINES = 8
"""From so many on it is quicker to count lines than to go from one to the next."""
_MANY_CHARACTERS = 500
_COUNTED = " +-"
_WRAPPED = " +-\\@"
"""How a line begins that can follow the torn-off end of a line which a mailer wrapped."""

_BINARY_OPENING = re.compile(_BINARY)
_BINARY_BLOCK = re.compile(
    r"(?:literal|delta) \d+\r?\n(?:[A-Za-z][-0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~]{5,}+\r?(?:\n|\Z))*+"
    r"(?:\r?\n)?"
)
_PROPERTIES = re.compile(
    r"(?:\r?\n)?Property changes on: [^\n]*\n_{60,}\r?(?:\n|\Z)"
    r"(?:(?:(?:Added|Modified|Deleted|Reverted|Name): |## |(?!-- ?\r?\n)[-+ \\])[^\n]*(?:\n|\Z))*+"
)
_PROPERTIES_OPENINGS = tuple(f"{above}Property changes on: " for above in ("", "\n", "\r\n"))


class FileExtent(NamedTuple):
    """Where the diff of one file stands."""

    start: int
    body: int
    """Behind the ``+++`` line, or behind the last header line."""
    hunks_end: int
    """Behind the last hunk; ``body`` when there is none."""
    end: int


def spans(text: str) -> list[tuple[int, int]]:
    """Where diffs stand in a text: offsets of whole lines, in order.

    Files with only blank lines between them are one diff.
    """
    found: list[tuple[int, int]] = []
    first = last = 0
    for start, _, _, end in _found(text):
        if start > last and not (last and text[last:start].isspace()):
            if last:
                found.append((first, last))
            first = start
        last = end
    return [*found, (first, last)] if last else []


def spans_above(text: str, found: list[tuple[int, int]], cut: int) -> list[tuple[int, int]]:
    """The spans of ``text[:cut]``, by those of the text, of which the cut goes through none.

    It goes behind whole lines, with or without their line end. Then only a torn-off line right
    above it is no part of a diff any more: the hunk line below it had told what it is.
    """
    start, end = found[-1] if found else (0, 0)
    last_line = text.rfind("\n", 0, max(end - 1, 0)) + 1
    if end < cut or cut == len(text) or text[last_line] in _WRAPPED:
        return found
    head = _FIRST_HUNK.match(text, text.rfind("\n@@ -", 0, end) + 1)
    counts = (line_count(head[2]), line_count(head[4])) if head else (0, 0)
    if head is None or _hunk_end(text, head.end(), *counts) != end:
        return found
    return [*found[:-1], (start, _hunk_end(text[:cut], head.end(), *counts))]


def files(text: str) -> Iterator[FileExtent]:
    """The diffs of single files, in order."""
    return map(FileExtent._make, _found(text))


def may_hold_diff(text: str) -> bool:
    """A cheap question before the dear one: in most replies no line begins like a diff."""
    return text.startswith(_OPENINGS) or any(f"\n{opening}" in text for opening in _OPENINGS)


def _found(text: str) -> Iterator[tuple[int, int, int, int]]:
    """What a ``FileExtent`` is made of, for each file."""
    if not may_hold_diff(text):
        return
    start, opening = 0, _FIRST_FILE.match(text)
    if opening is None and (opening := _FILE_BELOW.search(text)):
        start = opening.start() + 1
    while opening:
        body = hunks_end = end = opening.end()
        if opening.lastindex:
            hunks_end = end = _hunks_end(text, body)
        elif binary := _BINARY_OPENING.match(text, body):
            end = _binary_end(text, binary.end())
        if text.startswith(_PROPERTIES_OPENINGS, end):
            properties = _PROPERTIES.match(text, end)
            end = properties.end() if properties else end
        yield start, body, hunks_end, end
        if opening := _FILE_BELOW.search(text, end - 1):
            start = opening.start() + 1


def hunks(text: str, position: int) -> Iterator[tuple[re.Match[str], int]]:
    """The ``@@`` lines from ``position`` on, each with the end of its hunk.

    Their groups are the numbers of the first old and new lines and of how many, and the section.
    """
    head = _FIRST_HUNK.match(text, position)
    while head:
        end = _end_below(text, head)
        yield head, end
        head = _NEXT_HUNK.match(text, end)


def _hunks_end(text: str, position: int) -> int:
    head = _FIRST_HUNK.match(text, position)
    while head:
        position = _end_below(text, head)
        head = _NEXT_HUNK.match(text, position)
    return position


def _end_below(text: str, head: re.Match[str]) -> int:
    """Where the hunk below its ``@@`` line ends."""
    end = head.end()
    if not text.startswith("@@ ", end):  # Else it is empty.
        old, new = head.group(2, 4)
        end = _hunk_end(text, end, line_count(old), line_count(new))
    while text.startswith("\\ ", end):
        end = text.find("\n", end) + 1 or len(text)
    return end


def line_count(written: str | None) -> int:
    """How many lines a hunk says that it has; one when it does not say."""
    return 1 if written is None else int(written)


def _hunk_end(text: str, position: int, old: int, new: int) -> int:
    """Where a hunk ends that has so many old and new lines.

    The counts decide, so that ``-- `` or ``From `` inside stay inside. Two kinds of damage are
    borne: a blank context line whose leading blank was eaten, and a line torn in two. A hunk that
    breaks off before its counts are used up ends at its last line that is not blank.
    """
    if old + new > _MANY_LINES:
        position, old, new = _skipped(text, position, old, new)
    size = len(text)
    solid = position
    while (old > 0 or new > 0) and position < size:
        marker = text[position]
        if marker == " " and old and new:
            old, new = old - 1, new - 1
        elif marker == "+" and new:
            new -= 1
        elif marker == "-" and old:
            old -= 1
        elif marker in "\r\n" and old and new:
            blank, position = _blank_lines(text, position, min(old, new))
            old, new = old - blank, new - blank
            continue
        elif marker != "\\" and not _is_torn_off(text, position):
            return solid
        position = text.find("\n", position) + 1 or size
        solid = position
    return solid if old or new else position


def _skipped(text: str, start: int, old: int, new: int) -> tuple[int, int, int]:
    """What is left of a hunk behind many of its lines: where it goes on, with which counts.

    A run of lines that the hunk can hold as a whole is skipped at once; the hunk goes on behind
    it, or ends with its last line. Else ever smaller pieces of it are tried, as in a search by
    halves, until going line by line is no matter.
    """
    other = _OTHER_LINE.search(text, start - 1)
    end = limit = other.end() if other else len(text)
    while start < end:
        context = text.count("\n ", start - 1, end)
        old_left = old - context - text.count("\n-", start - 1, end)
        new_left = new - context - text.count("\n+", start - 1, end)
        last_line = text.rfind("\n", start - 1, end - 1) + 1
        is_open = old_left > 0 or new_left > 0
        if min(old_left, new_left) >= 0 and (is_open or text[last_line] in _COUNTED):
            start, old, new = end, old_left, new_left
        else:
            limit = end
        if limit - start < _MANY_CHARACTERS:
            break
        end = text.rfind("\n", start, (start + limit) // 2) + 1
    return start, old, new


def _blank_lines(text: str, position: int, limit: int) -> tuple[int, int]:
    """How many lines are blank from here on, up to a limit, and where the next one begins."""
    if text.startswith(_SEVERAL_BLANK_LINES, position) and (
        blank := _BLANK_LINES.match(text, position)
    ):
        width = 1 if text[position] == "\n" else 2
        found = min((blank.end() - position) // width, limit)
        return found, position + found * width
    return 1, text.find("\n", position) + 1 or len(text)


def _is_torn_off(text: str, position: int) -> bool:
    """Whether this can be the second half of a hunk line: the hunk goes on right below it."""
    if text[position] in _WRAPPED or text.startswith(("diff ", "Index: "), position):
        return False
    below = text.find("\n", position) + 1
    return 0 < below < len(text) and text[below] in _WRAPPED


def _binary_end(text: str, position: int) -> int:
    while block := _BINARY_BLOCK.match(text, position):
        position = block.end()
    return position
