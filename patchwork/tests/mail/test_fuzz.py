# SPDX-License-Identifier: GPL-2.0-or-later
"""Real mails, mutated: facts that can be stored or ``Unreadable``, whatever comes out."""

from __future__ import annotations

import contextlib
from functools import reduce
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchwork.mail.facts import Unreadable
from patchwork.mail.reading import diff_as_sent, read
from patchwork.tests.mail.storable import assert_storable

MAILS = [mail.read_bytes() for mail in sorted((Path(__file__).parent / "corpus").glob("*.eml"))]

PIECES = (
    b"\n\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xed\xa0\x80", b"\x1b$B", b"\n ", b"\n--", b"--\n",
    b"=?utf-8?q?=00=0A?=", b"=?utf-7?q?+2AA-?=", b"=?", b"?=", b"=\n", b"=0", b"<", b">", b"<>",
    b"(", b'"', b"\\", b",", b";", b":", b"@", b"&#xD800;", b"&#0;", b"<!--", b"<script>",
    b"\nFrom: ", b"\nFrom ", b"\nMessage-ID: <", b"\nReferences: ", b"\nIn-Reply-To: ", b"\nDate: ",
    b"\nContent-Type: multipart/mixed; boundary=", b"\nContent-Type: text/html\n",
    b"\nContent-Type: text/plain; charset=utf-16\n", b"\nContent-Transfer-Encoding: base64\n",
    b"\nContent-Transfer-Encoding: quoted-printable\n", b"\nList-Id: ", b"\nX-Patchwork-Hint: ",
    b"\nchange-id: ", b"\nSupersedes: ", b"\n@@ -1 +1 @@\n", b"\n--- a/x\n+++ b/x\n", b"\n-- \n",
)  # fmt: skip

positions = st.floats(min_value=0, max_value=1, exclude_max=True)
lengths = st.integers(min_value=0, max_value=200)
pieces = st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))

Mutation = tuple[float, int, bytes]


def mutated(mail: bytes, mutation: Mutation) -> bytes:
    """``mail`` with a stretch of it replaced."""
    place, length, piece = mutation
    start = int(place * len(mail))
    return mail[:start] + piece + mail[start + length :]


def assert_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Unreadable):
        facts = read(raw)
        assert_storable(facts)
        diff_as_sent(raw, facts.diff or "")


bounded = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@bounded
@given(st.sampled_from(MAILS), st.lists(st.tuples(positions, lengths, pieces), max_size=12))
def test_mutated_mails(mail: bytes, mutations: list[Mutation]) -> None:
    assert_read_or_refused(reduce(mutated, mutations, mail))


@bounded
@given(st.sampled_from(MAILS), st.sampled_from(MAILS), positions, positions)
def test_halves_of_two_mails(first: bytes, second: bytes, end: float, start: float) -> None:
    assert_read_or_refused(first[: int(end * len(first))] + second[int(start * len(second)) :])


@bounded
@given(st.lists(st.one_of(pieces, st.just(b"From: ada@example.org\n")), max_size=60))
def test_mails_of_nothing_but_odd_pieces(odd: list[bytes]) -> None:
    assert_read_or_refused(b"From: ada@example.org\n" + b"".join(odd))
