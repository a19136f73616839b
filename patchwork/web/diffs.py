# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffs as HTML: which files a page shows at once, and how their lines look.

A template would take ten times as long for the lines of a large file, so they are written here;
every text that comes from a mail goes through ``escape``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from patchwork.mail import diff as diffs
from patchwork.mail.diff import Change, DiffLine, FileDiff, LineKind
from patchwork.web.texts import visible

SHOWN_AT_ONCE = 5_000
"""Lines of a diff that a page shows without being asked."""
SHOWN_AT_ALL = 50_000
"""Lines that one page ever shows; the rest is in the raw patch."""
LISTED_FILES = 1_000
LINE_LIMIT = 2_000
"""Characters of one line: generated files hold lines of megabytes."""

ALL = "all"

_ROWS = {LineKind.ADDED: "add", LineKind.REMOVED: "del", LineKind.CONTEXT: "ctx"}


@dataclass(frozen=True, slots=True)
class FileBlock:
    """One file of a diff on a page."""

    anchor: str
    number: int
    path: str
    note: str
    """What happens to the file beyond its lines, in words."""
    added: int
    removed: int
    is_shown: bool
    body: SafeString
    """The lines as table rows; empty when they are not shown or there are none."""
    is_cut: bool


@dataclass(frozen=True, slots=True)
class DiffView:
    """A diff on a page."""

    files: tuple[FileBlock, ...]
    unlisted: int
    """Files beyond those that a page names."""
    added: int
    removed: int
    lines: int
    is_partial: bool
    """Some files are only named."""
    can_show_all: bool


def view(diff: str, asked: str = "", asked_file: str = "") -> DiffView:
    """What to show of a diff: all of it when it is short, else what is asked for.

    ``asked`` is "all" to see everything; ``asked_file`` is the number of a file to see.
    """
    files = diffs.parse(diff)
    sizes = [_size(file) for file in files]
    shown = _choose(sizes, asked, asked_file)
    blocks = tuple(
        _block(number, file, shown.get(number))
        for number, file in enumerate(files[:LISTED_FILES], start=1)
    )
    return DiffView(
        files=blocks,
        unlisted=max(0, len(files) - LISTED_FILES),
        added=sum(file.added for file in files),
        removed=sum(file.removed for file in files),
        lines=sum(sizes),
        is_partial=any(not block.is_shown for block in blocks),
        can_show_all=SHOWN_AT_ONCE < sum(sizes) <= SHOWN_AT_ALL,
    )


def _size(file: FileDiff) -> int:
    return 1 + sum(1 + len(hunk.lines) for hunk in file.hunks)


def _choose(sizes: list[int], asked: str, asked_file: str) -> dict[int, int]:
    """Number of a file -> how many of its lines may be shown."""
    if sum(sizes) <= (SHOWN_AT_ALL if asked == ALL else SHOWN_AT_ONCE):
        return dict(enumerate(sizes, start=1))
    if asked_file.isascii() and asked_file.isdigit() and len(asked_file) < 10:
        return {int(asked_file): SHOWN_AT_ALL}
    return {}


def _block(number: int, file: FileDiff, allowed: int | None) -> FileBlock:
    return FileBlock(
        anchor=f"f{number}",
        number=number,
        path=visible(file.path) or "(no name)",
        note=_note(file),
        added=file.added,
        removed=file.removed,
        is_shown=allowed is not None,
        body=_rows(file, allowed) if allowed else mark_safe(""),
        is_cut=allowed is not None and _size(file) > allowed,
    )


def _note(file: FileDiff) -> str:
    """``new file, mode 100755``: what the lines do not tell."""
    said: list[str] = []
    if file.change is Change.ADDED:
        said.append("new file")
    elif file.change is Change.DELETED:
        said.append("deleted")
    elif file.change in (Change.RENAMED, Change.COPIED):
        said.append(f"{file.change.value} from {file.old_path}")
    if file.old_mode and file.new_mode and file.old_mode != file.new_mode:
        said.append(f"mode {file.old_mode} → {file.new_mode}")
    elif file.change is Change.ADDED and file.new_mode not in (None, "100644"):
        said.append(f"mode {file.new_mode}")
    if file.is_binary:
        said.append("binary")
    return ", ".join(said)


def _rows(file: FileDiff, allowed: int) -> SafeString:
    """The first lines of a file as rows of a table; every text in them is escaped."""
    rows: list[str] = []
    for row in _each_row(file):
        if len(rows) >= allowed:
            break
        rows.append(row)
    return mark_safe("".join(rows))  # noqa: S308 (each row escapes what it holds)


def _each_row(file: FileDiff) -> Iterator[str]:
    for hunk in file.hunks:
        place = (
            f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
            f" {hunk.section[:LINE_LIMIT]}"
        )
        yield f'<tr class="hunk"><td></td><td></td><td>{escape(visible(place))}</td></tr>'
        for line in hunk.lines:
            yield _row(line)


def _row(line: DiffLine) -> str:
    kind, old, new, text = line
    if kind is LineKind.NOTE:
        return f'<tr class="note"><td></td><td></td><td>\\ {escape(_cut(text))}</td></tr>'
    return (
        f'<tr class="{_ROWS[kind]}"><td data-n="{old or ""}"></td><td data-n="{new or ""}"></td>'
        f"<td>{kind.value}{escape(_cut(text))}</td></tr>"
    )


def _cut(text: str) -> str:
    text = visible(text.rstrip("\r"))
    if len(text) <= LINE_LIMIT:
        return text
    return f"{text[:LINE_LIMIT]} … {len(text) - LINE_LIMIT:,} more characters"
