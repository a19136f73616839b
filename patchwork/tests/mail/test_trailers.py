# SPDX-License-Identifier: GPL-2.0-or-later
"""Trailer lines, as authors and reviewers write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwork.mail.facts import Trailer
from patchwork.mail.trailers import count, is_block, parse

DIFF = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n one\n+Acked-by: A line of the program <a@example.org>\n"


@pytest.mark.parametrize(
    ("text", "trailers"),
    [
        ("", []),
        ("Signed-off-by: A <a@example.org>", [("Signed-off-by", "A <a@example.org>")]),
        ("acked-by: A", [("acked-by", "A")]),
        ("Reviewed-by : A", [("Reviewed-by", "A")]),
        ("Looks good.\nReviewed-by: A\nbut see below", [("Reviewed-by", "A")]),
        ("Acked-by: A\r\n", [("Acked-by", "A")]),
        ("> Acked-by: A", []),
        ("  Acked-by: A", []),
        ("Acked-by:", []),
        ("Acked-by A", []),
        ("It stands by: nothing", []),
        (
            'Fixes: 0123 ("a\n b")\nAcked-by: A',
            [("Fixes", '0123 ("a b")'), ("Acked-by", "A")],
        ),
        (
            "Reviewed-by: A\n <a@example.org>\n  an indented remark",
            [("Reviewed-by", "A <a@example.org>")],
        ),
        ("Link: https://example.org/1", [("Link", "https://example.org/1")]),
        ("Some text.\nLink: https://example.org/1\nMore text.", []),
        ("Note: this is a text.", []),
        ("Note: x\nAcked-by: A", [("Note", "x"), ("Acked-by", "A")]),
        ("https://example.org/x\nAcked-by: A", [("Acked-by", "A")]),
        ("Acked-by: A\nAcked-by: A\nacked-by: A", [("Acked-by", "A")]),
        ("Acked-by: A\n---\nCc: B", [("Acked-by", "A"), ("Cc", "B")]),
        ("From: A\nCc: B", []),
        ("Acked-by: A\n[b: rebased]\nCc: B", [("Acked-by", "A"), ("Cc", "B")]),
        ("Change-Id: I1\nDepends-on: <x@y>\nMessage-Id: <z@y>", None),
        (f"Acked-by: A\n\n{DIFF}\nTested-by: B", [("Acked-by", "A"), ("Tested-by", "B")]),
    ],
)
def test_trailers_are_found(text: str, trailers: list[tuple[str, str]] | None) -> None:
    if trailers is None:
        trailers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in text.split("\n")]
    assert parse(text) == tuple(Trailer(*trailer) for trailer in trailers)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Signed-off-by: A"], True),
        (["Fixes: 1", "Signed-off-by: A", "[b: rebased]"], True),
        (["(cherry picked from commit 1)", "Signed-off-by: A"], True),
        (["A sentence.", "Signed-off-by: A"], True),
        (["A sentence.", "Acked-by: A"], False),
        (["One", "two", "three", "four", "Signed-off-by: A"], False),
        (["From: A", "Cc: B"], False),
        (["Note: well"], False),
        ([], False),
    ],
)
def test_a_block_is_what_git_takes_for_one(lines: list[str], expected: bool) -> None:
    assert is_block(lines) is expected


def test_tags_are_counted_by_their_patterns() -> None:
    trailers = parse("Acked-by: A\nAcked-by: B\nReviewed-by: A\nFixes: 1")
    tags = {
        "Acked-by": re.compile(r"^Acked-by:", re.IGNORECASE),
        "Tested-by": re.compile(r"^Tested-by:"),
        "Reviewed-by": re.compile(r"^Reviewed-by: A"),
    }
    assert count(trailers, tags) == {"Acked-by": 2, "Tested-by": 0, "Reviewed-by": 1}


def test_there_is_an_end_to_trailers_and_their_values() -> None:
    assert len(parse("".join(f"Acked-by: {number}\n" for number in range(5_000)))) == 1_000
    assert len(parse("Acked-by: " + "a\n " * 5_000)[0].value) <= 1_000


words = st.sampled_from(
    ["Acked-by: A", "Fixes: 1", "Note: x", " more", "\n", "\n\n", "> ", "---\n", "text", DIFF, ":"]
)


@given(st.lists(words | st.text(), max_size=12).map("".join))
@settings(deadline=None)
def test_no_text_raises_and_every_trailer_stands_in_it(text: str) -> None:
    for trailer in parse(text):
        assert trailer.token in text
        assert trailer.value
        assert trailer.value.split()[0] in text
