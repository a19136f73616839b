# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffs: their hash, their files, their lines. unidiff is the second opinion."""

from __future__ import annotations

import hashlib
import lzma
import mailbox
import re
import shutil
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from patchwork.mail import body, diff
from patchwork.mail.diff import Change, DiffLine, LineKind, Stat
from patchwork.tests.mail.test_body import (
    BINARY,
    DIFFS,
    EMPTY,
    GIT,
    MODE,
    NO_NEWLINE,
    PLAIN,
    RENAME,
)

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "corpus-500.mbox.xz"


def getpatchwork_hash(text: str) -> str:
    """The rule of the getpatchwork servers in the plainest words."""
    hashed = hashlib.sha1(usedforsecurity=False)
    for line in (text.replace("\r", "").strip() + "\n").split("\n"):
        if name := re.match(r"(---|\+\+\+) (\S+)", line):
            rest = "/".join(name[2].split("/")[1:])
            kept = f"{name[1]} {'a' if name[1] == '---' else 'b'}/{rest}"
        elif hunk := re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            kept = f"@@ -{int(hunk[1] or 1)} +{int(hunk[2] or 1)} @@"
        elif line[:1] in ("-", "+", " "):
            kept = line
        else:
            continue
        hashed.update(f"{kept}\n".encode())
    return hashed.hexdigest()


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (PLAIN, "--- a/x.c\n+++ b/x.c\n@@ -2 +2 @@\n one\n-two\n+three\n"),
        (GIT, "--- a/x.c\n+++ b/x.c\n@@ -2 +2 @@\n one\n-two\n+three\n"),
        (NO_NEWLINE, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n"),
        (
            "--- x.orig/y/z\t2024\n+++ /dev/null\n@@ -7,1 +6,0 @@ main()\n---- x y\n",
            "--- a/y/z\n+++ b/dev/null\n@@ -1 +0 @@\n---- x y\n",
        ),
        (GIT + RENAME, "--- a/x.c\n+++ b/x.c\n@@ -2 +2 @@\n one\n-two\n+three\n"),
    ],
)
def test_the_hash_covers_what_a_rebase_leaves_alone(text: str, content: str) -> None:
    expected = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    assert diff.hash(text) == expected == getpatchwork_hash(text)
    assert diff.hash("\n\n" + text.replace("\n", "\r\n") + "\n") == expected


def test_a_rebased_patch_keeps_its_hash_and_a_changed_one_does_not() -> None:
    rebased = GIT.replace("@@ -1,2 +1,2 @@", "@@ -71,2 +71,2 @@ main()").replace(
        "5626abf", "1234567"
    )
    assert diff.hash(rebased) == diff.hash(GIT)
    assert diff.hash(GIT.replace("three", "four")) != diff.hash(GIT)


def test_diffs_without_hunks_have_hashes_of_their_own() -> None:
    """The one deviation: by the old rule these are all alike."""
    bare = [RENAME, RENAME.replace("new", "newer"), MODE, EMPTY, BINARY]
    assert len({diff.hash(text) for text in bare}) == len(bare)
    longer = EMPTY.replace("e69de29", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    assert diff.hash(longer) == diff.hash(EMPTY)


@pytest.mark.parametrize("text", ["", "\n \r\n"])
def test_nothing_has_no_hash(text: str) -> None:
    assert diff.hash(text) is None


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (PLAIN, ("x.c",)),
        (RENAME, ("old", "new")),
        (MODE, ("run",)),
        (EMPTY, ("empty",)),
        (BINARY, ("x",)),
        (DIFFS["svn"], ("x.c",)),
        (DIFFS["svn, empty file"], ("empty",)),
        (DIFFS["cvs"], ("x.c",)),
        (DIFFS["mercurial"], ("x.c",)),
        (GIT + RENAME + GIT, ("x.c", "old", "new")),
        (GIT.replace("\n", "\r\n"), ("x.c",)),
        (MODE.replace("run", "two words.txt"), ("two words.txt",)),
        (
            MODE.replace("a/run b/run", '"a/\\303\\244 \\"\\t\\\\" "b/\\303\\244 \\"\\t\\\\"'),
            ('ä "\t\\',),
        ),
        (PLAIN.replace("a/x.c", '"a/\\303\\244"').replace("b/x.c", '"b/\\303\\244"'), ("ä",)),
        (RENAME.replace("from old", 'from "\\377 \\000x"'), ("\ufffd \ufffdx", "new")),
        (PLAIN.replace("a/x.c", "/dev/null"), ("x.c",)),
        (PLAIN.replace("b/x.c", "/dev/null"), ("x.c",)),
        (PLAIN.replace("a/", "thing.orig/").replace("b/", "thing/"), ("x.c",)),
        (PLAIN.replace("a/", "").replace("b/", ""), ("x.c",)),
        (GIT.replace("a/", "i/").replace("b/", "w/"), ("x.c",)),
        (MODE.replace("a/run b/run", "run run"), ("run",)),
        ("no diff", ()),
    ],
)
def test_the_paths_of_a_diff(text: str, paths: tuple[str, ...]) -> None:
    assert diff.files(text) == paths


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        (GIT, Stat(1, 1, 1)),
        (GIT + "\n" + RENAME + GIT, Stat(2, 2, 3)),
        (NO_NEWLINE, Stat(1, 1, 1)),
        (DIFFS["signature mark and From line inside"], Stat(1, 2, 1)),
        (DIFFS["svn with properties"], Stat(1, 1, 1)),
        (BINARY, Stat(0, 0, 1)),
        ("", Stat(0, 0, 0)),
    ],
)
def test_lines_are_counted(text: str, stat: Stat) -> None:
    assert diff.stat(text) == stat
    assert stat[:2] == (
        sum(file.added for file in diff.parse(text)),
        sum(file.removed for file in diff.parse(text)),
    )


def test_lines_have_the_numbers_of_both_files() -> None:
    (file,) = diff.parse(
        "--- a/x\n+++ b/x\n@@ -3,3 +4,4 @@ def f():\n a\n-b\n+c\n+d\n\n\\ No newline\n"
    )
    (hunk,) = file.hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (3, 3, 4, 4)
    assert hunk.section == "def f():"
    assert hunk.lines == (
        DiffLine(LineKind.CONTEXT, 3, 4, "a"),
        DiffLine(LineKind.REMOVED, 4, None, "b"),
        DiffLine(LineKind.ADDED, None, 5, "c"),
        DiffLine(LineKind.ADDED, None, 6, "d"),
        DiffLine(LineKind.CONTEXT, 5, 7, ""),
        DiffLine(LineKind.NOTE, None, None, "No newline"),
    )


@pytest.mark.parametrize(
    ("text", "change", "modes", "is_binary"),
    [
        (GIT, Change.MODIFIED, (None, None), False),
        (RENAME, Change.RENAMED, (None, None), False),
        (RENAME.replace("rename", "copy"), Change.COPIED, (None, None), False),
        (MODE, Change.MODIFIED, ("100644", "100755"), False),
        (EMPTY, Change.ADDED, (None, "100644"), False),
        (EMPTY.replace("new file", "deleted file"), Change.DELETED, ("100644", None), False),
        (PLAIN.replace("a/x.c", "/dev/null"), Change.ADDED, (None, None), False),
        (PLAIN.replace("b/x.c", "/dev/null"), Change.DELETED, (None, None), False),
        (BINARY, Change.MODIFIED, (None, None), True),
        (DIFFS["binary notice"], Change.MODIFIED, (None, None), True),
    ],
)
def test_what_happens_to_a_file(
    text: str, change: Change, modes: tuple[str | None, str | None], is_binary: bool
) -> None:
    (file,) = diff.parse(text)
    assert (file.change, (file.old_mode, file.new_mode), file.is_binary) == (
        change,
        modes,
        is_binary,
    )
    assert file.path in diff.files(text)


def assert_unidiff_agrees(text: str) -> None:
    """unidiff drops the blank of an eaten blank line and keeps ``\\r``: so do we."""
    theirs = PatchSet(text)
    ours = diff.parse(text)
    assert [file.path for file in ours] == [file.path for file in theirs]
    assert diff.stat(text)[:2] == (theirs.added, theirs.removed)
    for our_file, their_file in zip(ours, theirs, strict=True):
        our_lines = [
            (line.kind.value, line.old, line.new, line.text)
            for hunk in our_file.hunks
            for line in hunk.lines
            if line.kind is not LineKind.NOTE
        ]
        their_lines = [
            (line.line_type, line.source_line_no, line.target_line_no, line.value.rstrip("\n"))
            for hunk in their_file
            for line in hunk
            if line.line_type != "\\"
        ]
        assert our_lines == their_lines


@pytest.mark.parametrize("text", [GIT, PLAIN, GIT + GIT.replace("x.c", "y.c"), NO_NEWLINE])
def test_a_second_opinion_on_small_diffs(text: str) -> None:
    assert_unidiff_agrees(text)


def plain_text(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


@pytest.mark.skipif(not CORPUS.exists(), reason="needs the corpus beside the checkout")
def test_a_second_opinion_on_a_whole_list(tmp_path: Path) -> None:
    """Every patch of a real history is found whole; no cover letter or reply holds a diff."""
    with lzma.open(CORPUS) as packed, (tmp_path / "list.mbox").open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    patches = 0
    for mail in mailbox.mbox(tmp_path / "list.mbox"):
        subject = str(mail["Subject"])
        message, found = body.split(body.clean(plain_text(mail)))
        is_patch = subject.startswith("[") and not re.search(r"\b0+/", subject)
        assert (found is not None) == is_patch, subject
        if found is not None:
            patches += 1
            assert "\n-- \n" not in message
            assert_unidiff_agrees(found)
            if any(file.hunks for file in diff.parse(found)):
                assert diff.hash(found) == getpatchwork_hash(found)
    assert patches > 400


fragments = st.sampled_from(
    [
        *DIFFS.values(),
        *GIT.splitlines(keepends=True),
        *RENAME.splitlines(keepends=True),
        *DIFFS["svn with properties"].splitlines(keepends=True),
        "@@ -99999999999999999999,1 +1 @@\n",
        "@@ -1,999999999 +1,999999999 @@\n",
        '--- "a/\\9\\777\\x"\n',
        "+++ \n",
        "rename from \n",
        "diff --git \n",
        "GIT binary patch\n",
        "\n",
    ]
)


@given(st.lists(fragments | st.text(), max_size=15).map("".join))
@settings(deadline=None)
def test_no_text_raises(text: str) -> None:
    files = diff.parse(text)
    assert diff.stat(text).files == len(files)
    assert {file.path for file in files} <= {*diff.files(text), ""}
    assert (diff.hash(text) is None) == (not text.replace("\r", "").strip())
    if any(file.hunks for file in files):
        assert diff.hash(text) == getpatchwork_hash(text)
