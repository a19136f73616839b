# SPDX-License-Identifier: GPL-2.0-or-later
"""Subjects, as people and tools write them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwork.mail.subject import NO_SUBJECT, parse


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("Awesome feature", None),
        ("awesome feature", None),
        ("Awesome feature v2", 2),
        ("awesome feature V2", 2),
        ("Awesome feature, v3", 3),
        ("Awesome feature (v4)", 4),
        ("Awesome feature (take 5)", 5),
        ("Awesome feature, take 6", 6),
    ],
)
def test_the_eight_titles_of_the_manual_are_versions_of_one_series(
    name: str, version: int | None
) -> None:
    for subject in (name, f"[PATCH 0/3] {name}"):
        facts = parse(subject)
        assert (facts.key, facts.version, facts.name) == ("awesome feature", version, name)


@pytest.mark.parametrize(
    ("name", "key", "version"),
    [
        ("Add IPv6", "add ipv6", None),
        ("Add IPv6 (v2)", "add ipv6", 2),
        ("Add IPv6 v2", "add ipv6", 2),
        ("Drop v2 support", "drop v2 support", None),
        ("Improve (v2.1)", "improve", 2),
        ("Improve, v 3", "improve", 3),
        ("Retake 2", "retake 2", None),
        ("(v2)", "(v2)", None),
        ("v2", "v2", None),
        ("Move to C 17", "move to c 17", None),
        ("Dates v20240101", "dates v20240101", None),
    ],
)
def test_a_version_is_cut_off_a_name_only_when_something_separates_it(
    name: str, key: str, version: int | None
) -> None:
    facts = parse(name)
    assert (facts.key, facts.version) == (key, version)


@pytest.mark.parametrize(
    ("subject", "display", "numbers", "version"),
    [
        ("[PATCH] x", "x", (None, None), None),
        ("[PATCH 1/3] x", "[1/3] x", (1, 3), None),
        ("[PATCH 01/12] x", "[01/12] x", (1, 12), None),
        ("[PATCH 0/3] x", "[0/3] x", (0, 3), None),
        ("[PATCH 1 of 3] x", "[1 of 3] x", (1, 3), None),
        ("[PATCH 2 of 3 V2] x", "[2 of 3,V2] x", (2, 3), 2),
        ("[PATCH v2 1/3] x", "[v2,1/3] x", (1, 3), 2),
        ("[PATCH V2,1/3] x", "[V2,1/3] x", (1, 3), 2),
        ("[PATCHv3] x", "[v3] x", (None, None), 3),
        ("[PATCHv3 2/3] x", "[v3,2/3] x", (2, 3), 3),
        ("[PATCH2/3] x", "[2/3] x", (2, 3), None),
        ("[PATCH v2.1] x", "[v2.1] x", (None, None), 2),
        ("[PATCH take 2] x", "[take 2] x", (None, None), 2),
        ("[PATCH (v2)] x", "[v2] x", (None, None), 2),
        ("[PATCH RFC] x", "[RFC] x", (None, None), None),
        ("[RFC PATCH v2 1/3] x", "[RFC,v2,1/3] x", (1, 3), 2),
        ("[RFC/PATCH 1/2] x", "[RFC,1/2] x", (1, 2), None),
        ("[RFCv2 PATCH 1/2] x", "[RFCv2,1/2] x", (1, 2), 2),
        ("[PATCH net-next v2 1/3] x", "[net-next,v2,1/3] x", (1, 3), 2),
        ("[PATCH -next] x", "[-next] x", (None, None), None),
        ("[PATCH-next] x", "[next] x", (None, None), None),
        ("[PATCH RESEND] x", "[RESEND] x", (None, None), None),
        ("[PATCH IPv6] x", "[IPv6] x", (None, None), None),
        ("[PATCH][media] x", "[media] x", (None, None), None),
        ("[PATCH 1/2]: x", "[1/2] x", (1, 2), None),
        ("[PATCH  ] [v2] x", "[v2] x", (None, None), 2),
        ("[[PATCH 1/2]] x", "[1/2] x", (1, 2), None),
        ("[PATCH 5/3] more than announced", "[5/3] more than announced", (5, 3), None),
        ("[PATCH 0/0] x", "[0/0] x", (None, None), None),
        ("[PATCH 1/12345] x", "[1/12345] x", (None, None), None),
        ("[PATCH 2024/11] x", "[2024/11] x", (None, None), None),
        ("[PATCH 99999999999999999999/3] x", "[99999999999999999999/3] x", (None, None), None),
        ("[PATCH v20240101] x", "[v20240101] x", (None, None), None),
        ("x [PATCH 1/2]", "x [PATCH 1/2]", (None, None), None),
        ("[PATCH 1/2", "[PATCH 1/2", (None, None), None),
    ],
)
def test_brackets_are_taken_apart(
    subject: str, display: str, numbers: tuple[int | None, int | None], version: int | None
) -> None:
    facts = parse(subject)
    assert facts.display == display
    assert (facts.index, facts.total) == numbers
    assert facts.version == version


def test_a_numbered_patch_takes_no_version_from_its_name() -> None:
    assert parse("[PATCH 1/2] Bump libfoo to v2").version is None
    assert parse("[PATCH v3 1/2] Bump libfoo to v2").version == 3


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Re: [PATCH 1/2] x", "x"),
        ("RE: Re: re: [PATCH] x", "x"),
        ("Re[2]: [PATCH] x", "x"),
        ("Fwd: [PATCH] x", "x"),
        ("FW: AW: SV: [PATCH] x", "x"),
        ("Antw: [PATCH] x", "x"),
        ("Réf : [PATCH] x", "x"),
        ("[list] Re: [PATCH 1/2] x", "x"),
        ("Re: [list] Re: [PATCH 1/2] x", "x"),
        ("[PATCH] Re: [PATCH] x", "x"),
        ("WG: hello", "hello"),
    ],
)
def test_replies_are_known_by_their_head(subject: str, name: str) -> None:
    facts = parse(subject, ("list",))
    assert facts.is_reply
    assert facts.name == name


@pytest.mark.parametrize(
    "subject", ["[PATCH] re: match bytes", "[PATCH 1/2] res: fix a leak", "Research: x", "reply"]
)
def test_a_part_of_the_program_is_no_reply(subject: str) -> None:
    assert not parse(subject).is_reply


@pytest.mark.parametrize(
    ("subject", "prefixes"),
    [
        ("[Intel-GFX] [PATCH 1/2] x", ("1/2",)),
        ("[PATCH i-g-t 1/2] x", ("1/2",)),
        ("[My Project] [PATCH other] x", ("other",)),
    ],
)
def test_names_of_project_and_list_are_dropped(subject: str, prefixes: tuple[str, ...]) -> None:
    assert parse(subject, ("intel-gfx", "I-G-T", "my project")).prefixes == prefixes


@pytest.mark.parametrize(
    ("subject", "is_patch", "is_pull"),
    [
        ("[PATCH] x", True, False),
        ("[patch] x", True, False),
        ("[PATCHv2] x", True, False),
        ("[RFC/PATCH] x", True, False),
        ("[1/3] x", True, False),
        ("[RFC] x", False, False),
        ("[PATCHWORK] x", False, False),
        ("x PATCH", False, False),
        ("[GIT PULL] x", False, True),
        ("[PULL] x", False, True),
        ("[PULL 0/3] x", True, True),
        ("GIT PULL: x", False, True),
        ("git pull x", False, True),
        ("Pull request for v5", False, True),
        ("[PATCH] Pullover", True, False),
        ("pull the plug", False, False),
    ],
)
def test_what_it_announces(subject: str, is_patch: bool, is_pull: bool) -> None:
    facts = parse(subject)
    assert (facts.is_patch, facts.is_pull) == (is_patch, is_pull)


@pytest.mark.parametrize("subject", ["", "  ", "Re:", "[PATCH]", "[]", "Re: [PATCH 1/2] Re: []"])
def test_nothing_left_is_no_subject(subject: str) -> None:
    facts = parse(subject)
    assert facts.name == NO_SUBJECT
    assert facts.display.endswith(NO_SUBJECT)
    assert facts.key == ""


def test_white_space_is_folded() -> None:
    assert parse("[PATCH\n 1/2]  a\t b\n c").display == "[1/2] a b c"


def test_what_is_too_long_is_cut() -> None:
    facts = parse("[PATCH " + "x" * 300 + "] " + "y" * 2_000_000)
    assert len(facts.display) == 255
    assert len(facts.name) == 255
    assert len(facts.key) == 255


@given(st.text() | st.text(alphabet="[]()/,: 0123456789vVtakeofPATCHRe:"))
@settings(deadline=None)
def test_no_subject_raises_and_every_field_keeps_its_promise(subject: str) -> None:
    facts = parse(subject, ("a", ""))
    assert facts.name
    assert 0 < len(facts.display) <= 255
    assert len(facts.name) <= 255
    assert len(facts.key) <= 255
    assert (facts.index is None) == (facts.total is None)


@given(
    st.lists(
        st.sampled_from(["RFC", "v2", "V3", "1/3", "0/12", "1 of 4", "RESEND", "net-next", "PULL"]),
        unique=True,
    ),
    st.text(alphabet=string.ascii_letters + string.digits + " ()-_,", min_size=1).map(str.strip),
)
@settings(deadline=None)
def test_what_is_displayed_reads_as_what_it_was(prefixes: list[str], name: str) -> None:
    facts = parse(f"[PATCH {' '.join(prefixes)}] {name}")
    again = parse(facts.display)
    assert again.display == facts.display
    assert (again.name, again.prefixes, again.key) == (facts.name, facts.prefixes, facts.key)
    assert (again.index, again.total, again.version) == (facts.index, facts.total, facts.version)
