# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diff is: where one stands in a text, and what it changes.

The grammar covers what git, svn, cvs, mercurial, quilt and plain ``diff -u`` write. It is read by
line starts and by the line counts of the hunks, never by patterns over several lines that could
run back, so any text costs time in proportion to its length and none raises.
"""

from __future__ import annotations

import re

_OPENING_WORDS = ("diff ", "Index: ", "--- ")
_OPENING = re.compile(r"\n(?=diff |Index: |--- )")
_INDEX = re.compile(r"Index: [^\n]*\n={60,}\r?(?:\n|\Z)")
_DIFF = re.compile(r"diff -[^\n]*(?:\n|\Z)")
_EXTENDED = re.compile(
    r"(?:index [0-9a-f]"
    r"|(?:old|new|deleted file|new file) mode [0-7]"
    r"|(?:dis)?similarity index \d"
    r"|(?:rename|copy) (?:from|to) "
    r"|RCS file: |retrieving revision |=====|diff -"
    r"|Binary files [^\n]* differ"
    r"|Binary file [^\n]* has changed"
    r"|Cannot display: file marked as a binary type|svn:mime-type = "
    r")[^\n]*(?:\n|\Z)"
)
_NAMES = re.compile(r"---[ \t][^\n]*\n\+\+\+[ \t][^\n]*(?:\n|\Z)")
_HUNK = re.compile(
    r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@([^\n]*)(?:\n|\Z)", re.ASCII
)
_BLANKS_BEFORE_HUNK = re.compile(r"(?:[ \t\r]*+\n){0,3}+(?=@@ -\d)")
_NO_NEWLINE = re.compile(r"\\ [^\n]*(?:\n|\Z)")
_BINARY = re.compile(r"GIT binary patch\r?\n")
_BINARY_BLOCK = re.compile(
    r"(?:literal|delta) \d+\r?\n(?:[A-Za-z][-0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~]{5,}+\r?(?:\n|\Z))*+"
    r"(?:\r?\n)?"
)
_PROPERTIES = re.compile(
    r"(?:\r?\n)?Property changes on: [^\n]*\n_{60,}\r?(?:\n|\Z)"
    r"(?:(?:(?:Added|Modified|Deleted|Reverted|Name): |## |(?!-- ?\r?\n)[-+ \\])[^\n]*(?:\n|\Z))*+"
)
_WRAPPED = " +-\\@"
"""How a line begins that can follow the torn-off end of a line which a mailer wrapped."""


def spans(text: str) -> list[tuple[int, int]]:
    """Where diffs stand in a text: offsets of whole lines, in order.

    Files with only blank lines between them are one diff.
    """
    found: list[tuple[int, int]] = []
    position = _opening(text, 0)
    while position is not None:
        end = _file_end(text, position)
        if end is None:
            position = _opening(text, position + 1)
            continue
        if found and not text[found[-1][1] : position].strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((position, end))
        position = _opening(text, end)
    return found


def _opening(text: str, position: int) -> int | None:
    """The next line from here on that may begin a diff."""
    at_line_start = position == 0 or text[position - 1] == "\n"
    if at_line_start and text.startswith(_OPENING_WORDS, position):
        return position
    match = _OPENING.search(text, position)
    return match.end() if match else None


def _file_end(text: str, start: int) -> int | None:
    """Where the diff of one file ends, or None when the line at ``start`` does not begin one."""
    position, is_diff = _header_end(text, start)
    if names := _NAMES.match(text, position):
        after = _hunks_end(text, names.end())
        if is_diff or after > names.end():
            position, is_diff = after, True
    elif binary := _BINARY.match(text, position):
        position, is_diff = _binary_end(text, binary.end()), True
    if not is_diff:
        return None
    if properties := _PROPERTIES.match(text, position):
        position = properties.end()
    return position


def _header_end(text: str, start: int) -> tuple[int, bool]:
    """The end of what stands above ``---``, and whether that alone already makes a diff."""
    if index := _INDEX.match(text, start):
        position, is_diff = index.end(), True
    elif command := _DIFF.match(text, start):
        position, is_diff = command.end(), False
    else:
        return start, False
    may_hold_command = is_diff
    while line := _EXTENDED.match(text, position):
        if text.startswith("diff -", position):
            if not may_hold_command:
                break
            may_hold_command = False
        position, is_diff = line.end(), True
    return position, is_diff


def _hunks_end(text: str, position: int) -> int:
    while hunk := _HUNK.match(text, position):
        position = hunk_end(text, hunk.end(), _count(hunk[2]), _count(hunk[4]))
        while note := _NO_NEWLINE.match(text, position):
            position = note.end()
        if blanks := _BLANKS_BEFORE_HUNK.match(text, position):
            position = blanks.end()
    return position


def _count(written: str | None) -> int:
    return 1 if written is None else int(written)


def hunk_end(text: str, position: int, old: int, new: int) -> int:
    """Where a hunk ends that has so many old and new lines.

    The counts decide, so that ``-- `` or ``From `` inside stay inside. Two kinds of damage are
    borne: a blank context line whose leading blank was eaten, and a line torn in two. A hunk
    that breaks off before its counts are used up ends at its last line that is not blank.
    """
    solid = position
    size = len(text)
    while (old > 0 or new > 0) and position < size:
        marker = text[position]
        if marker == " " and old and new:
            old, new = old - 1, new - 1
        elif marker == "+" and new:
            new -= 1
        elif marker == "-" and old:
            old -= 1
        elif marker in "\r\n" and old and new:
            old, new = old - 1, new - 1
            position = text.find("\n", position) + 1 or size
            continue
        elif marker != "\\" and not _is_torn_off(text, position):
            return solid
        position = text.find("\n", position) + 1 or size
        solid = position
    return position if not (old or new) else solid


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
