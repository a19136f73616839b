# SPDX-License-Identifier: GPL-2.0-or-later
"""What is composed is read back: by us, by the standard library, and by git."""

from __future__ import annotations

import email
import email.policy
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from patchwork.mail import headers as header_block
from patchwork.mail import parts
from patchwork.mail.charset import storable
from patchwork.mail.compose import CannotCompose, Draft, Mailbox, compose, new_msgid
from patchwork.mail.facts import REFERENCE_LIMIT, Address
from patchwork.mail.reading import read
from patchwork.tests.gits import am, git

DATE = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Mailbox("Ada Abbot", "ada@example.org")
LIST = Mailbox("", "list@example.org")
DRAFT = Draft(ADA, (LIST,), "Say new", "Say new.\n", "<1@example.org>", DATE)
OWN_FIELDS = ["From", "To", "Subject", "Date", "Message-ID"]
MIME_FIELDS = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]

bounded = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def field(raw: bytes, name: str) -> str:
    """A header as it stands, still folded."""
    found: list[bytes] = re.findall(
        rb"^%s:((?:.*\r\n)(?:[ \t].*\r\n)*)" % name.encode(),
        raw.partition(b"\r\n\r\n")[0] + b"\r\n",
        re.MULTILINE,
    )
    assert len(found) == 1, (name, raw)
    return found[0].decode("ascii").removeprefix(" ").removesuffix("\r\n")


def subject(text: str) -> str:
    return field(compose(replace(DRAFT, subject=text)), "Subject")


def sender(name: str, address: str = "ada@example.org") -> str:
    return field(compose(replace(DRAFT, sender=Mailbox(name, address))), "From")


def written_body(text: str) -> tuple[str, bytes]:
    """The transfer encoding, and the body in it."""
    raw = compose(replace(DRAFT, body=text))
    return field(raw, "Content-Transfer-Encoding"), raw.partition(b"\r\n\r\n")[2]


def sent(raw: bytes) -> bytes:
    """The mail after its way through SMTP, as a server of today stores it: with LF."""
    stuffed = re.sub(rb"^\.", b"..", raw, flags=re.MULTILINE) + b".\r\n"
    assert stuffed.count(b"\r\n.\r\n") == 1 and stuffed.endswith(b"\r\n.\r\n")
    received = re.sub(rb"^\.", b"", stuffed.removesuffix(b".\r\n"), flags=re.MULTILINE)
    assert received.count(b"\n") == received.count(b"\r") == received.count(b"\r\n")
    return received.replace(b"\r\n", b"\n")


def one_line(text: str) -> str:
    """What becomes of text in a header."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\ufeff]", " ", text).split())


# --- As a whole -------------------------------------------------------------------------------


def test_a_whole_mail() -> None:
    draft = Draft(
        sender=Mailbox("Jörg Öl", "joerg@example.org"),
        to=(Mailbox("Abbot, Ada", "ada@example.org"), LIST),
        cc=(Mailbox("Bob Baker", "bob@bücher.example"),),
        reply_to=(LIST,),
        subject="[PATCH v2 1/3] mail: größer",
        body="Größer.\n",
        msgid="<2.1@example.org>",
        date=datetime(2024, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1))),
        in_reply_to="<2.0@example.org>",
        references=("<1.0@example.org>", "<2.0@example.org>"),
        headers=(("List-Id", "The list <list.example.org>"), ("X-Patchwork-Hint", "ignore")),
    )
    assert compose(draft).decode() == (
        "From: =?utf-8?q?J=C3=B6rg_=C3=96l?= <joerg@example.org>\r\n"
        'To: "Abbot, Ada" <ada@example.org>, list@example.org\r\n'
        "Cc: Bob Baker <bob@xn--bcher-kva.example>\r\n"
        "Reply-To: list@example.org\r\n"
        "Subject: [PATCH v2 1/3] mail: =?utf-8?q?gr=C3=B6=C3=9Fer?=\r\n"
        "Date: Tue, 02 Jan 2024 03:04:05 +0000\r\n"
        "Message-ID: <2.1@example.org>\r\n"
        "In-Reply-To: <2.0@example.org>\r\n"
        "References: <1.0@example.org> <2.0@example.org>\r\n"
        "List-Id: The list <list.example.org>\r\n"
        "X-Patchwork-Hint: ignore\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n"
        "\r\n"
        "Größer.\r\n"
    )


def test_no_recipients() -> None:
    raw = compose(replace(DRAFT, to=()))
    assert field(raw, "To") == "undisclosed-recipients:;"
    assert read(raw).to == ()


def test_only_copies() -> None:
    assert b"\nTo:" not in compose(replace(DRAFT, to=(), cc=(LIST,)))


# --- Texts in headers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Say new", "Say new"),
        ("  Say\t\n new  ", "Say new"),
        ("Say\r\nBcc: evil@example.org\r\n\r\nnew", "Say Bcc: evil@example.org new"),
        ("Say\0\x1b\x7f\x85\u2028new", "Say new"),
        ("one =?utf-8?q?two?= three", "one =?utf-8?q?=3D=3Futf-8=3Fq=3Ftwo=3F=3D?= three"),
        ("größer", "=?utf-8?q?gr=C3=B6=C3=9Fer?="),
        ("a größer b Öl c", "a =?utf-8?q?gr=C3=B6=C3=9Fer_b_=C3=96l?= c"),
        ("修复内存泄漏", "=?utf-8?b?5L+u5aSN5YaF5a2Y5rOE5ryP?="),
        (
            "[PATCH] " + "words " * 20,
            "[PATCH] words words words words words words words words words words\r\n"
            " words words words words words words words words words words",
        ),
    ],
)
def test_subjects(text: str, written: str) -> None:
    assert subject(text) == written


def test_a_subject_of_nothing() -> None:
    assert b"\r\nSubject:\r\n" in compose(replace(DRAFT, subject=" \n"))


@pytest.mark.parametrize("text", ["x" * 5_000, "x" * 901 + " y", "ö" * 5_000, "修" * 5_000])
def test_long_words_are_cut_into_encoded_ones(text: str) -> None:
    lines = subject(text).split("\r\n")
    assert max(map(len, lines)) <= 76
    words = [word for line in lines for word in line.split() if word.startswith("=?")]
    assert all(len(word) <= 75 and str(make_header(decode_header(word))) for word in words)
    assert str(make_header(decode_header(" ".join(map(str.strip, lines))))) == text


def test_an_encoded_word_begins_behind_the_others_or_on_a_line_of_its_own() -> None:
    assert subject("x" * 30 + " äx") == "x" * 30 + " =?utf-8?q?=C3=A4x?="
    assert subject("x" * 50 + " äx") == "x" * 50 + "\r\n =?utf-8?q?=C3=A4x?="
    first, second = subject("x" * 30 + " " + "äxy" * 9).split("\r\n")
    assert len(first) + len("Subject: ") > 66 and second.startswith(" =?utf-8?q?")


# --- People -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "ada@example.org"),
        (" \t", "ada@example.org"),
        ("Ada  Abbot", "Ada Abbot <ada@example.org>"),
        ("Abbot, Ada", '"Abbot, Ada" <ada@example.org>'),
        ("A. Abbot (she)", '"A. Abbot (she)" <ada@example.org>'),
        ('Ada "Ace" Abbot', r'"Ada \"Ace\" Abbot" <ada@example.org>'),
        ("back\\slash", r'"back\\slash" <ada@example.org>'),
        ("a@b", '"a@b" <ada@example.org>'),
        ("a: b; c", '"a: b; c" <ada@example.org>'),
        ("<ada>", '"<ada>" <ada@example.org>'),
        ("Jörg, Öl", "=?utf-8?q?J=C3=B6rg=2C_=C3=96l?= <ada@example.org>"),
        ("=?utf-8?q?x?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <ada@example.org>"),
        ("Ada\r\nBcc: evil@example.org", '"Ada Bcc: evil@example.org" <ada@example.org>'),
    ],
)
def test_names(name: str, written: str) -> None:
    assert sender(name) == written


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada.O'Neil+x=y/z@Example.ORG", "Ada.O'Neil+x=y/z@Example.ORG"),
        ("a..b.@example.org", "a..b.@example.org"),
        ("root@localhost", "root@localhost"),
        ('"a@b"@example.org', '"a@b"@example.org'),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("ada@[IPv6:2001:db8::1]", "ada@[IPv6:2001:db8::1]"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@a_b.example", "ada@a_b.example"),
    ],
)
def test_addresses(address: str, written: str) -> None:
    assert sender("", address) == written


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "is no mail address"),
        ("ada", "is no mail address"),
        ("@example.org", "is no mail address"),
        ("ada@", "is no mail address"),
        ("a@b@example.org", "before the @"),
        ("a b@example.org", "before the @"),
        ("ada <ada@example.org", "before the @"),
        ('"a b"@example.org', "before the @"),
        ('"a"b"@example.org', "before the @"),
        ("=?utf-8?q?a?=@example.org", "before the @"),
        ("ada\r\nBcc: x@example.org", "before the @"),
        ("a\0@example.org", "before the @"),
        ("jörg@example.org", "beyond ASCII"),
        ("ada@exa mple.org", "domain"),
        ("ada@example.org\r\n", "domain"),
        ("ada@example.org>", "domain"),
        ("ada@.org", "domain"),
        ("ada@example.org.", "domain"),
        ("ada@-a.org", "domain"),
        ("ada@[1.2.3.4", "domain"),
        ("ada@\uff1cx\uff1e", "domain"),
        ("ada@" + "ü" * 70, "domain"),
        ("ada@" + "ü" * 100_000, "domain"),
        ("ada@\ud800.org", "domain"),
        ("a" * 250 + "@example.org", "at most 254"),
    ],
)
def test_addresses_that_are_none(address: str, reason: str) -> None:
    with pytest.raises(CannotCompose, match=reason):
        sender("Ada", address)


def test_a_mailbox_stays_on_one_line_if_it_fits_on_one() -> None:
    people = tuple(
        Mailbox(f"Person {n}, one of many", f"person{n}@example.org") for n in range(5_000)
    )
    raw = compose(replace(DRAFT, to=people))
    lines = field(raw, "To").split("\r\n")
    assert len(lines) == 5_000
    assert lines[1] == ' "Person 1, one of many" <person1@example.org>,'
    assert lines[-1] == ' "Person 4999, one of many" <person4999@example.org>'


@pytest.mark.parametrize("name", ["Ada, " + "x " * 200, "\\" * 400, "x" * 400, "ö" * 400])
def test_long_names(name: str) -> None:
    lines = sender(name).split("\r\n")
    assert max(map(len, lines)) <= 76 or " " not in name
    [(read_name, address)] = getaddresses(["".join(lines)])
    assert str(make_header(decode_header(read_name))) == name.strip()
    assert address == "ada@example.org"


# --- Identifiers ------------------------------------------------------------------------------


def thread(*ids: str, parent: str = "") -> bytes:
    return compose(replace(DRAFT, references=ids, in_reply_to=parent))


def test_ids_stand_as_they_are_however_long_they_are() -> None:
    long_ids = tuple(f"<{number}.{'x=?utf-8?q?y' * 60}@example.org>" for number in range(5))
    raw = thread(*long_ids, parent=long_ids[-1])
    assert field(raw, "References") == "\r\n ".join(long_ids)
    assert field(raw, "In-Reply-To") == long_ids[-1]


def test_a_parent_is_the_last_reference() -> None:
    assert field(thread("<a@b>", parent="<c@d>"), "References") == "<a@b> <c@d>"
    assert field(thread(parent="<c@d>"), "References") == "<c@d>"
    assert b"In-Reply-To" not in thread("<a@b>")
    assert b"References" not in thread()


def test_of_many_references_the_first_and_the_latest_are_kept() -> None:
    ids = [f"<{number}@example.org>" for number in range(1_000)]
    raw = thread(*ids, *ids[:10])
    kept = [ids[0], *ids[-REFERENCE_LIMIT:]]
    assert field(raw, "References").split() == kept
    assert list(read(raw).references) == kept


def test_an_id_with_foreign_letters_is_left_out() -> None:
    assert field(thread("<a@b>", "<é@x>", parent="<ö@x>"), "References") == "<a@b>"
    assert b"In-Reply-To" not in thread(parent="<ö@x>")


@pytest.mark.parametrize(
    "msgid",
    [
        *("a@b", "<a@b", "<>", "<a b@c>", "<a@b>\r\nBcc: x", "<a@b\r\n>", "<a\0@b>", "<a@b><c@d>"),
        *("<é\r@b>", "<é\u2028@b>", "<é b>", "<é><ö>", "<\ud800@b>", "é", " "),
        *("<" + "x" * 990 + "@b>", "<" + "é" * 1_000 + ">"),
    ],
)
def test_ids_that_are_none(msgid: str) -> None:
    with pytest.raises(CannotCompose, match="Message-ID"):
        compose(replace(DRAFT, msgid=msgid))
    with pytest.raises(CannotCompose, match="Message-ID"):
        thread(msgid)
    with pytest.raises(CannotCompose, match="Message-ID"):
        thread(parent=msgid)


@pytest.mark.parametrize("msgid", ["<a>", "<é@b>", "<" + "x" * 255 + "@b>"])
def test_ids_that_may_be_somebody_elses_only(msgid: str) -> None:
    with pytest.raises(CannotCompose, match="Message-ID"):
        compose(replace(DRAFT, msgid=msgid))
    thread(msgid)


def test_new_ids() -> None:
    ids = {new_msgid("example.org") for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"<[0-9a-f]{32}@example\.org>", msgid) for msgid in ids)
    assert new_msgid("bücher.example", left="pr.17.v2") == "<pr.17.v2@xn--bcher-kva.example>"


@pytest.mark.parametrize(
    ("domain", "left"),
    [
        *(("", ""), ("a b", ""), ("a>", ""), ("x\r\n", "")),
        *(("x", "a@b"), ("x", "a b"), ("x", "<"), ("x", "é"), ("x", "a\n"), ("x", "a" * 255)),
    ],
)
def test_new_ids_that_cannot_be(domain: str, left: str) -> None:
    with pytest.raises(CannotCompose):
        new_msgid(domain, left=left)


# --- Further headers --------------------------------------------------------------------------


def further(name: str, value: str) -> str:
    return field(compose(replace(DRAFT, headers=((name, value),))), name)


def test_further_headers() -> None:
    assert further("Auto-Submitted", "auto-generated") == "auto-generated"
    assert further("X-Any", "a\r\nBcc: b") == "a Bcc: b"
    assert further("List-Id", "Größe <a.b>") == "=?utf-8?q?Gr=C3=B6=C3=9Fe?= <a.b>"
    assert max(map(len, further("X-Long", "x" * 3_000).split("\r\n"))) <= 76


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nBcc", "Xé", "-X", "X" * 77, "X\n", "1"])
def test_names_of_headers_that_are_none(name: str) -> None:
    with pytest.raises(CannotCompose, match="name of a mail header"):
        compose(replace(DRAFT, headers=((name, "x"),)))


@pytest.mark.parametrize(
    "name",
    [
        *("From", "TO", "cc", "Bcc", "Reply-To", "Subject", "Date", "Message-Id", "In-Reply-To"),
        *("References", "MIME-Version", "Mime-X", "Content-Type", "content-disposition"),
    ],
)
def test_headers_that_come_from_the_draft_only(name: str) -> None:
    with pytest.raises(CannotCompose, match="no further header"):
        compose(replace(DRAFT, headers=((name, "x"),)))


# --- Dates and characters ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        (datetime(2024, 1, 1), "time zone"),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), "between"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))), "between"),
    ],
)
def test_dates_that_cannot_be(date: datetime, reason: str) -> None:
    with pytest.raises(CannotCompose, match=reason):
        compose(replace(DRAFT, date=date))


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, body="ab\ud800c"),
        replace(DRAFT, subject="ab\ud800c"),
        replace(DRAFT, sender=Mailbox("ab\ud800c", "ada@example.org")),
        replace(DRAFT, headers=(("X-Any", "ab\ud800c"),)),
    ],
)
def test_half_a_character_is_refused(draft: Draft) -> None:
    with pytest.raises(CannotCompose, match=r"half a character \(U\+D800\) at 2"):
        compose(draft)


# --- Bodies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "body"),
    [
        ("", "7bit", b""),
        ("\n", "7bit", b"\r\n"),
        ("One\n\ntwo\n", "7bit", b"One\r\n\r\ntwo\r\n"),
        (".\n..\n", "7bit", b".\r\n..\r\n"),
        ("blanks \t \n\x0c\x0b\n", "7bit", b"blanks \t \r\n\x0c\x0b\r\n"),
        ("\x85\u2028\n", "8bit", b"\xc2\x85\xe2\x80\xa8\r\n"),
        ("x" * 998 + "\n", "7bit", b"x" * 998 + b"\r\n"),
        ("ö" * 499 + "\n", "8bit", b"\xc3\xb6" * 499 + b"\r\n"),
        ("a\rb\n", "quoted-printable", b"a=0Db\r\n"),
        ("a\r\n", "quoted-printable", b"a=0D\r\n"),
        ("a\0b\n", "quoted-printable", b"a=00b\r\n"),
        ("no end", "quoted-printable", b"no end=\r\n"),
        ("blanks ", "quoted-printable", b"blanks =\r\n"),
        ("\r", "quoted-printable", b"=0D=\r\n"),
        ("From a\nFrom: b \n", "quoted-printable", b"=46rom a\r\nFrom: b=20\r\n"),
        (">From a\n>> b\n", "quoted-printable", b"=3EFrom a\r\n>> b\r\n"),
        (".\n..a\n\r", "quoted-printable", b"=2E\r\n=2E.a\r\n=0D=\r\n"),
        ("x=\t\n\r", "quoted-printable", b"x=3D=09\r\n=0D=\r\n"),
    ],
)
def test_bodies(text: str, encoding: str, body: bytes) -> None:
    assert written_body(text) == (encoding, body)


@pytest.mark.parametrize("character", ["x", "ö", ".", ">", "\t", "From ", ">From ", ">>From", "="])
@pytest.mark.parametrize("end", ["", "\n", " \n", "\r\n"])
def test_long_lines(character: str, end: str) -> None:
    for count in (*range(60, 80), 1_000, 2_000):
        text = character * count + end
        encoding, body = written_body(text)
        if encoding == "quoted-printable":
            assert max(map(len, body.split(b"\r\n"))) <= 76
        assert_body_arrives(text)


def assert_body_arrives(text: str) -> None:
    raw = compose(replace(DRAFT, body=text))
    for arrived in (raw, sent(raw)):
        for policy in (email.policy.compat32, email.policy.default):
            message = email.message_from_bytes(arrived, policy=policy)
            payload = message.get_payload(decode=True)
            assert isinstance(payload, bytes)
            if arrived is raw:
                payload = payload.replace(b"\r\n", b"\n")
            assert payload == text.encode()
        assert "\n".join(parts.content(*header_block.split(arrived)).texts) == as_we_read(
            text, arrived
        )


def as_we_read(text: str, arrived: bytes) -> str:
    """Our own reading takes line ends that are all CRLF for the transport's, and drops NULs."""
    text = storable(text)
    if b"\r" in arrived:
        return text
    return text.replace("\r\n", "\n") if text.count("\r\n") == text.count("\n") else text


LINES = st.one_of(
    st.text(),
    st.sampled_from(
        [
            *("From here", ">From", ">>From x", ".", "..", "-- ", "--- a", "+++ b", " \t", "\x0c"),
            *(
                "x" * 998,
                "y" * 999,
                "ö" * 500,
                "a\rb",
                "\r",
                "\0",
                "\x85",
                "\u2028",
                "=20",
                "\ufeff",
            ),
        ]
    ),
)
BODIES = st.tuples(
    st.lists(LINES, max_size=8), st.sampled_from(("\n", "\r\n")), st.sampled_from(("\n", ""))
).map(lambda drawn: drawn[1].join(drawn[0]) + drawn[2])


@bounded
@given(BODIES)
@example("From \n")
@example("a\r\r\nb\n")
@example("\r\n\r\n")
def test_any_body_arrives(text: str) -> None:
    assert_body_arrives(text)


# --- Anything at all --------------------------------------------------------------------------

TEXTS = st.text(max_size=60)
CHARACTERS = st.sampled_from("ab .,:;<>@()\"\\'?=_é修\U0001f980\r\n\t\0\x85\u2028\ufeff-")
ODD_TEXTS = st.one_of(TEXTS, st.text(CHARACTERS, max_size=60))
IDS = st.builds(
    "<{}@{}>".format,
    st.text("".join(map(chr, {*range(33, 127)} - {*b"<>"})), min_size=1, max_size=80),
    st.text("ab.-[]:=?", min_size=1, max_size=80),
)
ADDRESSES = st.builds(
    "{}@{}.org".format,
    st.text("az09!#$%&'*+/^_`{|}~-", min_size=1, max_size=30),
    st.text("a0", min_size=1, max_size=30),
)
PEOPLE = st.lists(st.builds(Mailbox, ODD_TEXTS, ADDRESSES), max_size=4).map(tuple)
DRAFTS = st.builds(
    Draft,
    sender=st.builds(Mailbox, ODD_TEXTS, ADDRESSES),
    to=PEOPLE,
    cc=PEOPLE,
    reply_to=PEOPLE,
    subject=ODD_TEXTS,
    body=BODIES,
    msgid=IDS,
    date=st.datetimes(
        min_value=datetime(1971, 1, 1),  # noqa: DTZ001
        max_value=datetime(2099, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    in_reply_to=st.one_of(st.just(""), IDS),
    references=st.lists(IDS, max_size=8).map(tuple),
    headers=st.lists(st.tuples(st.just("X-Patchwork-Any"), ODD_TEXTS), max_size=3).map(tuple),
)


def expected_fields(draft: Draft) -> list[str]:
    thread = ["In-Reply-To"] * bool(draft.in_reply_to)
    thread += ["References"] * bool(draft.references or draft.in_reply_to)
    return [
        "From",
        *["To"] * bool(draft.to or not draft.cc),
        *["Cc"] * bool(draft.cc),
        *["Reply-To"] * bool(draft.reply_to),
        *["Subject", "Date", "Message-ID"],
        *thread,
        *(name for name, _ in draft.headers),
        *MIME_FIELDS,
    ]


def ids(draft: Draft) -> list[str]:
    """The References of a draft."""
    return [msgid for msgid in dict.fromkeys((*draft.references, draft.in_reply_to)) if msgid]


def unfolded(message: Message, name: str) -> list[str]:
    return [re.sub(r"\r?\n", "", value) for value in message.get_all(name, [])]


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


@bounded
@given(DRAFTS)
def test_the_old_standard_library_reads_what_was_meant(draft: Draft) -> None:
    raw = compose(draft)
    message = email.message_from_bytes(raw)
    assert message.keys() == expected_fields(draft)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert decoded(*unfolded(message, "Subject")) == one_line(draft.subject)
    people = {"From": (draft.sender,), "To": draft.to, "Cc": draft.cc, "Reply-To": draft.reply_to}
    for name, mailboxes in people.items():
        found = [pair for pair in getaddresses(unfolded(message, name)) if pair[1]]
        assert [(decoded(person), address) for person, address in found] == [
            (one_line(mailbox.name), mailbox.address) for mailbox in mailboxes
        ]
    assert unfolded(message, "Message-ID") == [draft.msgid]
    assert " ".join(unfolded(message, "References")).split() == ids(draft)
    assert [decoded(value) for value in unfolded(message, "X-Patchwork-Any")] == [
        one_line(value) for _, value in draft.headers
    ]


def without_blanks(text: str) -> str:
    """The new parser has an opinion of its own about blanks between and within encoded words."""
    return "".join(text.split())


@bounded
@given(DRAFTS)
def test_the_new_standard_library_reads_what_was_meant(draft: Draft) -> None:
    message = email.message_from_bytes(compose(draft), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.keys() == expected_fields(draft)
    assert without_blanks(message["Subject"]) == without_blanks(one_line(draft.subject))
    assert [
        (without_blanks(each.display_name), each.addr_spec) for each in message["From"].addresses
    ] == [(without_blanks(one_line(draft.sender.name)), draft.sender.address)]
    for name, mailboxes in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        written = message[name].addresses if mailboxes else ()
        assert [each.addr_spec for each in written] == [each.address for each in mailboxes]
    assert message["Date"].datetime == draft.date.replace(microsecond=0)
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"


def as_we_store(mailbox: Mailbox) -> Address:
    return Address(one_line(mailbox.name), mailbox.address)


@bounded
@given(DRAFTS)
def test_we_read_what_was_meant(draft: Draft) -> None:
    raw = compose(draft)
    for arrived in (raw, sent(raw)):
        facts = read(arrived)
        assert facts.msgid == draft.msgid
        parent = [draft.in_reply_to] if draft.in_reply_to else []
        references = [msgid for msgid in ids(draft) if msgid not in parent] + parent
        assert list(facts.references) == [each for each in references if each != draft.msgid]
        assert facts.sender == as_we_store(draft.sender)
        assert facts.to == tuple(map(as_we_store, draft.to))
        assert facts.cc == tuple(map(as_we_store, draft.cc))
        assert facts.subject == one_line(draft.subject)
        assert facts.date == draft.date.replace(microsecond=0)


# --- Git --------------------------------------------------------------------------------------

TREE = {"dos.txt": "one\r\ntwo\r\n", "long.txt": "short\n", "plain.txt": "old\n"}
NEW_TREE = {
    "dos.txt": "one\r\ntwo and more\r\nthree \r\n",
    "long.txt": "länger " * 300 + "\nFrom here\n>From there\n.\n\tx \n\x0c\x85\u2028\n",
    "plain.txt": "a lone \r, and no line end",
}
NAME = "Jörg (ΔΙ) Ö., von"


def commit(repository: Path, tree: dict[str, str], *arguments: str) -> None:
    """Commit files as they are: ``gits.init`` writes text."""
    repository.mkdir(exist_ok=True)
    git(repository, "init", "--quiet", "--initial-branch=main")
    for name, content in tree.items():
        (repository / name).write_bytes(content.encode())
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", *arguments)


@pytest.mark.parametrize("is_kept_as_sent", [False, True])
@pytest.mark.parametrize("tree", [NEW_TREE, {"dos.txt": NEW_TREE["dos.txt"]}, {"plain.txt": "ö\n"}])
def test_git_applies_what_git_wrote(
    tmp_path: Path, tree: dict[str, str], is_kept_as_sent: bool
) -> None:
    """Long lines, CRLF, ``From `` lines and no line end at the end, all at once and apart."""
    author, theirs = tmp_path / "author", tmp_path / "theirs"
    commit(author, TREE, "--message=base")
    commit(theirs, TREE, "--message=base")
    message = "mail: größer, " + "länger " * 20 + "\n\nWords.\n\nFrom x\n.\n"
    commit(author, tree, f"--message={message}", f"--author={NAME} <joerg@example.org>")
    patch = git(author, "format-patch", "--stdout", "-1").partition("\n")[2] + "\n"
    subject = read(patch.encode()).subject
    body = patch.partition("\n\n")[2]
    raw = compose(
        replace(DRAFT, sender=Mailbox(NAME, "joerg@example.org"), subject=subject, body=body)
    )
    am(theirs, raw if is_kept_as_sent else sent(raw))
    for shown in ("%an <%ae>", "%B", "%T"):
        words = [git(each, "log", "-1", f"--format={shown}") for each in (author, theirs)]
        assert words[0] == words[1]


# --- Time -------------------------------------------------------------------------------------


def seconds(draft: Draft) -> float:
    """The best of a few runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        compose(draft)
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, body="+new line of a patch\n" * 50_000),
        replace(DRAFT, body="+new\r\n" * 100_000),
        replace(DRAFT, body="From " * 100_000),
        replace(DRAFT, body=">" * 1_000_000),
        replace(DRAFT, body="\n" * 1_000_000),
        replace(DRAFT, subject=" \t" * 500_000),
        replace(DRAFT, subject="ö" * 50_000),
        replace(DRAFT, subject="=?" * 50_000),
        replace(DRAFT, references=tuple(f"<{number}@b>" for number in range(50_000))),
        replace(DRAFT, sender=Mailbox("\\" * 100_000, "a@b")),
    ],
    ids=range(10),
)
def test_time_grows_with_size_only(draft: Draft) -> None:
    assert seconds(draft) < 1
