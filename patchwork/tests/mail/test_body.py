# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts taken apart: message, diff, signature, footer, pull request."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwork.mail.body import clean, pull_request, split, take_apart

PLAIN = "--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
GIT = "diff --git a/x.c b/x.c\nindex 5626abf..2b2f2e1 100644\n" + PLAIN
RENAME = "diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n"
MODE = "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"
EMPTY = "diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29\n"
LINE = "=" * 67 + "\n"
SVN = "Index: x.c\n" + LINE + PLAIN.replace("a/x.c", "x.c\t(revision 1)").replace("b/", "")
CVS = (
    "Index: x.c\n" + LINE + "RCS file: /cvs/x.c,v\nretrieving revision 1.1\ndiff -u -r1.1 x.c\n"
    "--- x.c\t1 Jan 2024 00:00:00 -0000\t1.1\n+++ x.c\t2 Jan 2024 00:00:00 -0000\n"
    "@@ -1 +1 @@\n-one\n+two\n"
)
HG = "diff -r 0123456789ab -r ba9876543210 x.c\n" + PLAIN.replace(
    "x.c\n+", "x.c\tMon Jan 01 00:00:00 2024 +0000\n+"
)
BINARY_NOTICE = (
    "diff --git a/x b/x\nindex 1234567..89abcde 100644\nBinary files a/x and b/x differ\n"
)
BINARY = (
    "diff --git a/x b/x\nindex 6a69ff6..c01d4d3 100644\nGIT binary patch\n"
    "literal 4\nLcmZQzWMT#Y01f~L\n\nliteral 3\nKcmZQzWMX0f5C8xG0RR91\n\n"
)
NO_NEWLINE = (
    "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n"
    "+two\n\\ No newline at end of file\n"
)
PROPERTIES = (
    SVN + "\nProperty changes on: x.c\n" + "_" * 67 + "\nAdded: svn:executable\n"
    "## -0,0 +1 ##\n+*\n\\ No newline at end of property\n"
)
DIFFS = {
    "plain": PLAIN,
    "git": GIT,
    "renamed only": RENAME,
    "mode only": MODE,
    "empty file": EMPTY,
    "svn": SVN,
    "svn with properties": PROPERTIES,
    "svn, empty file": "Index: empty\n" + LINE,
    "cvs": CVS,
    "mercurial": HG,
    "binary notice": BINARY_NOTICE,
    "binary": BINARY,
    "no newline at the end": NO_NEWLINE,
    "with windows line ends": GIT.replace("\n", "\r\n"),
    "signature mark and From line inside": (
        "--- a/x\n+++ b/x\n@@ -1,4 +1,3 @@\n one\n-- \n---\n two\n+From here on\n"
    ),
    "underscores inside": "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n " + "_" * 50 + "\n-a\n+b\n",
    "blank context line that lost its blank": (
        "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n one\n\n-two\n+three\n\n"
    ),
    "line torn in two": "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n one\n+two that is\nlong\n three\n",
    "blank lines between files": GIT + "\n" + RENAME + "\n\n" + MODE,
}


@pytest.mark.parametrize("diff", DIFFS.values(), ids=DIFFS)
def test_a_diff_is_found_whole(diff: str) -> None:
    assert split(diff) == ("", diff)
    assert split(f"One line.\n\nMore.\n---\n x.c | 2 +-\n\n{diff}") == (
        "One line.\n\nMore.\n---\n x.c | 2 +-",
        diff,
    )


@pytest.mark.parametrize("diff", DIFFS.values(), ids=DIFFS)
def test_cleaning_never_eats_a_diff(diff: str) -> None:
    assert clean(diff) == diff
    assert clean(f"One line.\n\n{diff}-- \n2.39.5\n") == f"One line.\n\n{diff}"
    assert clean(f"One line.\n-- \nMe\n\n{diff}") == f"One line.\n\n{diff}"
    footer = "_" * 47 + "\nlist mailing list\nlist@example.org\n"
    assert clean(f"One line.\n{diff}\n{footer}") == f"One line.\n{diff}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just a text.",
        "> " + GIT.replace("\n", "\n> "),
        "--- \nA divider.\n",
        "--- a/x.c\nno second name\n@@ -1 +1 @@\n",
        "--- a/x.c\n+++ b/x.c\nno hunk\n",
        "diff --git a/x b/x\nno header below\n",
        "diff between the two is small\n--- \n",
        "Index: a word\n=====\n",
        "@@ -1,2 +1,2 @@\n one\n-two\n+three\n",
        "    " + GIT.replace("\n", "\n    "),
    ],
)
def test_what_only_looks_like_a_diff_is_text(text: str) -> None:
    assert split(text)[1] is None


def test_text_below_a_diff_becomes_notes() -> None:
    assert split(f"Message.\n\n{GIT}\nP.S.\n") == ("Message.\n---\nP.S.", GIT)
    assert split(f"Message.\n---\nNote.\n\n{GIT}\nP.S.\n")[0] == "Message.\n---\nNote.\n\nP.S."
    assert split(f"{GIT}\nBelow.\n") == ("Below.", GIT)


def test_diffs_with_text_between_them_are_one() -> None:
    assert split(f"First\n{GIT}Then\n{RENAME}Last") == ("First\n---\nThen\n\nLast", GIT + RENAME)


def test_a_mercurial_header_is_part_of_the_message() -> None:
    head = "# HG changeset patch\n# User A <a@example.org>\n# Date 0 0\nFix it"
    assert split(f"{head}\n\n{HG}") == (head, HG)


def test_a_hunk_that_breaks_off_leaves_the_text_below_alone() -> None:
    text = "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n one\n+two\n\nWhy two?\nI would take three.\n"
    assert split(text) == ("Why two?\nI would take three.", text.partition("\n\nWhy")[0] + "\n")


def test_a_last_line_without_line_end_gets_one() -> None:
    assert split(GIT.rstrip("\n")) == ("", GIT)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Hello.\n-- \nMe\n", "Hello."),
        ("Hello.\n-- \r\nMe\r\n", "Hello."),
        ("-- \nMe\n", ""),
        ("\n\n  Indented.\n\n", "  Indented."),
        ("Hello.\n--\n2.39.5\n", "Hello."),
        ("Hello.\n--\nA list:\n", "Hello.\n--\nA list:"),
        ("Hello.\n___\nx\n", "Hello.\n___\nx"),
        ("Hello.\n" + "_" * 47 + "\nlist mailing list\nlist@example.org\n", "Hello."),
        ("Hello.\n-- \nMe\n\n" + "_" * 47 + "\nlist mailing list\n", "Hello."),
        (
            "Hello.\n-- \nMe\n-- \nYou received this message because you are subscribed to the "
            'Google Groups "x" group.\nTo unsubscribe from this group, send a mail.\n',
            "Hello.",
        ),
        ("Hello.\n--\nTo unsubscribe from this list: send the line", "Hello."),
        ("Hello.\n-=-=-=-=-=-=-=-=-=-=-=-\nGroups.io Links: https://x", "Hello."),
        ("Hello.\n" + "_" * 47 + "\nA heading and\nnothing else\n", None),
        ("Hello.\n" + "_" * 47 + "\n" + "https://x\n" * 30, None),
    ],
)
def test_signatures_and_footers_are_cut(text: str, cleaned: str | None) -> None:
    assert clean(text) == (text.rstrip() if cleaned is None else cleaned)


def test_what_follows_a_signature_above_a_diff_stays() -> None:
    mails = f"First\n\n{GIT}-- \n2.39.5\n\nSecond\n\n{RENAME}-- \n2.39.5\n"
    assert clean(mails) == f"First\n\n{GIT}\n\nSecond\n\n{RENAME}"


def test_a_signature_mark_in_a_commit_message_stays() -> None:
    text = f"Message\n-- \nmore of it\n---\n x.c | 2 +-\n\n{GIT}"
    assert clean(text) == text


REQUEST = """\
Hi,

The following changes since commit 0123456789abcdef0123456789abcdef01234567:

  Merge things (2024-01-01 00:00:00 +0000)

are available in the {word} repository at:

  {place}

for you to fetch changes up to 89abcdef0123456789abcdef0123456789abcdef:

  Add a thing (2024-01-02 00:00:00 +0000)
"""


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("https://example.org/x.git tags/v1", "https://example.org/x.git tags/v1"),
        ("git://example.org/x.git for-linus", "git://example.org/x.git for-linus"),
        ("ssh://git@example.org/x.git main", "ssh://git@example.org/x.git main"),
        ("git@example.org:x.git main", "git@example.org:x.git main"),
        ("https://example.org/a-very-long-one.git\n  tags/v1", None),
        ("https://example.org/x.git", "https://example.org/x.git"),
        (
            "https://example.org/x.git refs/heads/main\r",
            "https://example.org/x.git refs/heads/main",
        ),
    ],
)
def test_a_pull_request_says_where_to_pull_from(place: str, found: str | None) -> None:
    for word in ("Git", "git"):
        request = REQUEST.format(word=word, place=place)
        assert pull_request(request) == (found or " ".join(place.split()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Please pull https://example.org/x.git main",
        "> " + REQUEST.format(word="Git", place="https://example.org/x.git").replace("\n", "\n> "),
        REQUEST.format(word="Git", place="file:///etc/passwd main"),
        REQUEST.format(word="Git", place="my laptop"),
        REQUEST.partition("  {place}")[0].format(word="Git"),
    ],
)
def test_other_texts_are_no_pull_request(text: str) -> None:
    assert pull_request(text) is None


pieces = st.sampled_from(
    [
        *DIFFS.values(),
        "Text.\n",
        "\n",
        "-- \n",
        "---\n",
        "@@ -1,3 +1,3 @@\n",
        "--- a\n+++ b\n",
        "diff --git a/x b/x\n",
        "Index: x\n",
        "+added\n",
        " context\n",
        "From me\n",
        "_" * 40 + "\n",
    ]
)
texts = st.lists(pieces | st.text(), max_size=12).map("".join)


def solid_lines(text: str) -> list[str]:
    """Lines with something in them; ``---`` may be added between message and notes."""
    return sorted(line.strip() for line in text.split("\n") if line.strip() not in ("", "---"))


@given(texts)
@settings(deadline=None)
def test_splitting_loses_no_line(text: str) -> None:
    message, diff = split(text)
    assert solid_lines(message + "\n" + (diff or "")) == solid_lines(text)


@given(texts)
@settings(deadline=None)
def test_cleaning_changes_no_diff(text: str) -> None:
    _, before = split(text)
    cleaned = clean(text)
    _, after = split(cleaned)
    assert (before or "").replace("\n", "") in (after or "").replace("\n", "")
    assert len(cleaned) <= len(text) + 1
    pull_request(text)


torn = st.sampled_from(
    [
        "@@ -1,9 +1,9 @@\n",
        "@@ -0,0 +1,20 @@\n",
        "@@ -1,3 +1,99 @@\n",
        " context\n" * 12,
        "torn\n",
        "torn\n+added\n" * 5,
        "\\ No newline\n",
        "\n\n\n\n\n",
        "-- \nMe\n",
        "Index: x\n" + "=" * 60 + "  \n",
        "literal 3\n",
        "LcmZQz \n",
    ]
)


@given(st.lists(pieces | torn | st.text(), max_size=14).map("".join), st.booleans())
@settings(deadline=None)
def test_taking_apart_is_cleaning_and_splitting(text: str, has_hunk: bool) -> None:
    text = f"{GIT.partition(' one')[0]}{text}" if has_hunk else text
    cleaned = clean(text)
    assert take_apart(text) == (cleaned, *split(cleaned))


def test_a_torn_off_line_above_a_signature_is_no_part_of_the_diff() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1,3 @@\n-one\n+two that is\n"
    assert take_apart(f"{diff}long\n-- \nMe\n")[1:] == ("long", diff)
    longer = f"{diff}long\n+three\n"
    assert take_apart(f"{longer}-- \nMe\n")[1:] == ("", longer)
