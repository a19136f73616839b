# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees in memory, and the diffs between them as git would write them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff

Tree = Mapping[str, str]
"""Path -> content. A tree is never changed; edits make a new one."""

_BAR = 50


@dataclass(frozen=True, slots=True)
class Edit:
    """In this file, put ``new`` where ``old`` stands."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Create:
    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Delete:
    path: str


@dataclass(frozen=True, slots=True)
class Rename:
    path: str
    to: str


Step = Edit | Create | Delete | Rename


@dataclass(frozen=True, slots=True)
class Commit:
    """A change with its message."""

    title: str
    message: str
    steps: tuple[Step, ...]
    notes: str = ""
    """What stands below ``---``: for reviewers, not for the history."""


def commit(title: str, message: str, *steps: Step, notes: str = "") -> Commit:
    return Commit(title, message.strip(), steps, notes.strip())


def apply(tree: Tree, change: Commit) -> Tree:
    """The tree after a commit. An edit whose place is not there, or there twice, is a mistake."""
    after = dict(tree)
    for step in change.steps:
        if isinstance(step, Create):
            after[step.path] = step.content
        elif isinstance(step, Delete):
            del after[step.path]
        elif isinstance(step, Rename):
            after[step.to] = after.pop(step.path)
        else:
            count = after[step.path].count(step.old)
            if count != 1:
                raise ValueError(f"{change.title}: {step.path} has {count} times {step.old!r}")
            after[step.path] = after[step.path].replace(step.old, step.new)
    return after


def apply_all(tree: Tree, changes: Sequence[Commit]) -> Tree:
    for change in changes:
        tree = apply(tree, change)
    return tree


def diff(before: Tree, after: Tree) -> str:
    """What leads from one tree to the other, for ``git apply``."""
    return "".join(
        _file_diff(old, new, before.get(old), after.get(new)) for old, new in _pairs(before, after)
    )


def diffstat(before: Tree, after: Tree) -> str:
    """Files and how much of each changed, as below the ``---`` of a patch mail."""
    rows = []
    for old, new in _pairs(before, after):
        lines = list(_changed_lines(before.get(old), after.get(new)))
        added = sum(line.startswith("+") for line in lines)
        name = new if old == new else f"{old} => {new}"
        rows.append((name, added, len(lines) - added))
    width = max(len(name) for name, _, _ in rows)
    most = max(added + removed for _, added, removed in rows)
    scale = min(1.0, _BAR / most) if most else 1.0
    graphs = (
        f" {name:<{width}} | {added + removed:>{len(str(most))}}"
        f" {'+' * round(added * scale)}{'-' * round(removed * scale)}".rstrip()
        for name, added, removed in rows
    )
    return "\n".join([*graphs, _total(rows)])


def _total(rows: Sequence[tuple[str, int, int]]) -> str:
    added = sum(added for _, added, _ in rows)
    removed = sum(removed for _, _, removed in rows)
    parts = [f" {len(rows)} file{'s' * (len(rows) > 1)} changed"]
    if added or not removed:
        parts.append(f"{added} insertion{'s' * (added != 1)}(+)")
    if removed or not added:
        parts.append(f"{removed} deletion{'s' * (removed != 1)}(-)")
    return ", ".join(parts)


def _pairs(before: Tree, after: Tree) -> list[tuple[str, str]]:
    """Old and new path of each file that differs; a file that moved as it was is a rename."""
    gone = {path: before[path] for path in sorted(before) if path not in after}
    pairs = []
    for path in sorted(after):
        if path in before:
            if before[path] != after[path]:
                pairs.append((path, path))
            continue
        origin = next((old for old, content in gone.items() if content == after[path]), path)
        gone.pop(origin, None)
        pairs.append((origin, path))
    return sorted([*pairs, *((path, path) for path in gone)], key=lambda pair: pair[1])


def _file_diff(old: str, new: str, before: str | None, after: str | None) -> str:
    head = [f"diff --git a/{old} b/{new}"]
    if before is None:
        head.append("new file mode 100644")
    elif after is None:
        head.append("deleted file mode 100644")
    elif old != new:
        head += ["similarity index 100%", f"rename from {old}", f"rename to {new}"]
    if before != after:
        mode = " 100644" if before is not None and after is not None else ""
        head.append(f"index {_blob(before)}..{_blob(after)}{mode}")
    body = unified_diff(
        (before or "").splitlines(keepends=True),
        (after or "").splitlines(keepends=True),
        "/dev/null" if before is None else f"a/{old}",
        "/dev/null" if after is None else f"b/{new}",
    )
    return "\n".join(head) + "\n" + "".join(body)


def _changed_lines(before: str | None, after: str | None) -> Iterator[str]:
    lines = unified_diff((before or "").splitlines(), (after or "").splitlines(), n=0)
    for line in lines:
        if line[0] in "+-" and not line.startswith(("+++ ", "--- ")):
            yield line


def _blob(content: str | None) -> str:
    """The short name that git has for a file's content."""
    if content is None:
        return "0" * 7
    raw = content.encode()
    return hashlib.sha1(b"blob %d\0%s" % (len(raw), raw), usedforsecurity=False).hexdigest()[:7]
