# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments in reading order, whatever their mails claim to answer."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from patchwork.web.threads import DEEPEST, read_through


def comment(name: str, answers: str = "patch"):
    return SimpleNamespace(pk=name, mail=SimpleNamespace(msgid=name, in_reply_to=answers))


def depths(comments) -> list[tuple[object, int]]:
    return [(reply.comment.pk, reply.depth) for reply in read_through(comments)]


def test_answers_stand_below_what_they_answer():
    comments = [
        comment("a"),
        comment("b"),
        comment("a1", "a"),
        comment("b1", "b"),
        comment("a11", "a1"),
    ]
    assert depths(comments) == [("a", 0), ("a1", 1), ("a11", 2), ("b", 0), ("b1", 1)]


def test_brothers_by_date():
    assert depths([comment("a"), comment("x", "a"), comment("y", "a")]) == [
        ("a", 0),
        ("x", 1),
        ("y", 1),
    ]


def test_what_answers_itself_is_no_answer():
    assert depths([comment("a", "a")]) == [("a", 0)]


def test_circles_begin_with_their_oldest():
    assert depths([comment("a", "b"), comment("b", "a")]) == [("a", 0), ("b", 1)]


def test_indentation_ends_somewhere():
    chain = [comment("0"), *(comment(str(n), str(n - 1)) for n in range(1, 5_000))]
    replies = list(read_through(chain))
    assert replies[-1].depth == 4_999
    assert replies[-1].indent == DEEPEST


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), unique_by=lambda pair: pair[0]))
def test_every_comment_stands_there_once(pairs):
    comments = [comment(str(name), str(answers)) for name, answers in pairs]
    shown = [str(name) for name, _ in depths(comments)]
    assert sorted(shown) == sorted(str(name) for name, _ in pairs)
