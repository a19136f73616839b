# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diff changes: its hash, its files, its lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from patchwork.mail import extents
from patchwork.mail.extents import FileExtent

_HASHED_OTHERWISE = re.compile(
    r"\n(?:(?P<side>---|\+\+\+) (?=\S)[^\s/]*+/?+(?P<path>\S*+)[^\n]*"
    r"|(?P<hunk>@@ -\d+(?:,(?P<old>\d{1,1000}))? \+\d+(?:,(?P<new>\d{1,1000}))? @@)[^\n]*"
    r"|(?![-+ ])[^\n]*)"
)
"""The lines that are not hashed as they stand: names, heads of hunks, and what is left out."""
_HASHED_INDEX = re.compile(r"^(index [0-9a-f]{7})[0-9a-f]*\.\.([0-9a-f]{7})[0-9a-f]*")

_QUOTED = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_MODE = re.compile(r"(old|new|deleted file|new file) mode ([0-7]+)")
_MOVE = re.compile(r"(rename|copy) (from|to) (.+)")
_BINARY_NOTICE = ("GIT binary patch", "Binary file", "Cannot display: ")
_NOWHERE = "/dev/null"


class Change(StrEnum):
    """What a diff does to a file."""

    MODIFIED = "modified"
    ADDED = "added"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"


class LineKind(StrEnum):
    """What a line of a hunk is; the value is the character that it begins with."""

    CONTEXT = " "
    ADDED = "+"
    REMOVED = "-"
    NOTE = "\\"
    """``\\ No newline at end of file``, or the end of a line that a mailer tore off."""


class DiffLine(NamedTuple):
    """A line of a hunk. A tuple, because a page may need hundreds of thousands."""

    kind: LineKind
    old: int | None
    """Number in the old file; None for added lines and notes."""
    new: int | None
    text: str
    """Without the marker."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes at one place of a file."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    """What stands behind the second ``@@``: the function around it, mostly."""
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What happens to one file."""

    old_path: str | None
    """None when the file is new."""
    new_path: str | None
    """None when the file is deleted."""
    change: Change
    old_mode: str | None
    new_mode: str | None
    is_binary: bool
    header: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    @property
    def path(self) -> str:
        """The name to show: the new one if there is one."""
        return self.new_path or self.old_path or ""

    @property
    def added(self) -> int:
        return self._count(LineKind.ADDED)

    @property
    def removed(self) -> int:
        return self._count(LineKind.REMOVED)

    def _count(self, kind: LineKind) -> int:
        return sum(1 for hunk in self.hunks for line in hunk.lines if line.kind is kind)


class Stat(NamedTuple):
    added: int
    removed: int
    files: int


class _Names(NamedTuple):
    old: str | None
    new: str | None


def parse(diff: str) -> tuple[FileDiff, ...]:
    """The files of a diff with their hunks and numbered lines; empty when there is no diff."""
    return tuple(_file_diff(diff, extent) for extent in extents.files(diff))


def files(diff: str) -> tuple[str, ...]:
    """The paths that a diff touches, old and new ones, each once, in order."""
    touched: dict[str, None] = {}
    for extent in extents.files(diff):
        names = _names(diff[extent.start : extent.body].split("\n"))
        touched.update((path, None) for path in (names.old, names.new) if path is not None)
    return tuple(touched)


def stat(diff: str) -> Stat:
    """How many lines a diff adds and removes, and in how many files."""
    added = removed = count = 0
    for extent in extents.files(diff):
        count += 1
        added += diff.count("\n+", extent.body - 1, extent.hunks_end)
        removed += diff.count("\n-", extent.body - 1, extent.hunks_end)
    return Stat(added, removed, count)


def hash(diff: str) -> str | None:
    """The SHA-1 by which clients of getpatchwork look up a patch; None for an empty diff.

    Names lose their first directory and hunks their place, so that a rebased patch keeps its
    hash. There, diffs without any hunk (renames, modes, binary files) would all be alike; here
    these, and only these, hash their header lines instead.
    """
    lines = diff.replace("\r", "").strip()
    content = _HASHED_OTHERWISE.sub(_hashed_line, f"\n{lines}")
    if "\n@@" not in content:
        content = "".join(
            "\n" + _HASHED_INDEX.sub(r"\1..\2", line) for line in lines.split("\n") if line
        )
    if not content:
        return None
    hashed = f"{content[1:]}\n".encode("utf-8", "surrogatepass")
    return hashlib.sha1(hashed, usedforsecurity=False).hexdigest()


def _hashed_line(line: re.Match[str]) -> str:
    side, path, hunk, old, new = line.groups()
    if hunk:
        return f"\n@@ -{extents.line_count(old)} +{extents.line_count(new)} @@"
    return f"\n{side} {'a' if side == '---' else 'b'}/{path}" if side else ""


def _file_diff(text: str, extent: FileExtent) -> FileDiff:
    header = [line.rstrip("\r") for line in text[extent.start : extent.body].split("\n") if line]
    names = _names(header)
    modes = {match[1]: match[2] for line in header if (match := _MODE.match(line))}
    has_hunks = extent.hunks_end > extent.body
    below = text[extent.body : extent.body + 16] if not has_hunks else ""
    return FileDiff(
        old_path=names.old,
        new_path=names.new,
        change=_change(names, header),
        old_mode=modes.get("old") or modes.get("deleted file"),
        new_mode=modes.get("new") or modes.get("new file"),
        is_binary=any(line.startswith(_BINARY_NOTICE) for line in [*header, below]),
        header=tuple(header),
        hunks=tuple(_hunks(text, extent.body)) if has_hunks else (),
    )


def _change(names: _Names, header: list[str]) -> Change:
    if names.old is None:
        return Change.ADDED
    if names.new is None:
        return Change.DELETED
    for line in header:
        if move := _MOVE.match(line):
            return Change.RENAMED if move[1] == "rename" else Change.COPIED
    return Change.MODIFIED


def _hunks(text: str, position: int) -> Iterator[Hunk]:
    for head, end in extents.hunks(text, position):
        old, new = int(head[1]), int(head[3])
        yield Hunk(
            old_start=old,
            old_count=extents.line_count(head[2]),
            new_start=new,
            new_count=extents.line_count(head[4]),
            section=head[5].strip(),
            lines=tuple(_numbered(text[head.end() : end], old, new)),
        )


def _numbered(content: str, old: int, new: int) -> Iterator[DiffLine]:
    context, added, removed = LineKind.CONTEXT, LineKind.ADDED, LineKind.REMOVED
    for line in content.removesuffix("\n").split("\n") if content else ():
        marker = line[:1]
        if marker == "+":
            yield DiffLine(added, None, new, line[1:])
            new += 1
        elif marker == "-":
            yield DiffLine(removed, old, None, line[1:])
            old += 1
        elif marker == " " or not line.rstrip("\r"):
            yield DiffLine(context, old, new, line[1:])
            old, new = old + 1, new + 1
        else:
            yield DiffLine(LineKind.NOTE, None, None, line.removeprefix("\\ "))


def _names(header: list[str]) -> _Names:
    """The old and the new path, from the line that says it best."""
    moved = {move[2]: _unquoted(move[3]) for line in header if (move := _MOVE.match(line))}
    if "from" in moved and "to" in moved:
        return _Names(moved["from"], moved["to"])
    is_git = header[0].startswith("diff --git ")
    old, new = _named_by(header, "--- "), _named_by(header, "+++ ")
    if old is not None and new is not None:
        names = _without_prefixes(old, new, is_git)
    else:
        path = _named_by_opening(header[0], is_git)
        names = _Names(path, path)
    if any(line.startswith("new file mode ") for line in header):
        return _Names(None, names.new)
    if any(line.startswith("deleted file mode ") for line in header):
        return _Names(names.old, None)
    return names


def _named_by(header: list[str], marker: str) -> str | None:
    for line in reversed(header):
        if line.startswith(marker):
            return _unquoted(line[len(marker) :].partition("\t")[0])
    return None


def _without_prefixes(old: str, new: str, is_git: bool) -> _Names:
    """Take off what ``patch -p1`` takes: ``a/`` and ``b/``, or ``thing.orig/`` and ``thing/``."""
    if old == _NOWHERE:
        return _Names(None, _without_prefix(new, is_git))
    if new == _NOWHERE:
        return _Names(_without_prefix(old, is_git), None)
    old_top, _, old_rest = old.partition("/")
    new_top, _, new_rest = new.partition("/")
    if old_top != new_top and old_rest and old_rest == new_rest:
        return _Names(old_rest, new_rest)
    if _is_prefix(old_top, is_git) and _is_prefix(new_top, is_git) and old_top != new_top:
        return _Names(_without_prefix(old, is_git), _without_prefix(new, is_git))
    return _Names(old if is_git else new, new)


def _without_prefix(path: str, is_git: bool) -> str:
    top, _, rest = path.partition("/")
    return rest if rest and _is_prefix(top, is_git) else path


def _is_prefix(top: str, is_git: bool) -> bool:
    """``a`` and ``b``; git can also be told to write ``i``, ``w``, ``c`` and ``o``."""
    return top in ("a", "b") or (is_git and top in ("i", "w", "c", "o"))


def _named_by_opening(line: str, is_git: bool) -> str:
    """The path in ``diff --git a/x b/x``, ``Index: x`` or ``diff -r 1 -r 2 x``."""
    if not is_git:
        named = line.removeprefix("Index: ")
        return _unquoted(named if named != line else line.rpartition(" ")[2])
    rest = line.removeprefix("diff --git ").rstrip("\r")
    if quoted := _QUOTED_NAME.search(rest):
        return _without_prefix(_unquoted(quoted[0]), True)
    old, new = rest[: len(rest) // 2], rest[len(rest) // 2 + 1 :]
    return _without_prefixes(old, new, True).new or new


def _unquoted(written: str) -> str:
    """A path as git writes it: in quotes, with escapes, when it holds unusual characters."""
    written = written.strip("\r")
    quoted = _QUOTED_NAME.fullmatch(written)
    if quoted is None:
        return written.rstrip()
    raw = _QUOTED.sub(_unescaped, quoted[1].encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1].isdigit():
        return bytes([int(escape, 8) & 0xFF]) if escape[0] < ord("8") else escape
    return _ESCAPES.get(escape, escape)
