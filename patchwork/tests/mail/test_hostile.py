# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever a mail holds: facts that can be stored, or a reason in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchwork.mail.facts import MailFacts, Unreadable
from patchwork.mail.reading import diff_as_sent, read
from patchwork.tests.mail.hostile import HOSTILE
from patchwork.tests.mail.storable import assert_storable

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.eml"))

REFUSED = {
    "nothing": "empty",
    "blanks only": "empty",
    "no headers": "no sender",
    "no from": "no sender",
    "from without mailbox": "no sender",
    "from of blanks": "no sender",
    "fifty megabytes": "at most",
    "parts nested 2 000 deep": "nested",
    "a million parts": "MIME parts",
}
"""Kinds that cannot be taken in, and a word of the reason."""


def read_hostile(kind: str) -> MailFacts:
    return read(HOSTILE[kind]())


@pytest.mark.parametrize("kind", sorted(set(HOSTILE) - set(REFUSED)))
def test_facts_of_a_hostile_mail_can_be_stored(kind: str) -> None:
    assert_storable(read_hostile(kind))


@pytest.mark.parametrize(("kind", "reason"), REFUSED.items())
def test_what_cannot_be_taken_in_is_refused_with_a_reason(kind: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_hostile(kind)


@pytest.mark.parametrize("mail", CORPUS, ids=lambda mail: mail.stem)
def test_facts_of_the_corpus_can_be_stored(mail: Path) -> None:
    assert_storable(read(mail.read_bytes()))


@pytest.mark.parametrize("mail", CORPUS, ids=lambda mail: mail.stem)
def test_line_ends_of_the_transport_change_nothing(mail: Path) -> None:
    as_lf = mail.read_bytes().replace(b"\r\n", b"\n")
    assert read(as_lf.replace(b"\n", b"\r\n")) == read(as_lf)


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_hostile_mail_has_bytes_for_its_diff_or_none(kind: str) -> None:
    raw = HOSTILE[kind]()
    diff = "" if kind in REFUSED else read(raw).diff or ""
    assert diff_as_sent(raw, "another") is None
    assert not diff or diff_as_sent(raw, diff)


@pytest.mark.parametrize("mail", CORPUS, ids=lambda mail: mail.stem)
def test_a_diff_is_found_as_it_was_sent(mail: Path) -> None:
    raw = mail.read_bytes()
    diff = read(raw).diff
    assert diff is None or diff_as_sent(raw, diff) == diff.encode()
