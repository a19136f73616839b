# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails make a posting: pictures of threads, and what must come of them."""

from __future__ import annotations

import lzma
import mailbox
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.mail.subject import parse
from patchwork.tests.tracking import threads
from patchwork.tests.tracking.threads import BEGINNING, grouped, pieces
from patchwork.tracking.chaining import chain
from patchwork.tracking.grouping import group
from patchwork.tracking.pieces import Piece, Pins

SHAPES = {
    "a cover is not taken for one that nobody has seen": (
        """
        + [PATCH 0/2] Seen
        + [PATCH 0/2] Unseen     ?
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        """,
        ["0/2", "1/2, 2/2"],
    ),
    "the seed's first picture": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        +--> [PATCH 3/3] Patch 3
        """,
        ["0/3, 1/3, 2/3, 3/3"],
    ),
    "the seed's second picture": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        |  +--> Re: [PATCH 2/3] Patch 2               (reviewer comments)
        |     +--> [PATCH v2 2/3] Patch 2             (v2 of patch 2/3)
        +--> [PATCH 3/3] Patch 3
        """,
        ["0/3, 1/3, 2/3, 3/3", "v2 2/3"],
    ),
    "the seed's third picture": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        +--> [PATCH 3/3] Patch 3

        + [PATCH v2 0/3] Cover Letter Subject
        +--> [PATCH v2 1/3] Patch 1                   (v2 of patch 1/3)
        +--> [PATCH v2 2/3] Patch 2                   (v2 of patch 2/3)
        +--> [PATCH v2 3/3] Patch 3                   (v2 of patch 3/3)
        """,
        ["0/3, 1/3, 2/3, 3/3", "v2 0/3, v2 1/3, v2 2/3, v2 3/3"],
    ),
    "the seed's picture with the version in the cover's name": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        +--> [PATCH 3/3] Patch 3

        + [PATCH 0/3] Cover Letter Subject (v2)
        +--> [PATCH 1/3] Patch 1                     (v2 of patch 1/3)
        +--> [PATCH 2/3] Patch 2                     (v2 of patch 2/3)
        +--> [PATCH 3/3] Patch 3                     (v2 of patch 3/3)
        """,
        ["0/3, 1/3, 2/3, 3/3", "v2 0/3, 1/3, 2/3, 3/3"],
    ),
    "the same as a reply": (
        """
        + [PATCH 0/2] Feature                  #cover
        +--> [PATCH 1/2] One                   #one
        +--> [PATCH 2/2] Two                   #two
        +--> [PATCH 0/2] Feature, take 2       #cover2
          +--> [PATCH 1/2] One                 #one2
          +--> [PATCH 2/2] Two                 #two2
        """,
        ["#cover, #one, #two", "#cover2, #one2, #two2"],
    ),
    "deep threading": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
           +--> [PATCH 2/3] Two
              +--> [PATCH 3/3] Three
        """,
        ["0/3, 1/3, 2/3, 3/3"],
    ),
    "deep threading with a hole": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
           +--> [PATCH 2/3] Two               ?
              +--> [PATCH 3/3] Three
        """,
        ["0/3, 1/3, 3/3"],
    ),
    "no cover, the first patch leads": (
        """
        + [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        +--> [PATCH 3/3] Three
        """,
        ["1/3, 2/3, 3/3"],
    ),
    "the cover is missing": (
        """
        + [PATCH 0/3] Feature                 ?
        +--> [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        +--> [PATCH 3/3] Three
        """,
        ["1/3, 2/3, 3/3"],
    ),
    "the cover and a patch are missing in a deep thread": (
        """
        + [PATCH 0/4] Feature                 ?
        +--> [PATCH 1/4] One
           +--> [PATCH 2/4] Two               ?
              +--> [PATCH 3/4] Three          ~
                 +--> [PATCH 4/4] Four
        """,
        ["1/4, 3/4, 4/4"],
    ),
    "the cover was sent last": (
        """
        + [PATCH 0/2] Feature                 @5m
        +--> [PATCH 1/2] One                  @1m
        +--> [PATCH 2/2] Two                  @2m
        """,
        ["0/2, 1/2, 2/2"],
    ),
    "the cover answers the first patch": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH 0/2] Feature
        """,
        ["0/2, 1/2, 2/2"],
    ),
    "more patches than announced": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH 3/2] Three
        +--> [PATCH 4/2] Four
        """,
        ["0/2, 1/2, 2/2, +3/2, +4/2"],
    ),
    "another announced number": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH 3/3] One more
        """,
        ["0/2, 1/2, 2/2", "3/3"],
    ),
    "two versions in one thread": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH v2 0/2] Feature
           +--> [PATCH v2 1/2] One
           +--> [PATCH v2 2/2] Two
        """,
        ["0/2, 1/2, 2/2", "v2 0/2, v2 1/2, v2 2/2"],
    ),
    "two versions below a cover that nobody has seen": (
        """
        + [PATCH 0/2] Feature                 ?
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        """,
        ["1/2, 2/2", "v2 1/2, v2 2/2"],
    ),
    "an alternative with its own cover": (
        """
        + [PATCH 0/2] Feature                 #a0
        +--> [PATCH 1/2] One                  #a1
        +--> [PATCH 2/2] Two                  #a2
        |  +--> [PATCH 0/2] Other way         #b0
        |     +--> [PATCH 1/2] Uno            #b1
        |     +--> [PATCH 2/2] Due            #b2
        """,
        ["#a0, #a1, #a2", "#b0, #b1, #b2"],
    ),
    "an alternative, and both lack a patch": (
        """
        + [PATCH 0/2] Feature                 #a0
        +--> [PATCH 1/2] One                  #a1
        +--> [PATCH 2/2] Two                  ?
        +--> [PATCH 0/2] Other way            #b0
           +--> [PATCH 1/2] Uno               ?
           +--> [PATCH 2/2] Due               #b2
        """,
        ["#a0, #a1", "#b0, #b2"],
    ),
    "an alternative without a cover": (
        """
        + [PATCH 0/2] Feature                 #a0
        +--> [PATCH 1/2] One                  #a1
        +--> [PATCH 2/2] Two                  #a2
        +--> [PATCH 1/2] Uno                  #b1
           +--> [PATCH 2/2] Due               #b2
        """,
        ["#a0, #a1, #a2", "#b1, #b2"],
    ),
    "an alternative without a cover, all in answer to the cover": (
        """
        + [PATCH 0/2] Feature                 #a0
        +--> [PATCH 1/2] One                  #a1
        +--> [PATCH 2/2] Two                  #a2
        +--> [PATCH 1/2] Uno                  #b1
        +--> [PATCH 2/2] Due                  #b2
        """,
        ["#a0, #a1, #a2", "#b1, #b2"],
    ),
    "an alternative that begins below the last patch of a deep thread": (
        """
        + [PATCH 1/2] One                     #a1
        +--> [PATCH 2/2] Two                  #a2
           +--> [PATCH 1/2] Uno               #b1
              +--> [PATCH 2/2] Due            #b2
        """,
        ["#a1, #a2", "#b1, #b2"],
    ),
    "patches without a marker below a cover with one": (
        """
        + [PATCH v2 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        """,
        ["v2 0/2, 1/2, 2/2"],
    ),
    "patches with another marker than their cover": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        """,
        ["0/2", "v2 1/2, v2 2/2"],
    ),
    "no threads at all": (
        """
        + [PATCH 0/2] Feature
        + [PATCH 1/2] One
        + [PATCH 2/2] Two
        """,
        ["0/2, 1/2, 2/2"],
    ),
    "no threads at all, and the version in the name": (
        """
        + [PATCH 0/2] Feature (v2)
        + [PATCH 1/2] One
        + [PATCH 2/2] Two
        """,
        ["v2 0/2, 1/2, 2/2"],
    ),
    "no threads, but more than an hour": (
        """
        + [PATCH 0/2] Feature
        + [PATCH 1/2] One
        + [PATCH 2/2] Two                     @2h
        """,
        ["0/2, 1/2", "2/2"],
    ),
    "no threads, two postings in one hour, the first lacks a patch": (
        """
        + [PATCH 0/2] Feature                 #a0
        + [PATCH 1/2] One                     #a1
        + [PATCH 0/2] Other                   #b0
        + [PATCH 1/2] Uno                     #b1
        + [PATCH 2/2] Due                     #b2
        """,
        ["#a0, #a1", "#b0, #b1, #b2"],
    ),
    "a cover beside the thread of its patches": (
        """
        + [PATCH 0/2] Feature

        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        """,
        ["0/2, 1/2, 2/2"],
    ),
    "a patch beside the thread of its posting": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One

        + [PATCH 2/2] Two
        """,
        ["0/2, 1/2, 2/2"],
    ),
    "two threads are two postings": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One

        + [PATCH 2/3] Two
        +--> [PATCH 3/3] Three
        """,
        ["0/3, 1/3", "2/3, 3/3"],
    ),
    "loose patches stay together when one is sent again": (
        """
        + [PATCH 1/2] One
        + [PATCH 2/2] Two                     #two
        +--> [PATCH 2/2] Two                  #again
        +--> bob: [PATCH] What about this
        """,
        ["1/2, #two", "#again", "What about this"],
    ),
    "patches without numbers": (
        """
        + [PATCH] One
        + [PATCH] Two
        +--> [PATCH] Three
        """,
        ["One", "Two", "Three"],
    ),
    "patches of a series, each sent again": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        |  +--> [PATCH v2 2/3] Two            @1d
        +--> [PATCH 3/3] Three                @2m
           +--> [PATCH v2 3/3] Three          @1d
        """,
        ["0/3, 1/3, 2/3, 3/3", "v2 2/3", "v2 3/3"],
    ),
    "all patches of a series, each sent again: a posting": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        |  +--> Re: [PATCH 1/2] One
        |     +--> [PATCH v2 1/2] One
        +--> [PATCH 2/2] Two
           +--> [PATCH v2 2/2] Two
        """,
        ["0/2, 1/2, 2/2", "v2 1/2, v2 2/2"],
    ),
    "sent again below the review of another version": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        |  +--> bob: Re: [PATCH 2/2] Two
        |     +--> [PATCH v2 0/2] Feature
        |        +--> [PATCH v2 1/2] One
        |        +--> [PATCH v2 2/2] Two
        """,
        ["0/2, 1/2, 2/2", "v2 0/2, v2 1/2, v2 2/2"],
    ),
    "two patches sent again in one go": (
        """
        + [PATCH 1/4] One
        +--> [PATCH 2/4] Two
        +--> [PATCH 3/4] Three
        +--> [PATCH 4/4] Four
        +--> Re: [PATCH 1/4] One
           +--> [PATCH v2 2/4] Two            @1d
              +--> [PATCH v2 3/4] Three
        """,
        ["1/4, 2/4, 3/4, 4/4", "v2 2/4, v2 3/4"],
    ),
    "two patches sent again to the same review, days apart": (
        """
        + [PATCH 1/4] One
        +--> [PATCH 2/4] Two
        +--> [PATCH 3/4] Three
        +--> [PATCH 4/4] Four
        +--> Re: [PATCH 1/4] One
           +--> [PATCH v2 2/4] Two            @1d
           +--> [PATCH v2 3/4] Three          @3d
        """,
        ["1/4, 2/4, 3/4, 4/4", "v2 2/4", "v2 3/4"],
    ),
    "a patch sent again does not fill a gap of another posting": (
        """
        + [PATCH v2 0/2] Feature              #a0
        +--> [PATCH v2 1/2] One               #a1
        |  +--> [PATCH v2 1/2] One            #again
        +--> [PATCH v2 0/2] Other             #b0
           +--> [PATCH v2 2/2] Two            #b2
        """,
        ["#a0, #a1", "#again", "#b0, #b2"],
    ),
}


@pytest.mark.parametrize(("picture", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes(picture: str, expected: list[str]) -> None:
    assert grouped(group(pieces(picture))) == expected


STRANGERS = {
    "fills the missing place": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
        +--> bob: [PATCH 2/3] Evil            #evil
        +--> [PATCH 3/3] Three
        """,
        ["0/3, 1/3, 3/3", "#evil"],
    ),
    "sends a cover": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> bob: [PATCH 0/2] Evil            #evil
        """,
        ["1/2, 2/2", "#evil"],
    ),
    "sends a cover beside it": (
        """
        + [PATCH 1/2] One
        + bob: [PATCH 0/2] Evil               #evil
        + [PATCH 2/2] Two
        """,
        ["1/2, 2/2", "#evil"],
    ),
    "comes between a patch and those below it": (
        """
        + [PATCH 0/3] Feature
        +--> bob: [PATCH 1/3] Evil            #evil
           +--> [PATCH 1/3] One
              +--> bob: [PATCH 2/3] Evil      #evil2
                 +--> [PATCH 2/3] Two
                    +--> [PATCH 3/3] Three
        """,
        ["0/3, 1/3, 2/3, 3/3", "#evil, #evil2"],
    ),
    "posts a whole version into the thread": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> bob: [PATCH v2 0/2] Feature      #e0
           +--> bob: [PATCH v2 1/2] One       #e1
           +--> [PATCH v2 1/2] One
           +--> bob: [PATCH v2 2/2] Two       #e2
        """,
        ["0/2, 1/2, 2/2", "#e0, #e1, #e2", "v2 1/2"],
    ),
}


@pytest.mark.parametrize(("picture", "expected"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_changes_nothing(picture: str, expected: list[str]) -> None:
    assert grouped(group(pieces(picture))) == expected


TWO_POSTINGS = """
+ [PATCH 0/2] Feature                     #a0
+--> [PATCH 1/2] One                      #a1
+--> [PATCH 2/2] Two                      #a2

+ [PATCH 0/2] Other                       #b0
+--> [PATCH 1/2] Uno                      #b1

+ [PATCH] Due                             #due
+ [PATCH] Trois                           #trois
"""

PINNED = {
    "nothing": ({}, ["#a0, #a1, #a2", "#b0, #b1", "#due", "#trois"]),
    "stands alone": ({"a1": "a1"}, ["#a0, #a2", "#a1", "#b0, #b1", "#due", "#trois"]),
    "joins, and fills a gap": (
        {"due": "b0"},
        ["#a0, #a1, #a2", "#b0, #b1, #due", "#trois"],
    ),
    "moves to another posting": (
        {"a2": "b1"},
        ["#a0, #a1", "#b0, #b1, #a2", "#due", "#trois"],
    ),
    "leads": ({"a1": "a1", "a2": "a1"}, ["#a0", "#a1, #a2", "#b0, #b1", "#due", "#trois"]),
    "joins what joins": (
        {"trois": "due", "due": "b0"},
        ["#a0, #a1, #a2", "#b0, #b1, #due, +#trois"],
    ),
    "is put in a taken place": (
        {"b1": "a0"},
        ["#a0, #a1, +#b1, #a2", "#b0", "#due", "#trois"],
    ),
    "in a circle": (
        {"due": "trois", "trois": "due"},
        ["#a0, #a1, #a2", "#b0, #b1", "#due, +#trois"],
    ),
    "to what is not here": ({"a1": "gone"}, ["#a0, #a2", "#a1", "#b0, #b1", "#due", "#trois"]),
    "two covers": ({"b0": "a0"}, ["#a0, #b0, #a1, #a2", "#b1", "#due", "#trois"]),
}


@pytest.mark.parametrize(("pins", "expected"), PINNED.values(), ids=PINNED)
def test_what_people_decide_goes_before_every_rule(
    pins: dict[str, str], expected: list[str]
) -> None:
    outcome = group(pieces(TWO_POSTINGS), Pins(posting_of=pins))
    assert sorted(grouped(outcome)) == sorted(expected)


def test_a_posting_tells_what_it_holds() -> None:
    (posting,) = group(pieces(SHAPES["the cover was sent last"][0]))
    assert posting.cover is not None
    assert posting.cover.name == "Feature"
    assert {number: patch.name for number, patch in posting.slots.items()} == {1: "One", 2: "Two"}
    assert (posting.total, posting.version, posting.marker) == (2, None, 1)
    assert posting.is_complete
    assert posting.key == "m1"


@pytest.mark.parametrize(
    ("subject", "is_complete", "total"),
    [
        ("[PATCH] One", True, 1),
        ("[PATCH 1/1] One", True, 1),
        ("[PATCH 1/2] One", False, 2),
        ("[PATCH 3/2] One", False, 2),
        ("[PATCH 0/1] Cover", False, 1),
    ],
)
def test_when_a_single_mail_is_complete(subject: str, is_complete: bool, total: int) -> None:
    (posting,) = group(pieces(f"+ {subject}"))
    assert (posting.is_complete, posting.total) == (is_complete, total)


def test_a_cover_without_a_number_announces_nothing() -> None:
    (cover,) = pieces("+ [PATCH 0/1] Cover")
    (posting,) = group([replace(cover, index=None, total=None)])
    assert (posting.cover is not None, posting.total, posting.is_complete) == (True, 0, False)


def test_the_version_of_a_posting_is_its_covers() -> None:
    (posting,) = group(pieces(SHAPES["patches without a marker below a cover with one"][0]))
    assert posting.version == 2


# Any order, any nonsense


def any_order_of(picture: str) -> st.SearchStrategy[list[Piece]]:
    """Every permutation, and some mails twice."""
    mails = pieces(picture)
    again = st.lists(st.sampled_from(mails), max_size=3)
    return again.flatmap(lambda more: st.permutations(mails + more))


@pytest.mark.parametrize(
    "picture",
    [picture for picture, _ in (*SHAPES.values(), *STRANGERS.values())],
    ids=[*SHAPES, *STRANGERS],
)
def test_neither_order_nor_repetition_counts(picture: str) -> None:
    mails = pieces(picture)
    expected = group(mails)
    shuffle = random.Random(picture)
    for _ in range(20):
        arrived = mails + shuffle.choices(mails, k=2)
        shuffle.shuffle(arrived)
        assert group(arrived) == expected


MSGIDS = [f"<{letter}@x>" for letter in "abcdefghij"]
HOURS = st.sampled_from([0, 0.5, 1, 1.5, 3, 24, 9_000])
maybe_msgid = st.none() | st.sampled_from(MSGIDS)
nonsense_piece = st.builds(
    Piece,
    msgid=st.sampled_from(MSGIDS),
    is_cover=st.booleans(),
    submitter=st.sampled_from([0, 0, 0, 1, 2]),
    date=HOURS.map(lambda hours: BEGINNING + timedelta(hours=hours)),
    root=st.sampled_from(MSGIDS[:4]),
    parent=maybe_msgid,
    answers=maybe_msgid,
    index=st.none() | st.integers(-1, 4),
    total=st.none() | st.integers(-1, 3),
    version=st.none() | st.integers(0, 3),
    name=st.sampled_from(["feature", "feature v2", "fix"]),
    key=st.sampled_from(["", "feature", "fix"]),
    is_maintainer=st.booleans(),
    claims=st.just(()),
)
nonsense = st.lists(nonsense_piece, max_size=12)
nonsense_pins = st.builds(
    Pins,
    posting_of=st.dictionaries(st.sampled_from(MSGIDS), st.sampled_from(MSGIDS), max_size=3),
    continues=st.dictionaries(st.sampled_from(MSGIDS), maybe_msgid, max_size=3),
)


@given(mails=nonsense, pins=nonsense_pins, data=st.data())
def test_nonsense_is_grouped_all_the_same(
    mails: list[Piece], pins: Pins, data: st.DataObject
) -> None:
    postings = group(mails, pins)
    assert sorted(piece.msgid for posting in postings for piece in posting.pieces) == sorted(
        {piece.msgid for piece in mails}
    )
    assert group(data.draw(st.permutations(mails + mails[:2])), pins) == postings


@given(nonsense)
def test_a_posting_has_one_submitter_and_one_holder_for_each_place(mails: list[Piece]) -> None:
    for posting in group(mails):
        patches = [piece for piece in posting.pieces if not piece.is_cover]
        numbers = [patch.index for patch in patches if patch.total is not None]
        assert len({piece.submitter for piece in posting.pieces}) == 1
        assert len(numbers) == len(set(numbers))
        assert len(posting.pieces) - len(patches) <= 1
        assert len(posting.slots) + len(posting.extras) == len(patches)
        assert all(1 <= number <= posting.total for number in posting.slots)


@given(mails=nonsense, others=nonsense)
def test_mails_of_others_change_no_posting(mails: list[Piece], others: list[Piece]) -> None:
    """Whatever they claim to answer."""
    strangers = [replace(piece, submitter=7, msgid=f"~{piece.msgid}") for piece in others]
    mine = [posting for posting in group(mails + strangers) if posting.pieces[0].submitter != 7]
    assert mine == list(group(mails))


HOSTILE: dict[str, Callable[[int], str | None]] = {
    "apart": lambda n: None,
    "flat": lambda n: "m0",
    "deep": lambda n: f"m{n - 1}",
    "circle": lambda n: f"m{(n + 1) % 3_000}",
    "tree": lambda n: f"m{n // 2}",
}


@pytest.mark.parametrize("answers", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_thread_is_grouped_and_chained(answers: Callable[[int], str | None]) -> None:
    """Recursion would end at once; quadratic work would be felt."""
    (mail,) = pieces("+ [PATCH 1/5] One")
    mails = [
        replace(
            mail,
            msgid=f"m{n}",
            answers=answers(n),
            parent=answers(n),
            index=n % 3,
            version=n % 2,
        )
        for n in range(3_000)
    ]
    postings = group(mails)
    assert sum(len(posting.pieces) for posting in postings) == 3_000
    assert sum(len(series.revisions) for series in chain(postings)) == len(postings)


def test_the_builder_reads_pictures() -> None:
    """Threads, people, dates, lost mails and lost references."""
    cover, patch, resent = pieces(
        """
        + [PATCH 0/1] Feature                 #cover
        +--> bob: [PATCH 1/1] One             ?
           +--> Re: [PATCH 1/1] One           #talk
           |  +--> carol: [PATCH v2] One      @2d ! supersedes=cover
           +--> bob: [PATCH v3] One           ~
        """
    )
    assert (cover.parent, cover.answers, cover.root) == (None, None, "cover")
    assert (patch.parent, patch.answers, patch.root) == ("talk", "cover", "cover")
    assert (resent.parent, resent.answers, resent.root) == ("m1", None, "cover")
    assert patch.date == BEGINNING + timedelta(days=2)
    assert (patch.submitter, patch.is_maintainer) == (threads.PEOPLE.index("carol"), True)
    assert patch.claims == (("supersedes", "cover"),)


CORPUS = Path(__file__).parents[4] / "shared/corpus/corpus-500.mbox.xz"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Piece]:
    """The patches and covers of a synthetic list."""
    if not CORPUS.exists():
        pytest.skip(f"{CORPUS.name} is not here")
    path = tmp_path_factory.mktemp("corpus") / "corpus.mbox"
    path.write_bytes(lzma.decompress(CORPUS.read_bytes()))
    mails = {mail["Message-ID"].strip(): mail for mail in mailbox.mbox(path)}
    facts = {msgid: parse(mail["Subject"]) for msgid, mail in mails.items()}
    is_piece = {msgid: fact.is_patch and not fact.is_reply for msgid, fact in facts.items()}
    people: dict[str, int] = {}
    found = []
    for msgid, mail in mails.items():
        if not is_piece[msgid]:
            continue
        fact = facts[msgid]
        references = (mail["References"] or mail["In-Reply-To"] or "").split()
        found.append(
            Piece(
                msgid=msgid,
                is_cover=fact.index == 0,
                submitter=people.setdefault(parseaddr(mail["From"])[1], len(people)),
                date=parsedate_to_datetime(mail["Date"]).replace(tzinfo=UTC),
                root=_root(msgid, mails),
                parent=references[-1] if references else None,
                answers=next((each for each in reversed(references) if is_piece.get(each)), None),
                index=fact.index,
                total=fact.total,
                version=fact.version,
                name=fact.name,
                key=fact.key,
            )
        )
    return found


def _root(msgid: str, mails: dict[str, mailbox.mboxMessage]) -> str:
    while msgid in mails and (references := (mails[msgid]["References"] or "").split()):
        msgid = references[0]
    return msgid


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_posting_of_the_corpus_is_exact(corpus: list[Piece], seed: int | None) -> None:
    """The true posting of a mail stands in its Message-ID."""
    if seed is not None:
        corpus = random.Random(seed).sample(corpus, len(corpus))
    truth: dict[str, set[str]] = defaultdict(set)
    for piece in corpus:
        serial = re.match(r"<\d+\.(\d+)-", piece.msgid)
        assert serial is not None
        truth[serial[1]].add(piece.msgid)
    outcome = [{piece.msgid for piece in posting.pieces} for posting in group(corpus)]
    assert sorted(map(sorted, outcome)) == sorted(map(sorted, truth.values()))
    assert len(outcome) == 163


def test_the_corpus_is_complete_and_not_strange(corpus: list[Piece]) -> None:
    revisions = [revision for series in chain(group(corpus)) for revision in series.revisions]
    assert all(revision.is_complete and not revision.strange for revision in revisions)
