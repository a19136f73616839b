# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written into an archive is read back, byte for byte."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.mail.mbox import entry, split_mbox

DATE = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
MAIL = b"Subject: One\n\nText\n"
TRICKY = [
    MAIL,
    b"Subject: Blank lines at the end\n\nText\n\n\n",
    b"Subject: CRLF\r\n\r\nFrom here on\r\n\r\nFrom: there\r\n",
    b"From someone Mon Jan  1 00:00:00 2024\nSubject: With its mbox line\n\nText\n",
    b"Subject: An mbox\n\nFrom a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\n>From y\n>>From z\n",
]


def there_and_back(*mails: bytes) -> list[bytes]:
    archive = b"".join(entry(mail, "a@example.org", DATE) for mail in mails)
    return list(split_mbox(io.BytesIO(archive)))


def test_what_an_entry_looks_like() -> None:
    line = b"From a@example.org Sat Feb  3 04:05:06 2024\n"
    assert entry(MAIL, "a@example.org", DATE) == line + MAIL + b"\n"


@pytest.mark.parametrize("sender", ["", " ", "\n", "é"])
def test_a_sender_who_cannot_stand_there(sender: str) -> None:
    assert entry(MAIL, sender, DATE).startswith(b"From MAILER-DAEMON Sat Feb ")


def test_tricky_mails() -> None:
    assert there_and_back(*TRICKY) == TRICKY


def test_a_mail_without_an_end_gets_one() -> None:
    assert there_and_back(b"Subject: One\n\nText", MAIL) == [b"Subject: One\n\nText\n", MAIL]


@given(
    st.lists(
        st.lists(
            st.sampled_from([b"From a Mon Jan  1 00:00:00 2024", b">From ", b"", b"A: b", b"\r"])
        ).map(lambda lines: b"\n".join([b"Subject: One", *lines, b"Text", b""])),
        max_size=4,
    )
)
def test_any_mails(mails: list[bytes]) -> None:
    assert there_and_back(*mails) == mails
