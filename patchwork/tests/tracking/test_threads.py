# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads: roots that do not depend on the order of arrival, and what a mail answers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwork.tracking.threads import nearest, root_of

PLACED_TOGETHER = {
    "alone": ({"a": []}, {}, {"a": "a"}),
    "below one that was seen": ({"b": ["a"]}, {"a": "a"}, {"b": "a"}),
    "below one that was not seen": ({"b": ["a"]}, {}, {"b": "a"}),
    "the oldest reference leads": ({"d": ["a", "b", "c"]}, {"b": "b", "c": "b"}, {"d": "a"}),
    "a chain in one batch": ({"c": ["b"], "b": ["a"], "a": []}, {}, dict.fromkeys("abc", "a")),
    "into an older thread": ({"c": ["b"], "b": ["a"]}, {"a": "r"}, {"b": "r", "c": "r"}),
    "the root itself comes": ({"r": []}, {"a": "r"}, {"r": "r"}),
    "what was the root has one": ({"r": ["q"]}, {"a": "r"}, {"r": "q"}),
    "a circle": ({"b": ["a"], "a": ["b"]}, {}, {"a": "a", "b": "a"}),
    "into a circle": ({"b": ["a"], "a": ["b"], "c": ["b"]}, {}, dict.fromkeys("abc", "a")),
}


@pytest.mark.parametrize(
    ("references", "known", "expected"), PLACED_TOGETHER.values(), ids=PLACED_TOGETHER
)
def test_roots(
    references: dict[str, list[str]], known: dict[str, str], expected: dict[str, str]
) -> None:
    assert {msgid: root_of(msgid, references, known) for msgid in references} == expected


@settings(max_examples=200, deadline=None)
@given(
    above=st.dictionaries(
        st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghxy"), max_size=3)
    ),
    order=st.permutations("abcdefgh"),
)
def test_who_shares_a_thread_does_not_depend_on_the_order(
    above: dict[str, list[str]], order: list[str]
) -> None:
    """One by one, in any order, the same mails share threads as when placed all at once."""
    references = {msgid: [each for each in refs if each != msgid] for msgid, refs in above.items()}
    at_once = {msgid: root_of(msgid, references, {}) for msgid in references}
    known: dict[str, str] = {}
    for msgid in (each for each in order if each in references):
        root = root_of(msgid, {msgid: references[msgid]}, known)
        known = {each: root if held == msgid else held for each, held in known.items()}
        known[msgid] = root
    for one in references:
        for other in references:
            assert (at_once[one] == at_once[other]) == (known[one] == known[other])


def test_the_nearest_reference_that_leads_anywhere() -> None:
    leads = {"cover": "cover", "review": "patch"}
    assert nearest(["cover", "review", "unseen"], leads.get) == "patch"
    assert nearest(["cover", "unseen"], leads.get) == "cover"
    assert nearest([], leads.get) is None
