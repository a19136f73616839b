# SPDX-License-Identifier: GPL-2.0-or-later
"""Which postings make a series: pictures of threads, and what must come of them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.tests.tracking.test_grouping import (
    MSGIDS,
    SHAPES,
    STRANGERS,
    nonsense_piece,
    nonsense_pins,
)
from patchwork.tests.tracking.threads import chained, pieces
from patchwork.tracking.chaining import chain
from patchwork.tracking.grouping import group
from patchwork.tracking.pieces import Chain, Claim, Piece, Pins


def series_of(picture: str, pins: Pins | None = None) -> tuple[Chain, ...]:
    pins = pins or Pins()
    return chain(group(pieces(picture), pins), pins)


SEED = {
    "initial submission": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        +--> [PATCH 3/3] Patch 3
        """,
        [["1/3 2/3 3/3"]],
    ),
    "new patch": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1
        +--> [PATCH 2/3] Patch 2
        |  +--> Re: [PATCH 2/3] Patch 2               (reviewer comments)
        |     +--> [PATCH v2 2/3] Patch 2             (v2 of patch 2/3)
        +--> [PATCH 3/3] Patch 3
        """,
        [["1/3 2/3 3/3", "1/3 v2 2/3 3/3"]],
    ),
    "new series": (
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
        [["1/3 2/3 3/3", "v2 1/3 v2 2/3 v2 3/3"]],
    ),
    "new series, the version in the name": (
        """
        + [PATCH 0/3] Cover Letter Subject
        +--> [PATCH 1/3] Patch 1                      #a1
        +--> [PATCH 2/3] Patch 2                      #a2
        +--> [PATCH 3/3] Patch 3                      #a3

        + [PATCH 0/3] Cover Letter Subject (v2)
        +--> [PATCH 1/3] Patch 1                      #b1
        +--> [PATCH 2/3] Patch 2                      #b2
        +--> [PATCH 3/3] Patch 3                      #b3
        """,
        [["#a1 #a2 #a3", "#b1 #b2 #b3"]],
    ),
}


@pytest.mark.parametrize(("picture", "expected"), SEED.values(), ids=SEED)
def test_the_seeds_pictures(picture: str, expected: list[list[str]]) -> None:
    outcome = series_of(picture)
    assert chained(outcome) == expected
    assert not any(revision.strange for series in outcome for revision in series.revisions)


TITLES = [
    "awesome feature",
    "Awesome feature v2",
    "awesome feature V2",
    "Awesome feature, v3",
    "Awesome feature (v4)",
    "Awesome feature (take 5)",
    "Awesome feature, take 6",
    "Awesome feature",
]


@pytest.mark.parametrize("title", TITLES)
def test_the_seeds_titles(title: str) -> None:
    """All of them name a new revision of "Awesome feature"."""
    assert chained(
        series_of(
            f"""
            + [PATCH 0/1] Awesome feature
            +--> [PATCH 1/1] One              #a

            + [PATCH 0/1] {title}             @3d
            +--> [PATCH 1/1] One              #b
            """
        )
    ) == [["#a", "#b"]]


def test_the_seeds_titles_one_after_the_other() -> None:
    """Those without a version are the first ones, whenever they came."""
    titles = ["Awesome feature", *dict.fromkeys(title.capitalize() for title in TITLES)]
    lines = [f"+ [PATCH] {title}  #t{n}" for n, title in enumerate(titles)]
    assert chained(series_of("\n".join(lines))) == [
        ["#t0", "#t1", "#t2", "#t3", "#t4", "#t5", "#t6"]
    ]


RESENT = {
    "two patches, in two revisions": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        |  +--> [PATCH v2 2/3] Two            @2d
        +--> [PATCH 3/3] Three                @2m
           +--> [PATCH v2 3/3] Three          @1d
        """,
        [["1/3 2/3 3/3", "1/3 2/3 v2 3/3", "1/3 v2 2/3 v2 3/3"]],
    ),
    "one patch, twice": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        |  +--> [PATCH v2 2/2] Two
        |     +--> Re: [PATCH v2 2/2] Two
        |        +--> [PATCH v3 2/2] Two
        """,
        [["1/2 2/2", "1/2 v2 2/2", "1/2 v3 2/2"]],
    ),
    "the same version twice": (
        """
        + [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        |  +--> [PATCH v2 2/2] Two, really    #again
        """,
        [["v2 1/2 v2 2/2", "v2 1/2 #again"]],
    ),
    "the version forgotten": (
        """
        + [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        |  +--> [PATCH 2/2] Two, really       #again
        """,
        [["v2 1/2 v2 2/2", "v2 1/2 #again"]],
    ),
    "without markers": (
        """
        + [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        |  +--> Re: [PATCH v2 2/2] Two
        |     +--> [PATCH] Two, better
        """,
        [["v2 1/2 v2 2/2", "v2 1/2 Two, better"]],
    ),
    "without a series marker": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        |  +--> [PATCH v2] Two, better
        """,
        [["1/2 2/2", "1/2 v2 Two, better"]],
    ),
    "with another announced number": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        |  +--> [PATCH v2 1/5] Two, better
        """,
        [["1/2 2/2", "1/2 v2 1/5"]],
    ),
    "a patch that is missing": (
        """
        + [PATCH 0/3] Feature
        +--> [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        |  +--> [PATCH v2 3/3] Three
        """,
        [["1/3 2/3 -", "1/3 2/3 v2 3/3"]],
    ),
    "an older version, so that it is late": (
        """
        + [PATCH v3 1/2] One
        +--> [PATCH v3 2/2] Two
        |  +--> [PATCH v2] Two                @1d
        |  +--> [PATCH v4 2/2] Two            @2d
        """,
        [["v3 1/2 v3 2/2", "v3 1/2 v2 Two (late)", "v3 1/2 v4 2/2"]],
    ),
    "within the same second": (
        """
        + [PATCH 1/2] One                     @0m #z1
        +--> [PATCH 2/2] Two                  @0m #z2
        |  +--> [PATCH] Two                   @0m #a
        """,
        [["#z1 #z2", "#z1 #a"]],
    ),
    "with a clock that is behind": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two                  @2h
        |  +--> [PATCH] Two                   @1h
        """,
        [["1/2 2/2", "1/2 Two (late)"]],
    ),
    "a single patch, with an older version": (
        """
        + [PATCH v2] Fix
        +--> [PATCH v1] Fix
        """,
        [["v2 Fix", "v1 Fix (late)"]],
    ),
    "between whole postings": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
           +--> [PATCH v2 2/2] Two            @1d

        + [PATCH v3 0/2] Feature              @2d
        +--> [PATCH v3 1/2] One
        |  +--> [PATCH v4 1/2] One            @5d
        +--> [PATCH v3 2/2] Two               @2d
        """,
        [["1/2 2/2", "1/2 v2 2/2", "v3 1/2 v3 2/2", "v4 1/2 v3 2/2"]],
    ),
    "in answer to an old posting": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
           +--> [PATCH v3 2/2] Two            @9d

        + [PATCH v2 0/2] Feature              @2d
        +--> [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "v2 1/2 v2 2/2", "v2 1/2 v3 2/2"]],
    ),
    "before a whole posting of the same version": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
           +--> [PATCH v2 2/2] Two            #resent @1d

        + [PATCH v2 0/2] Feature              @2d
        +--> [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "1/2 #resent", "v2 1/2 v2 2/2"]],
    ),
    "two at once": (
        """
        + [PATCH 1/3] One
        +--> [PATCH 2/3] Two
        |  +--> Re: [PATCH 2/3] Two
        |     +--> [PATCH v2 2/3] Two
        |        +--> [PATCH v2 3/3] Three
        +--> [PATCH 3/3] Three                @2m
        """,
        [["1/3 2/3 3/3", "1/3 v2 2/3 v2 3/3"]],
    ),
    "all of them: a whole posting": (
        """
        + [PATCH 1/2] One
        |  +--> [PATCH v2 1/2] One
        +--> [PATCH 2/2] Two
           +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "v2 1/2 v2 2/2"]],
    ),
    "a single patch": (
        """
        + [PATCH] Fix
        +--> Re: [PATCH] Fix
        |  +--> [PATCH v2] Fix it all         #second
        |     +--> [PATCH v3 1/2] Prepare     #third
        |     |  +--> [PATCH v3 2/2] Fix      #fourth

        + [PATCH v4] Fix it all               @9d #fifth
        """,
        [["Fix", "#second", "#third #fourth", "#fifth"]],
    ),
    "with a reviewer's example in between": (
        """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        |  +--> bob: [PATCH] Rather like this
        |     +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "1/2 v2 2/2"], ["Rather like this"]],
    ),
    "in answer to a cover: a posting of its own": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "- v2 2/2"]],
    ),
}


@pytest.mark.parametrize(("picture", "expected"), RESENT.values(), ids=RESENT)
def test_patches_sent_again(picture: str, expected: list[list[str]]) -> None:
    assert chained(series_of(picture)) == expected


def test_a_patch_sent_again_makes_a_complete_revision_of_its_own() -> None:
    (series,) = series_of(RESENT["two patches, in two revisions"][0])
    first, second, third = series.revisions
    assert [each.is_resend for each in series.revisions] == [False, True, True]
    assert all(each.is_complete for each in series.revisions)
    assert [len(each.posting.pieces) for each in (first, second, third)] == [4, 1, 1]
    assert third.slots[3] is second.slots[3]


def test_a_patch_sent_again_into_an_incomplete_series_leaves_it_incomplete() -> None:
    (series,) = series_of(
        """
        + [PATCH 1/3] One
        +--> [PATCH 2/3] Two
           +--> [PATCH v2 2/3] Two
        """
    )
    assert [each.is_complete for each in series.revisions] == [False, False]


CONTINUED = {
    "in the same thread": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH v2 0/2] Renamed
           +--> [PATCH v2 1/2] One
           +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "v2 1/2 v2 2/2"]],
    ),
    "in answer to the first version": (
        """
        + [PATCH 1/1] One
        +--> [PATCH v2 0/1] Feature
        |  +--> [PATCH v2 1/1] One
        +--> [PATCH v3 0/1] Feature, renamed
           +--> [PATCH v3 1/1] One
        """,
        [["1/1", "v2 1/1", "v3 1/1"]],
    ),
    "twice in the same version, both in answer": (
        """
        + [PATCH 0/1] Feature
        +--> [PATCH 1/1] One
        +--> [PATCH v2 0/1] Renamed
        |  +--> [PATCH v2 1/1] One            #a
        +--> [PATCH v2 0/1] Renamed again
           +--> [PATCH v2 1/1] One            #b
        """,
        [["1/1", "#a", "#b"]],
    ),
    "with more patches": (
        """
        + [PATCH 0/1] Feature
        +--> [PATCH 1/1] One

        + [PATCH v2 0/2] Feature
        +--> [PATCH v2 1/2] One
        +--> [PATCH v2 2/2] Two
        """,
        [["1/1", "v2 1/2 v2 2/2"]],
    ),
    "from a request for comments": (
        """
        + [RFC PATCH] Feature                 #rfc
        + [PATCH] Feature                     #patch
        """,
        [["#rfc", "#patch"]],
    ),
    "the first version was never seen": (
        """
        + [PATCH v3] Feature
        + [PATCH v2] Feature
        """,
        [["v2 Feature", "v3 Feature"]],
    ),
    "renamed on the way": (
        """
        + [PATCH] Feature
        +--> [PATCH v2] Better feature

        + [PATCH v3] better feature
        """,
        [["Feature", "v2 Better feature", "v3 better feature"]],
    ),
    "below a cover that nobody has seen": (
        """
        + [PATCH 0/2] Feature                 ?
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH v2 0/2] Feature
           +--> [PATCH v2 1/2] One
           +--> [PATCH v2 2/2] Two
        """,
        [["1/2 2/2", "v2 1/2 v2 2/2"]],
    ),
    "said outright": (
        """
        + [PATCH] Feature                     #one
        + [PATCH] Something                   #two supersedes=one
        + [PATCH v9] Feature, at last         #three
        +--> Re: that one                     (not ours)
        + [PATCH] The end                     #four supersedes=three
        """,
        [["#one", "#two"], ["#three", "#four"]],
    ),
    "by change-id": (
        """
        + [PATCH] Feature                     change-id=x
        + [PATCH v2] Something                change-id=x
        + [PATCH v3] Feature                  change-id=y
        """,
        [["Feature", "v2 Something", "v3 Feature"]],
    ),
    "by pull request, even where it looks sent again": (
        """
        + [PATCH 1/2] One                     pull-request=7
        +--> [PATCH 2/2] Two
           +--> [PATCH v2] Both               pull-request=7
        """,
        [["1/2 2/2", "v2 Both"]],
    ),
    "within a year of the version before, not of the first": (
        """
        + [PATCH] Feature
        + [PATCH v2] Feature                  @300d
        + [PATCH v3] Feature                  @600d
        """,
        [["Feature", "v2 Feature", "v3 Feature"]],
    ),
}


@pytest.mark.parametrize(("picture", "expected"), CONTINUED.values(), ids=CONTINUED)
def test_postings_that_continue_a_series(picture: str, expected: list[list[str]]) -> None:
    outcome = series_of(picture)
    assert chained(outcome) == expected
    assert not any(series.possibly_continues for series in outcome)


NOT_CONTINUED = {
    "after more than a year": (
        """
        + [PATCH] Feature                     #a
        + [PATCH v2] Feature                  @366d
        """,
        [["#a"], ["v2 Feature"]],
        (),
    ),
    "two series have the name": (
        """
        + [PATCH v2] Fix typo                 #a
        + [PATCH v2] Fix typo                 #b @400d
        + [PATCH v3] Fix typo                 #c @300d
        """,
        [["#a"], ["#b"], ["#c"]],
        ("b", "a"),
    ),
    "names given by default": (
        """
        + [PATCH 1/2] One                     #a1
        +--> [PATCH 2/2] Two                  #a2

        + [PATCH v2 1/2] One                  #b1
        +--> [PATCH v2 2/2] Two               #b2
        """,
        [["#a1 #a2"], ["#b1 #b2"]],
        (),
    ),
    "a name that ends in a number": (
        """
        + [PATCH] Add IPv4                    #a
        + [PATCH] Add IPv6                    #b
        """,
        [["#a"], ["#b"]],
        (),
    ),
    "an answer of the same version": (
        """
        + [PATCH 0/1] Feature
        +--> [PATCH 1/1] One                  #a
        +--> [PATCH 0/1] Other way
           +--> [PATCH 1/1] One               #b
        """,
        [["#a"], ["#b"]],
        (),
    ),
    "two things in somebody else's thread": (
        """
        + bob: a report
        +--> [PATCH] Fix this                 #a
        +--> [PATCH v2] Fix that              #b
        """,
        [["#a"], ["#b"]],
        (),
    ),
    "said of what nobody has seen": (
        """
        + [PATCH] Feature                     #a supersedes=gone
        + [PATCH] Other                       #b supersedes=b
        """,
        [["#a"], ["#b"]],
        (),
    ),
}


@pytest.mark.parametrize(
    ("picture", "expected", "possibly"), NOT_CONTINUED.values(), ids=NOT_CONTINUED
)
def test_postings_that_found_a_series(
    picture: str, expected: list[list[str]], possibly: tuple[str, ...]
) -> None:
    outcome = series_of(picture)
    assert chained(outcome) == expected
    assert outcome[-1].possibly_continues == possibly


ATTACKS = {
    "another sender, the same subject": (
        """
        + [PATCH] Fix typo                    #mine
        + bob: [PATCH v2] Fix typo            #evil
        """,
        [["#mine"], ["#evil"]],
        ("mine",),
    ),
    "a forged reply": (
        """
        + [PATCH 0/2] Feature                 #mine
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
           +--> bob: [PATCH v2 2/2] Two       #evil
        """,
        [["1/2 2/2"], ["- #evil"]],
        ("mine",),
    ),
    "a reviewer's example": (
        """
        + [PATCH] Feature                     #mine
        +--> bob: Re: [PATCH] Feature
        |  +--> bob: [PATCH] Like this        #example
        """,
        [["#mine"], ["#example"]],
        (),
    ),
    "a whole version two": (
        """
        + [PATCH 0/1] Feature                 #mine
        +--> [PATCH 1/1] One
        +--> bob: [PATCH v2 0/1] Feature
           +--> bob: [PATCH v2 1/1] One       #evil
        """,
        [["1/1"], ["#evil"]],
        ("mine",),
    ),
    "a patch for a gap": (
        """
        + [PATCH 0/3] Feature                 #mine
        +--> [PATCH 1/3] One
        +--> bob: [PATCH 2/3] Two             #evil
        +--> [PATCH 3/3] Three
        """,
        [["1/3 - 3/3"], ["- #evil -"]],
        (),
    ),
    "a cover": (
        """
        + [PATCH 1/1] One                     #mine
        +--> bob: [PATCH 0/1] Evil
        """,
        [["#mine"], ["-"]],
        (),
    ),
    "says that it supersedes": (
        """
        + [PATCH] Feature                     #mine
        + bob: [PATCH v2] Other               #evil supersedes=mine
        """,
        [["#mine"], ["#evil"]],
        ("mine",),
    ),
    "copies the change-id and the pull request": (
        """
        + [PATCH] Feature                     #mine change-id=x pull-request=7
        + bob: [PATCH v2] Other               #evil change-id=x pull-request=7
        + [PATCH v3] Renamed                  #next change-id=x pull-request=7
        """,
        [["#mine", "#next"], ["#evil"]],
        ("mine",),
    ),
    "is there before": (
        """
        + bob: [PATCH] Feature                #evil change-id=x
        + [PATCH] Feature                     #mine change-id=x
        + [PATCH v2] Feature                  #next
        """,
        [["#evil"], ["#mine", "#next"]],
        ("evil",),
    ),
    "a maintainer without a claim": (
        """
        + [PATCH] Feature                     #mine
        +--> bob: [PATCH v2] Feature          #theirs !
        """,
        [["#mine"], ["#theirs"]],
        ("mine",),
    ),
}


@pytest.mark.parametrize(("picture", "expected", "possibly"), ATTACKS.values(), ids=ATTACKS)
def test_a_stranger_changes_no_series(
    picture: str, expected: list[list[str]], possibly: tuple[str, ...]
) -> None:
    outcome = series_of(picture)
    assert chained(outcome) == expected
    assert outcome[-1].possibly_continues == possibly


@pytest.mark.parametrize("claim", ["supersedes=mine", "change-id=x", "pull-request=7"])
def test_a_maintainer_continues_a_series_by_saying_so(claim: str) -> None:
    outcome = series_of(
        f"""
        + [PATCH] Feature                     #mine change-id=x pull-request=7
        + bob: [PATCH v2] Other               #theirs {claim} !
        + bob: [PATCH v3] Other               #then
        """
    )
    assert chained(outcome) == [["#mine", "#theirs"], ["#then"]]
    assert outcome[1].possibly_continues == ("mine",)


def test_many_namesakes_do_not_crowd_out_a_persons_own_series() -> None:
    evil = "\n".join(f"+ bob: [PATCH v2] Feature   #e{n}" for n in range(100))
    picture = f"+ [PATCH] Feature  #mine\n{evil}\n+ [PATCH v3] Feature  #next"
    mails = [
        replace(piece, submitter=100 + number) if piece.msgid.startswith("e") else piece
        for number, piece in enumerate(pieces(picture))
    ]
    outcome = chain(group(mails))
    assert ["#mine", "#next"] in chained(outcome)
    assert max(len(series.possibly_continues) for series in outcome) == 5


PINNED = {
    "nothing": ({}, [["#a", "#a2"], ["#b"], ["#c"]]),
    "joined": ({"b": "a"}, [["#a", "#b", "#a2"], ["#c"]]),
    "joined with what comes later": ({"a": "c"}, [["#b"], ["#a", "#c", "#a2"]]),
    "joined in a row": ({"c": "b", "b": "a"}, [["#a", "#b", "#c", "#a2"]]),
    "joined in a circle": ({"c": "b", "b": "c"}, [["#a", "#a2"], ["#b", "#c"]]),
    "parted": ({"a2": None}, [["#a"], ["#b"], ["#c"], ["#a2"]]),
    "joined with what is not here": ({"b": "gone"}, [["#a", "#a2"], ["#b"], ["#c"]]),
}


@pytest.mark.parametrize(("pins", "expected"), PINNED.values(), ids=PINNED)
def test_what_people_decide_goes_before_every_rule(
    pins: dict[str, str | None], expected: list[list[str]]
) -> None:
    picture = """
    + [PATCH] Feature                         #a
    + bob: [PATCH] Feature                    #b
    + bob: [PATCH] Something                  #c
    + [PATCH v2] Feature                      #a2
    """
    assert sorted(chained(series_of(picture, Pins(continues=pins)))) == sorted(expected)


def test_a_patch_parted_from_its_series_is_no_patch_sent_again() -> None:
    picture = """
    + [PATCH 1/2] One
    +--> [PATCH 2/2] Two
       +--> [PATCH v2 2/2] Two                #two
          +--> [PATCH v3 2/2] Two             #three
    """
    outcome = series_of(picture, Pins(continues={"two": None}))
    assert chained(outcome) == [["1/2 2/2"], ["- #two", "- #three"]]
    assert not outcome[1].revisions[0].is_resend


STRANGE = {
    "more patches": (
        SHAPES["more patches than announced"][0],
        "more patches than announced: 3/2, 4/2",
    ),
    "another marker": (
        SHAPES["patches without a marker below a cover with one"][0],
        "the version marker does not fit: 1/2, 2/2",
    ),
    "no place": (
        """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        +--> [PATCH 3/2] Three
           +--> [PATCH v2] Three
        """,
        "no place among 2 patches for: Three",
    ),
}


@pytest.mark.parametrize(("picture", "words"), STRANGE.values(), ids=STRANGE)
def test_what_is_strange_is_told_in_words(picture: str, words: str) -> None:
    (series,) = series_of(picture)
    assert series.revisions[-1].strange == (words,)


def test_what_was_joined_by_hand_may_be_strange() -> None:
    picture = """
    + [PATCH 0/1] Feature                     #a
    +--> [PATCH 1/1] One                      #a1

    + [PATCH 0/1] Other                       #b
    +--> [PATCH 1/1] Uno                      #b1

    + [PATCH v2] Due                          #due
    """
    joined = Pins(posting_of={"b": "a", "b1": "a", "due": "a"})
    (series,) = series_of(picture, joined)
    assert series.revisions[0].strange == (
        "a number is held twice: 1/1",
        "without a number: Due",
        "more than one cover letter: 0/1",
        "the version marker does not fit: Due",
    )


def test_a_remark_names_a_few_patches_only() -> None:
    lines = "\n".join(f"+--> [PATCH {n}/1] Patch" for n in range(1, 9))
    (series,) = series_of(f"+ [PATCH 0/1] Feature\n{lines}")
    assert series.revisions[0].strange == (
        "more patches than announced: 2/1, 3/1, 4/1, 5/1, 6/1 and 2 more",
    )


# Any order, any nonsense

PICTURES = {
    name: picture
    for table in (SEED, SHAPES, STRANGERS, RESENT, CONTINUED, NOT_CONTINUED, ATTACKS)
    for name, (picture, *_) in table.items()
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_neither_order_nor_repetition_counts(picture: str) -> None:
    postings = list(group(pieces(picture)))
    expected = chain(postings)
    shuffle = random.Random(picture)
    for _ in range(20):
        given_postings = postings + shuffle.choices(postings, k=2)
        shuffle.shuffle(given_postings)
        assert chain(given_postings) == expected


claims = st.lists(st.tuples(st.sampled_from(Claim), st.sampled_from(MSGIDS[:6])), max_size=2).map(
    tuple
)
nonsense = st.lists(
    st.builds(lambda piece, said: replace(piece, claims=said), nonsense_piece, claims), max_size=12
)


@given(mails=nonsense, pins=nonsense_pins, data=st.data())
def test_nonsense_is_chained_all_the_same(
    mails: list[Piece], pins: Pins, data: st.DataObject
) -> None:
    """Every posting stands in one series, whatever the order."""
    postings = group(mails, pins)
    outcome = chain(postings, pins)
    chained_postings = [revision.posting for series in outcome for revision in series.revisions]
    assert sorted(posting.key for posting in chained_postings) == sorted(
        posting.key for posting in postings
    )
    assert chain(data.draw(st.permutations(list(postings))), pins) == outcome
    for series in outcome:
        for revision in series.revisions:
            assert all(1 <= number <= revision.total for number in revision.slots)
            assert revision.is_complete == (len(revision.slots) == revision.total > 0)


@given(nonsense)
def test_revisions_rise(mails: list[Piece]) -> None:
    """By version marker and date, but nothing comes before what it was sent in place of."""
    for series in chain(group(mails)):
        assert not series.revisions[0].is_resend
        assert not series.revisions[0].is_late
        whole = [each.posting for each in series.revisions if not each.is_resend]
        places = [
            (posting.marker, min(piece.date for piece in posting.pieces))
            for posting in whole
            if posting.version is not None
            and all(kind is not Claim.SUPERSEDES for p in posting.pieces for kind, _ in p.claims)
        ]
        assert places == sorted(places)


@given(mails=nonsense, others=nonsense)
def test_mails_of_others_change_no_revision(mails: list[Piece], others: list[Piece]) -> None:
    """Whatever they claim, as long as no maintainer takes them up."""
    mine = [replace(piece, is_maintainer=False) for piece in mails]
    strangers = [
        replace(piece, submitter=7, msgid=f"~{piece.msgid}", is_maintainer=False)
        for piece in others
    ]
    outcome = chain(group(mine + strangers))
    kept = [series.revisions for series in outcome if _submitter(series) != 7]
    assert kept == [series.revisions for series in chain(group(mine))]


def _submitter(series: Chain) -> int:
    return series.revisions[0].posting.pieces[0].submitter


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(2, 4)), min_size=1, max_size=8))
def test_the_newest_revision_holds_the_highest_of_each_patch(
    resent: list[tuple[int, int]],
) -> None:
    """Whichever patches are sent again, in whatever order of dates and versions."""
    picture = "+ [PATCH 0/3] Feature\n" + "".join(
        f"+--> [PATCH {number}/3] Patch  @{number}m\n"
        + "".join(
            f"   +--> [PATCH v{version} {number}/3] Patch  @{when}d\n"
            for when, (place, version) in enumerate(resent, 1)
            if place % 3 + 1 == number
        )
        for number in (1, 2, 3)
    )
    mails = pieces(picture)
    (series,) = chain(group(mails))
    newest = [revision for revision in series.revisions if not revision.is_late][-1]
    if newest.is_resend:
        assert newest.slots == {
            number: max(
                (piece for piece in mails if piece.index == number),
                key=lambda piece: (piece.marker, piece.date),
            )
            for number in (1, 2, 3)
        }


def test_a_version_sent_again_is_a_revision_and_the_next_one_goes_on() -> None:
    outcome = series_of(
        """
        + [PATCH] Feature                     #a
        + [PATCH v2] Feature                  #b  @1d
        + [PATCH RESEND v2] Feature           #c  @2d
        + [PATCH v3] Feature                  #d  @3d
        """
    )
    assert chained(outcome) == [["#a", "#b", "#c", "#d"]]
