# SPDX-License-Identifier: GPL-2.0-or-later
"""What each part of a mail is read as. Real mails lie in ``corpus``."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from patchwork.mail import addresses, dates, msgids, rendering
from patchwork.mail.charset import decode, decode_words
from patchwork.mail.facts import Address, Hints, MailFacts, Trailer, Unreadable
from patchwork.mail.headers import split
from patchwork.mail.reading import read

CORPUS = Path(__file__).parent / "corpus"
ADA = Address("Ada Abbot", "ada@example.org")
DIFF = """\
diff --git a/README b/README
index 5626abf..f719efd 100644
--- a/README
+++ b/README
@@ -1 +1 @@
-one
+two
"""


def read_file(name: str) -> MailFacts:
    return read((CORPUS / f"{name}.eml").read_bytes())


def read_with(*headers: str, text: str = "Words.\n") -> MailFacts:
    """A mail from Ada with these headers more."""
    start = ("From: Ada Abbot <ada@example.org>", "Subject: Say two")
    return read(("\n".join((*start, *headers)) + "\n\n" + text).encode())


class TestPatchByGitSendEmail:
    facts = read_file("patch-git-send-email")

    def test_identity(self) -> None:
        assert self.facts.msgid == "<20240102100000.1-2-ada@example.org>"
        assert self.facts.original_msgid is None
        assert self.facts.references == (
            "<20240101100000.9-1-ada@example.org>",
            "<20240102100000.1-1-ada@example.org>",
        )
        assert self.facts.in_reply_to == "<20240102100000.1-1-ada@example.org>"

    def test_people(self) -> None:
        assert self.facts.sender == Address("Ada Abböt", "ada@example.org")
        assert self.facts.rewritten_from is None
        assert self.facts.in_body_from == Address("Ivy Inlet", "ivy@example.org")
        assert self.facts.to == (Address("The list", "tools@lists.example.org"),)
        assert self.facts.cc == (
            Address("Oak, Oto", "oto@example.org"),
            Address("Ivy Inlet", "ivy@example.org"),
        )

    def test_dates_are_utc(self) -> None:
        assert self.facts.date == datetime(2024, 1, 2, 10, tzinfo=UTC)
        assert self.facts.received == datetime(2024, 1, 2, 10, 0, 5, tzinfo=UTC)

    def test_headers(self) -> None:
        assert self.facts.subject == "[PATCH v2 1/2] readme: say two"
        assert self.facts.list_ids == ("tools.lists.example.org", "tools@lists.example.org")
        assert self.facts.hints == Hints(
            comment=True, state="Under Review", delegate="oto@example.org", action_required=False
        )
        assert self.facts.authentication_results == (
            "mx.example.net; dkim=pass header.d=example.org;"
            " spf=pass smtp.mailfrom=ada@example.org",
            "lists.example.org; dkim=none",
        )
        assert self.facts.headers.startswith("Received: from lists.example.org")
        assert "\n\tby mx.example.net (Postfix)" in self.facts.headers
        assert "=?UTF-8?q?Ada=20Abb=C3=B6t?=" in self.facts.headers

    def test_words(self) -> None:
        assert self.facts.diff == DIFF
        assert "One was never enough for Abböt." in self.facts.message
        assert "diff --git" not in self.facts.message
        assert "diff --git" in self.facts.text
        assert "2.39.5" not in self.facts.text
        assert Trailer("Signed-off-by", "Ada Abböt <ada@example.org>") in self.facts.trailers

    def test_statements(self) -> None:
        assert self.facts.depends_on == ("<20231231100000.1-1-oto@example.org>",)
        assert self.facts.base_commit == "0123456789abcdef0123456789abcdef01234567"
        assert self.facts.change_id is None


class TestKindsOfMail:
    def test_cover_letter_by_b4_says_what_it_continues(self) -> None:
        facts = read_file("cover-b4")
        assert facts.diff is None
        assert facts.change_id == "20231231-say-two-aabbccddeeff"
        assert facts.base_commit == "0123456789abcdef0123456789abcdef01234567"

    def test_attached_patch_gives_diff_and_its_message(self) -> None:
        facts = read_file("patch-attached")
        assert facts.diff == DIFF
        assert facts.text == "Here it is, my smørrebrød."
        assert facts.message.startswith("Here it is, my smørrebrød.\n\nOne was never enough.")
        assert facts.trailers == (Trailer("Signed-off-by", "Ada Abbot <ada@example.org>"),)

    def test_diff_of_a_file_with_crlf_keeps_its_line_ends(self) -> None:
        facts = read_file("patch-of-a-crlf-file")
        assert facts.diff is not None
        assert facts.diff.count("\r\n") == 2
        assert facts.message == "Say two.\n---"
        assert "\r" not in facts.text

    def test_plain_text_is_preferred_among_alternatives(self) -> None:
        facts = read_file("reply-multipart-alternative")
        assert facts.text.startswith("> -one\n> +two\n\nLooks good.")
        assert facts.diff is None
        assert facts.references == ("<attached@example.org>",)
        assert [trailer.token for trailer in facts.trailers] == ["Reviewed-by"]

    def test_html_is_made_readable_and_never_a_diff(self) -> None:
        facts = read_file("html-only")
        assert facts.diff is None
        assert facts.text.startswith("Looks good & well, 3 < 4.\n\nThanks\nOto")
        assert "\n\n--- a/README\n+++ b/README\n@@ -1 +1 @@\n" in facts.text
        for hidden in ("color", "alert", "hidden"):
            assert hidden not in facts.text

    def test_invitation_is_its_summary_and_description(self) -> None:
        assert read_file("calendar-invite").text == "Release, at last\n\nBring cake.\nAnd tea."

    def test_pull_request_names_repository_and_ref(self) -> None:
        assert read_file("pull-request").pull_url == (
            "https://git.example.org/tools.git tags/say-two"
        )

    def test_a_forwarded_patch_is_not_the_senders(self) -> None:
        facts = read_file("forwarded-message")
        assert (facts.text, facts.diff) == ("Have a look.", None)

    def test_line_of_a_list_archive(self) -> None:
        facts = read_file("pipermail-archive")
        assert facts.sender == ADA
        assert facts.date == datetime(2024, 1, 2, 10, tzinfo=UTC)

    @pytest.mark.parametrize("name", ["raw-latin-1-headers", "raw-utf-8-without-charset"])
    def test_raw_bytes_in_headers_and_text(self, name: str) -> None:
        facts = read_file(name)
        assert facts.sender == Address("Jörg Gräf", "joerg@example.org")
        assert facts.subject == "Grüße"
        assert facts.text.startswith("Grüße aus Köln.")
        assert facts.date == datetime(2024, 1, 2, 10, tzinfo=UTC)

    def test_one_line_in_another_charset_spoils_only_itself(self) -> None:
        assert read_file("raw-utf-8-without-charset").text.endswith("Und aus Düren.")

    def test_a_lone_attached_text_is_the_text(self) -> None:
        facts = read_with("Content-Type: text/plain", "Content-Disposition: attachment")
        assert facts.text == "Words."

    def test_inline_diff_goes_before_attached_ones(self) -> None:
        attached = DIFF.replace("README", "OTHER")
        parts = f"--b\n\nWords.\n---\n{DIFF}\n--b\nContent-Type: text/x-diff\n\n{attached}\n--b--\n"
        facts = read_with("Content-Type: multipart/mixed; boundary=b", text=parts)
        assert facts.diff == DIFF

    def test_attached_diffs_are_put_together(self) -> None:
        other = DIFF.replace("README", "OTHER")
        attached = "".join(
            f"--b\nContent-Type: application/octet-stream\n\n{diff}" for diff in (DIFF, other)
        )
        parts = f"--b\n\nWords.\n{attached}--b--\n"
        facts = read_with("Content-Type: multipart/mixed; boundary=b", text=parts)
        assert facts.diff == DIFF + other


class TestEnvelope:
    PATCH = (CORPUS / "patch-git-send-email.eml").read_bytes()

    @pytest.mark.parametrize(
        "before",
        [
            b"\n\n",
            b"\xef\xbb\xbf",
            b"From ada@example.org Tue Jan  2 10:00:00 2024\n",
            b">From x\n",
        ],
    )
    def test_what_stands_before_the_headers_is_dropped(self, before: bytes) -> None:
        assert read(before + self.PATCH) == read(self.PATCH)

    def test_nuls_are_dropped(self) -> None:
        assert read(self.PATCH.replace(b"e", b"e\0")) == read(self.PATCH)

    def test_carriage_returns_alone_are_line_ends(self) -> None:
        assert read(self.PATCH.replace(b"\n", b"\r")) == read(self.PATCH)

    def test_text_begins_at_the_first_line_that_is_no_header(self) -> None:
        facts = read(b"From: ada@example.org\nSubject: Say two\nOne was: never enough.\n\nX: y\n")
        assert facts.text == "One was: never enough.\n\nX: y"

    def test_empty_mail_is_refused(self) -> None:
        with pytest.raises(Unreadable, match="empty"):
            read(b"\r\n\n")

    def test_reason_names_the_from_header_that_means_nobody(self) -> None:
        with pytest.raises(Unreadable, match="From names no mailbox: 'root'"):
            read(b"From: root\n\n")

    def test_long_header_blocks_are_cut_with_a_note(self) -> None:
        facts = read_with(*(f"X-Line-{number}: {'x' * 60}" for number in range(2_000)))
        assert facts.headers.endswith("[The rest of the header block is left out here.]")


class TestMessageIds:
    @pytest.mark.parametrize(
        ("header", "msgid", "original"),
        [
            ("<a@b>", "<a@b>", None),
            ("  <a@b> ", "<a@b>", None),
            ("a@b", "<a@b>", "a@b"),
            ("<a@b> (by postmaster)", "<a@b>", "<a@b> (by postmaster)"),
            ("(by <x@y>) <a@b>", "<a@b>", "(by <x@y>) <a@b>"),
            ("<a b @ c>", "<ab@c>", "<a b @ c>"),
            ("<a@b", "<a@b>", "<a@b"),
            ("=?utf-8?q?=3Ca=40b=3E?=", "<a@b>", None),
        ],
    )
    def test_own(self, header: str, msgid: str, original: str | None) -> None:
        facts = read_with(f"Message-ID: {header}", "Message-ID: <second@b>")
        assert (facts.msgid, facts.original_msgid) == (msgid, original)

    def test_spaces_are_dropped_wherever_the_id_stands(self) -> None:
        facts = read_file("message-id-with-spaces")
        assert facts.msgid == "<saytwo@example.org>"
        assert facts.references == ("<first@example.org>",)

    def test_missing_is_made_up_alike_for_every_copy(self) -> None:
        raw = (CORPUS / "no-message-id.eml").read_bytes()
        msgid = read(raw).msgid
        assert msgid.endswith("@missing>")
        assert read(b"Received: from elsewhere\n" + raw + b"\n").msgid == msgid
        assert read(raw.replace(b"\n", b"\r\n")).msgid == msgid
        assert read(raw.replace(b"Words", b"Others")).msgid != msgid

    def test_too_long_is_hashed_and_still_found_by_those_who_refer_to_it(self) -> None:
        long = f"<{'x' * 300}@example.org>"
        hashed = f"<{sha256(long.encode()).hexdigest()}@long>"
        parent = read_with(f"Message-ID: {long}")
        assert (parent.msgid, parent.original_msgid) == (hashed, long)
        assert read_with(f"In-Reply-To: {long}").in_reply_to == hashed
        assert read_with(f"References: <a@b>\n {long}").references == ("<a@b>", hashed)

    @pytest.mark.parametrize(
        ("references", "in_reply_to", "expected"),
        [
            ("<a@x> <b@x>", "", "<a@x> <b@x>"),
            ("<a@x><b@x>", "<b@x>", "<a@x> <b@x>"),
            ("<a@x> <b@x>", "<a@x>", "<b@x> <a@x>"),
            ("<a@x>", "<b@x>", "<a@x> <b@x>"),
            ("", "<b@x> <c@x>", "<b@x>"),
            ("", 'Message from "Ada" of Monday. <b@x>', "<b@x>"),
            ("", "b@x", "<b@x>"),
            ("<a@x> <a@x> <own@x> <b@x>", "<own@x>", "<a@x> <b@x>"),
            ("<> << > <a@x", "", ""),
            ("no ids here", "none here", ""),
        ],
    )
    def test_references(self, references: str, in_reply_to: str, expected: str) -> None:
        facts = read_with(
            "Message-ID: <own@x>", f"References: {references}", f"In-Reply-To: {in_reply_to}"
        )
        assert facts.references == tuple(expected.split())

    def test_root_and_the_nearest_hundred_are_kept(self) -> None:
        ids = [f"<{number}.{'long' * 10}@example.org>" for number in range(10_000)]
        facts = read_with("References: " + "\n ".join(ids))
        assert facts.references == (ids[0], *ids[-100:])

    def test_all_of_a_short_list_are_found(self) -> None:
        assert msgids.find("<a@x>, junk <b@x>") == ["<a@x>", "<b@x>"]


class TestSenders:
    def test_author_behind_mailman(self) -> None:
        facts = read_file("dmarc-mailman")
        assert facts.sender == ADA
        assert facts.rewritten_from == Address("Ada Abbot via Tools", "tools@lists.example.org")

    def test_author_behind_google_groups(self) -> None:
        facts = read_file("dmarc-google-groups")
        assert facts.sender == ADA
        assert facts.rewritten_from == Address("'Ada Abbot' via Tools", "tools@groups.example.com")

    MUNGED = "From: Ada Abbot via Tools <tools@x.org>\nList-Post: <mailto:tools@x.org>\n"

    @pytest.mark.parametrize(
        ("headers", "sender"),
        [
            ("Reply-To: ada@example.org\n", ADA),
            ("Cc: Ada Abbot <ada@example.org>, Oto <oto@example.org>\n", ADA),
            ("Reply-To: a@b.c, d@e.f\nCc: Ada Abbot <ada@example.org>\n", ADA),
            ("Reply-To: tools@x.org\n", Address("Ada Abbot via Tools", "tools@x.org")),
            ("X-Original-From: tools@x.org\nReply-To: ada@example.org\n", ADA),
            (
                "X-Original-From: oto@example.org\nReply-To: ada@example.org\n",
                Address("Ada Abbot via Tools", "tools@x.org"),
            ),
            (
                "Cc: Ada Abbot <ada@example.org>, Ada Abbot <oto@example.org>\n",
                Address("Ada Abbot via Tools", "tools@x.org"),
            ),
        ],
    )
    def test_where_the_author_is_looked_for(self, headers: str, sender: Address) -> None:
        assert read((self.MUNGED + headers + "\n").encode()).sender == sender

    def test_nobody_else_is_believed_when_no_list_rewrote_from(self) -> None:
        facts = read_with("Reply-To: oto@example.org", "X-Original-From: oto@example.org")
        assert (facts.sender, facts.rewritten_from) == (ADA, None)

    def test_list_named_by_its_id_only(self) -> None:
        facts = read(
            b"From: Ada Abbot via Tools <tools@x.org>\nList-Id: <tools.x.org>\n"
            b"Reply-To: Ada Abbot <ada@example.org>\n\n"
        )
        assert facts.sender == ADA

    def test_sender_stands_in_for_from(self) -> None:
        assert read(b"Sender: Ada Abbot <ada@example.org>\n\n").sender == ADA

    @pytest.mark.parametrize(
        ("text", "author"),
        [
            ("From: Ada Abbot <ada@example.org>\n\nWords.", ADA),
            ("\n\nFrom: =?utf-8?q?Ada_Abbot?= <ada@example.org>\n", ADA),
            ("Words.\nFrom: Ada Abbot <ada@example.org>\n", None),
            ("> From: Ada Abbot <ada@example.org>\n", None),
            ("From: the very beginning\n", None),
            ("From: me\n<ada@example.org>\n", None),
        ],
    )
    def test_in_body_from(self, text: str, author: Address | None) -> None:
        assert read_with(text=text).in_body_from == author


ADDRESSES = {
    "ada@example.org": [("", "ada@example.org")],
    "<ada@example.org>": [("", "ada@example.org")],
    "Ada Abbot <ada@example.org>": [("Ada Abbot", "ada@example.org")],
    '"Abbot, Ada" <ada@example.org>': [("Abbot, Ada", "ada@example.org")],
    r'"Ada \"A\" Abbot" <ada@example.org>': [('Ada "A" Abbot', "ada@example.org")],
    "ada@example.org (Ada (the) Abbot)": [("Ada (the) Abbot", "ada@example.org")],
    "ada at example.org (Ada Abbot)": [("Ada Abbot", "ada@example.org")],
    "=?utf-8?b?QWJiw7Z0?= <ada@example.org>": [("Abböt", "ada@example.org")],
    '"=?utf-8?q?Abb=C3=B6t?=" <ada@example.org>': [("Abböt", "ada@example.org")],
    "Ada <ada@example.org>, Oto <oto@example.org>": [
        ("Ada", "ada@example.org"),
        ("Oto", "oto@example.org"),
    ],
    "Friends: a@b.c, Oto <oto@example.org>;": [("", "a@b.c"), ("Oto", "oto@example.org")],
    "undisclosed-recipients:;": [],
    "Ada <mailto:ada@example.org>": [("Ada", "ada@example.org")],
    "Ada <ada@example.org": [("Ada", "ada@example.org")],
    "Ada <a <ada@example.org>": [("Ada <a", "ada@example.org")],
    "Ada <two words@example.org>": [("Ada", "twowords@example.org")],
    "root": [],
    "<>": [],
    "@": [],
    f"{'x' * 250}@example.org": [],
    '"open quote <ada@example.org>, b@c': [("open quote", "ada@example.org")],
    "To: Ada <ada@example.org>": [("To: Ada", "ada@example.org")],
    "": [],
}


@pytest.mark.parametrize(("header", "expected"), ADDRESSES.items())
def test_addresses(header: str, expected: list[tuple[str, str]]) -> None:
    found = addresses.parse(header, 10)
    assert [(address.name, address.email) for address in found] == expected


def test_from_that_is_encoded_as_a_whole() -> None:
    headers, _ = split(b"From: =?utf-8?q?Ada_Abbot_=3Cada=40example=2Eorg=3E?=\n\n")
    assert addresses.first(headers, "from") == ADA


def test_a_name_cannot_bring_in_a_header() -> None:
    facts = read(b"From: =?utf-8?q?Ada=0D=0ABcc:_e=40x?= <ada@example.org>\n\n")
    assert facts.sender == Address("Ada Bcc: e@x", "ada@example.org")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mon, 01 Jan 2024 10:00:00 +0000", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 2024 10:00:00 -0130 (X)", datetime(2024, 1, 1, 11, 30, tzinfo=UTC)),
        ("1 Jan 2024 10:00 GMT", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 24 10:00:00 EST", datetime(2024, 1, 1, 15, tzinfo=UTC)),
        ("Mon Jan  1 10:00:00 2024", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 2024 10:00:60 +0000", datetime(2024, 1, 1, 10, 0, 59, tzinfo=UTC)),
        ("2024-01-01T10:00:00Z", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("2024-01-01 11:00:00 +0100", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("2024-01-01 10:00:00", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 2024 10:00:00 +9900", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 30 Feb 2024 10:00:00 +0000", None),
        ("Mon, 1 Jan 2024 25:00:00 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Mon, 1 Jan 0001 00:00:00 +1200", None),
        ("Wed, 31 Dec 1969 23:59:59 +0000", None),
        ("Thu, 1 Jan 1970 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-13-45 10:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(header: str, expected: datetime | None) -> None:
    assert dates.parse(header) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("List-Id: The Tools <Tools.Example.Org>", ("tools.example.org",)),
        ("List-Id: tools.example.org", ("tools.example.org",)),
        ("List-Id: no id here", ()),
        ("X-Mailing-List: <tools@x.org> archive/latest/1", ("tools@x.org",)),
        ("X-List: tools@x.org\nList-Id: <tools.x.org>", ("tools.x.org", "tools@x.org")),
        ("List-Post: <mailto:tools@x.org?subject=a>\nX-BeenThere: tools@x.org", ("tools@x.org",)),
        ("List-Id: <a.x>\nList-Id: <b.x>", ("a.x", "b.x")),
    ],
)
def test_list_ids(headers: str, expected: tuple[str, ...]) -> None:
    assert read_with(headers).list_ids == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("", Hints()),
        ("X-Patchwork-Hint: Ignore", Hints(ignore=True)),
        ("X-Patchwork-Hint: comment,ignore other", Hints(ignore=True, comment=True)),
        ("X-Patchwork-Action-Required: TRUE", Hints(action_required=True)),
        ("X-Patchwork-Action-Required: perhaps", Hints()),
        ("X-Patchwork-State: =?utf-8?q?Angen=C3=A4hm?=", Hints(state="Angenähm")),
    ],
)
def test_hints(headers: str, expected: Hints) -> None:
    assert read_with(*headers.splitlines()).hints == expected


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("Depends-on: https://x.org/1\ndepends-on: <a@b>\n", "depends_on", "https://x.org/1 <a@b>"),
        ("> Depends-on: <a@b>\n", "depends_on", ""),
        (" Depends-on: <a@b>\n", "depends_on", ""),
        ("Supersedes: <a@b> and <c@d>\n", "supersedes", "<a@b> <c@d>"),
        ("Supersedes: a@b\n", "supersedes", "<a@b>"),
        ("Supersedes: everything\n", "supersedes", ""),
    ],
)
def test_statements(text: str, field: str, expected: str) -> None:
    assert getattr(read_with(text=text), field) == tuple(expected.split())


@pytest.mark.parametrize(
    ("text", "change_id"),
    [
        ("change-id: 20240101-x\n", "20240101-x"),
        ("> change-id: 20240101-x\n", None),
        (f"Change-Id: I{'0' * 40}\n", None),
        ("change-id: two words\n", None),
    ],
)
def test_change_id(text: str, change_id: str | None) -> None:
    assert read_with(text=text).change_id == change_id


def test_supersedes_header() -> None:
    assert read_with("Supersedes: <a@b>").supersedes == ("<a@b>",)


@pytest.mark.parametrize(
    ("raw", "charset", "expected"),
    [
        (b"caf\xc3\xa9", "", "café"),
        (b"caf\xe9", "", "café"),
        (b"caf\xe9", "utf-8", "café"),
        (b"caf\xc3\xa9 caf\xe9", "utf-8", "café café"),
        (b"caf\xc3\xa9", "us-ascii", "café"),
        (b"\xc1\xc1", "koi8-r", "аа"),
        (b"\x93quoted\x94 \x81", "", "“quoted” \x81"),
        (b"words", "utf-16", "words"),
        (b"w\0\n\0", "utf-16-le", "w\n"),
        (b"words", "no-such-charset", "words"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
        (b"\xef\xbb\xbfwords", "utf-8", "words"),
        (b'\x1b$B$"\x1b(B', "iso-2022-jp", "あ"),
    ],
)
def test_charsets(raw: bytes, charset: str, expected: str) -> None:
    assert decode(raw, charset) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ("a =?utf-8?q?b_c?= d", "a b c d"),
        ("=?utf-8?q?a?=  =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        ("=?utf-8?b?w6k?=", "é"),
        ("=?utf-8*en?q?a?=", "a"),
        ("=?x-none?q?a?=", "a"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("[=?utf-8?q?a?=]", "[a]"),
    ],
)
def test_encoded_words(written: str, expected: str) -> None:
    assert decode_words(written) == expected


def test_subject_is_cut_before_an_encoded_word_that_the_cut_would_break() -> None:
    facts = read(b"From: a@b\nSubject: " + b"=?utf-8?q?word?= " * 1_000 + b"\n\n")
    assert "=?" not in facts.subject
    assert facts.subject.startswith("wordword")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>one<p>two", "one\n\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("a <b>b</b> c", "a b c"),
        ("1 &lt; 2 &#8217;", "1 < 2 ’"),
        ("a<!-- x -->b<!-- open", "ab"),
        ("a<style>x</style>b<SCRIPT>y</script >c", "abc"),
        ("3 < 4", "3 < 4"),
        ("<p> a  b\n c </p><pre>  d\n\te</pre> f", "a b c\n  d\n\te\nf"),
        ("cut <a href=", "cut"),
    ],
)
def test_html(source: str, expected: str) -> None:
    assert rendering.html([source]).replace("\n\n", "\n") == expected.replace("\n\n", "\n")
