# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that come back, as servers write them, and what is read in them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.mail.bounces import WORDS_LIMIT, Bounce, Failed, read, token_of, verp
from patchwork.tests.mail.hostile import HOSTILE
from patchwork.tests.mail.test_fuzz import Mutation, bounded, lengths, mutated, pieces, positions

BOUNCES = "bounces@lists.example.org"
SAMPLES = {mail.stem: mail for mail in (Path(__file__).parent / "corpus_bounces").glob("*.eml")}
TOKENS = {
    "delivered": "fine",
    "exchange": "Mixed-Case",
    "exchange-5.5": "old",
    "exim": "Exim-1",
    "exim-warning": "warn",
    "person": "human",
    "postfix": "k7Jd_a-1",
    "postfix-delayed": "late",
    "qmail": "q",
    "sendmail": "snd",
    "sendmail-8.8": "older",
    "vacation": "away",
}
ADA, BOB = "ada@example.com", "bob@example.com"
NOBODY: tuple[Failed, ...] = ()
READ = {
    "delivered": Bounce(NOBODY, NOBODY, None, is_bounce=False),
    "exchange": Bounce(
        (
            Failed(
                "ada@corp.example.com",
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address"
                " lookup",
            ),
        ),
        NOBODY,
        "<exchange.1@lists.example.org>",
        is_bounce=True,
    ),
    "exchange-5.5": Bounce((Failed("ada@corp.example.com", ""),), NOBODY, None, is_bounce=True),
    "exim": Bounce(
        (Failed(ADA, ""), Failed(BOB, "")), NOBODY, "<exim.1@lists.example.org>", is_bounce=True
    ),
    "exim-warning": Bounce(NOBODY, (Failed(ADA, ""),), None, is_bounce=True),
    "person": Bounce(NOBODY, NOBODY, "<human.1@lists.example.org>", is_bounce=False),
    "postfix": Bounce(
        (
            Failed(
                ADA,
                "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual"
                " mailbox table",
            ),
            Failed(BOB, "552 5.2.2 Mailbox full"),
        ),
        NOBODY,
        "<pr.17.v2.1@lists.example.org>",
        is_bounce=True,
    ),
    "postfix-delayed": Bounce(
        NOBODY,
        (Failed(ADA, "connect to mail.example.com[192.0.2.25]:25: Connection timed out"),),
        "<late@lists.example.org>",
        is_bounce=True,
    ),
    "qmail": Bounce((Failed(ADA, ""),), NOBODY, "<qmail.1@lists.example.org>", is_bounce=True),
    "sendmail": Bounce(
        (Failed(ADA, "550 5.1.1 <ada@example.com>... User unknown"),),
        NOBODY,
        "<sendmail.1@lists.example.org>",
        is_bounce=True,
    ),
    "sendmail-8.8": Bounce(
        (Failed(ADA, ""),), NOBODY, "<older.1@lists.example.org>", is_bounce=True
    ),
    "vacation": Bounce(NOBODY, NOBODY, "<away.1@lists.example.org>", is_bounce=False),
}


def test_every_sample_is_looked_at() -> None:
    assert set(SAMPLES) == set(READ) == set(TOKENS)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples(name: str, line_end: bytes) -> None:
    raw = SAMPLES[name].read_bytes().replace(b"\n", line_end)
    assert read(raw) == READ[name]
    assert token_of(raw, BOUNCES) == TOKENS[name]


# --- Addresses of their own -------------------------------------------------------------------


def test_an_address_of_its_own() -> None:
    assert verp(BOUNCES, "Ab_1-2") == "bounces+Ab_1-2@lists.example.org"
    assert verp("a+b@x.org", "t") == "a+b+t@x.org"


@pytest.mark.parametrize("token", ["", "a b", "a@b", "a+b", "é", "x" * 65, "a\n", "a."])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        verp(BOUNCES, token)
    assert not token_of(b"", BOUNCES, [f"bounces+{token}@lists.example.org"])


@pytest.mark.parametrize("address", ["", "bounces", "@x", "a b@x", "a\n@x", "<a@x>"])
def test_bounce_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="no mail address"):
        verp(address, "token")


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_any_token_comes_back(token: str) -> None:
    assert token_of(b"", BOUNCES, [verp(BOUNCES, token)]) == token


@pytest.mark.parametrize(
    ("recipients", "token"),
    [
        (["bounces+One@lists.example.org"], "One"),
        (["<BOUNCES+One@Lists.Example.ORG>"], "One"),
        (["x@y.org", "bounces+two@lists.example.org"], "two"),
        (["bounces@lists.example.org"], ""),
        (["Bounces+@lists.example.org", "x@y.org"], ""),
        (["bounces+a+b@lists.example.org"], ""),
        (["bounces@lists.example.org", "bounces+two@lists.example.org"], "two"),
        (["bounces+a@b@lists.example.org"], None),
        (["x@y.org"], None),
        (["bounces+one@listsXexample.org"], None),
        (["bounces+one@evil.org"], None),
        (["xbounces+one@lists.example.org"], None),
        (["bounce\u017f+one@li\u017fts.example.org"], None),
    ],
)
def test_tokens_in_the_envelope(recipients: list[str], token: str | None) -> None:
    assert token_of(b"Subject: x\n\n", BOUNCES, recipients) == token


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ("To: bounces+to@lists.example.org", "to"),
        ("To: Some <x@y.org>, <bounces+to@lists.example.org>", "to"),
        ("To: x@y.org\nX-Original-To: bounces+original@lists.example.org", "original"),
        ("To: bounces+a@lists.example.org\nEnvelope-To: bounces+b@lists.example.org", "b"),
        ("Delivered-To: x@y.org\nDelivered-To: bounces+b@lists.example.org", "b"),
        ("Delivered-To: bounces@lists.example.org\nTo: bounces+to@lists.example.org", "to"),
        ("Delivered-To: bounces@lists.example.org", ""),
        ("Cc: bounces+cc@lists.example.org", None),
        ("Subject: x\n\nTo: bounces+body@lists.example.org", None),
        ("", None),
    ],
)
def test_tokens_in_headers(headers: str, token: str | None) -> None:
    raw = f"{headers}\n\nWords.\n".encode()
    assert token_of(raw, BOUNCES) == token
    assert token_of(raw, BOUNCES, ["alias@lists.example.org"]) == token
    assert token_of(raw, BOUNCES, ["bounces+envelope@lists.example.org"]) == "envelope"


# --- Reports of the standard kind -------------------------------------------------------------


def report(*fields: str) -> Bounce:
    """What is read in a report about one recipient."""
    lines = "\n".join(fields)
    return read(
        b"From: MAILER-DAEMON@example.net\nContent-Type: multipart/report; boundary=B\n\n"
        b"--B\n\nWords, nobody@example.com, more words.\n\n"
        b"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        + lines.encode("utf-8", "surrogateescape")
        + b"\n\n--B--\n"
    )


@pytest.mark.parametrize(
    ("fields", "failed"),
    [
        (["Final-Recipient: rfc822; a@b.org", "Status: 5.1.1"], Failed("a@b.org", "5.1.1")),
        (["Final-Recipient: <a@b.org>"], Failed("a@b.org", "")),
        (["Final-Recipient: rfc822;<a@b.org> (Ada)"], Failed("a@b.org", "")),
        (
            ["Original-Recipient: rfc822; not-a-mailbox", "Final-Recipient: rfc822; a@b.org"],
            Failed("a@b.org", ""),
        ),
        (["Final-Recipient: utf-8; jörg@b.org"], Failed("jörg@b.org", "")),
        (
            ["Final-Recipient: rfc822; a@b.org", "Diagnostic-Code: 550 no; such user"],
            Failed("a@b.org", "550 no; such user"),
        ),
        (
            ["Final-Recipient: rfc822; a@b.org", "Diagnostic-Code: smtp; a\udcff\x1b\0\n\tb"],
            Failed("a@b.org", "aÿ b"),
        ),
        (
            ["Final-Recipient: rfc822; a@b.org", "Diagnostic-Code: smtp; " + "x" * 9_000],
            Failed("a@b.org", "x" * WORDS_LIMIT),
        ),
    ],
)
def test_recipients_and_words(fields: list[str], failed: Failed) -> None:
    assert report("Action: failed", *fields).permanent == (failed,)
    assert report("Action: Delayed", *fields).temporary == (failed,)


def test_a_recipient_stands_there_once() -> None:
    recipient = "Action: failed\nFinal-Recipient: rfc822; a@b.org\n"
    assert report(recipient, recipient).permanent == (Failed("a@b.org", ""),)


@pytest.mark.parametrize(
    ("fields", "is_bounce"),
    [
        (["Action: failed", "Final-Recipient: x400; /CN=Ada"], True),
        (["Final-Recipient: rfc822; a@b.org"], True),
        (["Action: relayed", "Final-Recipient: rfc822; a@b.org"], False),
        (["Action: expanded", "Final-Recipient: rfc822; a@b.org"], False),
    ],
)
def test_reports_that_name_nobody_who_failed(fields: list[str], is_bounce: bool) -> None:
    assert report(*fields) == Bounce(NOBODY, NOBODY, None, is_bounce)


def test_the_mail_that_came_back_goes_before_what_is_replied_to() -> None:
    raw = SAMPLES["exchange"].read_bytes()
    other = raw.replace(b"In-Reply-To: <exchange", b"In-Reply-To: <other")
    assert read(other).original_msgid == "<exchange.1@lists.example.org>"
    without = raw.replace(b"text/rfc822-headers", b"text/x-other").replace(b"Message-ID:", b"X-No:")
    assert read(without).original_msgid == "<exchange.1@lists.example.org>"


@pytest.mark.parametrize("sender", [b"From: MAILER-DAEMON", b"From: <>", b"X-No: sender"])
def test_reports_whose_sender_has_no_address(sender: bytes) -> None:
    raw = SAMPLES["qmail"].read_bytes()
    assert read(raw.replace(b"From: MAILER-DAEMON@mx.example.net", sender)) == READ["qmail"]


# --- Whatever comes ---------------------------------------------------------------------------


def assert_storable(bounce: Bounce) -> None:
    for failed in (*bounce.permanent, *bounce.temporary):
        failed.address.encode()
        failed.words.encode()
        assert failed.address.isprintable() and failed.words.isprintable()
        assert len(failed.words) <= WORDS_LIMIT
    if bounce.original_msgid is not None:
        bounce.original_msgid.encode()
        assert "\0" not in bounce.original_msgid and len(bounce.original_msgid) <= 255


FROM_A_SERVER = b"Return-Path: <>\nFrom: MAILER-DAEMON@example.net\n"


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_mails_take_no_time(kind: str) -> None:
    raw = HOSTILE[kind]()
    for mail in (raw, FROM_A_SERVER + raw):
        start = time.perf_counter()
        assert_storable(read(mail))
        token_of(mail, BOUNCES)
        assert time.perf_counter() - start < 1


SPELLS = (
    b"This Message was undeliverable due to the following reason:\n",
    b"did not reach the following recipient(s):\n",
    b"the following addresses had\n",
    b"Failed addresses follow:\n",
    b"Your message\n",
    b"",
)
SLOW = {
    "angle brackets": b"<" * 990 + b"\n",
    "commas and ats": b"," * 400 + b"@" * 400 + b"\n",
    "few marks": (b"," * 8 + b"<" * 8 + b"@" * 8 + b"x" * 270 + b"\n"),
    "brackets and words": b"<xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" * 8 + b"\n",
    "words": b"x" * 990 + b"\n",
    "blanks": b" " * 990 + b"\n",
    "short lines": b"x\n",
    "blank lines": b"\n",
    "encoded line": b"=3C" * 99_999 + b"\n",
}


@pytest.mark.parametrize("spell", SPELLS)
@pytest.mark.parametrize("kind", SLOW)
def test_patterns_of_dialects_are_given_nothing_slow(kind: str, spell: bytes) -> None:
    text = (
        b"Content-Transfer-Encoding: quoted-printable\n\n"
        + spell
        + SLOW[kind] * (300_000 // len(SLOW[kind]) + 1)
    )
    in_parts = b"Content-Type: multipart/mixed; boundary=B\n\n--B\n" + text + b"\n--B\n\nx\n--B--\n"
    for raw in (FROM_A_SERVER + text, FROM_A_SERVER + in_parts):
        start = time.perf_counter()
        assert_storable(read(raw))
        assert time.perf_counter() - start < 1


def test_many_recipients() -> None:
    group = "\n\n".join(f"Action: failed\nFinal-Recipient: rfc822; {n}@b.org" for n in range(5_000))
    assert len(report(group).permanent) == 200


@bounded
@given(
    st.sampled_from([mail.read_bytes() for _, mail in sorted(SAMPLES.items())]),
    st.lists(st.tuples(positions, lengths, pieces), max_size=12),
)
def test_mutated_bounces(mail: bytes, mutations: list[Mutation]) -> None:
    for mutation in mutations:
        mail = mutated(mail, mutation)
    assert_storable(read(mail))
    token_of(mail, BOUNCES)
