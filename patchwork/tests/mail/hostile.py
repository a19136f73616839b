# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that break mail readers: broken, lying, enormous, or made to take for ever.

Small ones that somebody's mailer really wrote lie in ``corpus``; these are made on demand.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

MEGABYTE = 1024 * 1024
DIFF = b"--- a/README\n+++ b/README\n@@ -1 +1 @@\n-old\n+new\n"
START = b"From: Ada Abbot <ada@example.org>\nMessage-ID: <hostile@example.org>\n"
START += b"Date: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: [PATCH] Say new\n"
TEXT = b"\nSay new.\n\nSigned-off-by: Ada Abbot <ada@example.org>\n---\n" + DIFF

HOSTILE: dict[str, Callable[[], bytes]] = {}
"""What is wrong with it -> the mail."""


def hostile(make: Callable[[], bytes]) -> Callable[[], bytes]:
    HOSTILE[make.__name__.replace("_", " ").strip()] = make
    return make


def plain(headers: bytes = b"", text: bytes = TEXT) -> bytes:
    """A patch mail with some headers more."""
    return START + headers + text


def typed(content_type: bytes, text: bytes) -> bytes:
    return START + b"MIME-Version: 1.0\nContent-Type: " + content_type + b"\n\n" + text


def without(header: bytes) -> bytes:
    kept = [line for line in START.splitlines(keepends=True) if not line.startswith(header)]
    return b"".join(kept) + TEXT


@hostile
def nothing() -> bytes:
    return b""


@hostile
def blanks_only() -> bytes:
    return b" \r\n\t\n" * 1_000


@hostile
def no_headers() -> bytes:
    return b"\n\nJust a text.\n"


@hostile
def no_message_id() -> bytes:
    return without(b"Message-ID")


@hostile
def no_from() -> bytes:
    return without(b"From")


@hostile
def no_from_but_a_sender() -> bytes:
    return b"Sender: ada@example.org\n" + without(b"From")


@hostile
def from_without_mailbox() -> bytes:
    return b"From: root\n" + without(b"From")


@hostile
def garbage_date() -> bytes:
    return b"Date: yesterday, \xff\xfe half past @@\n" + without(b"Date")


@hostile
def year_9999() -> bytes:
    return b"Date: Fri, 31 Dec 9999 23:59:59 -1200\n" + without(b"Date")


@hostile
def date_of_thousands_of_digits() -> bytes:
    return b"Date: " + b"9" * 5_000 + b" Jan 2024 10:00:00 +0000\n" + without(b"Date")


@hostile
def date_in_an_endless_zone() -> bytes:
    return b"Date: Mon, 1 Jan 2024 10:00:00 +9999\n" + without(b"Date")


@hostile
def unknown_charset() -> bytes:
    return typed(b"text/plain; charset=x-no-such-thing", b"Caf\xe9\n")


@hostile
def charsets_that_are_no_charsets() -> bytes:
    names = (b"punycode", b"idna", b"unicode_escape", b"rot13", b"zlib", b"undefined", b"os.path")
    words = b" ".join(b"=?" + name + b"?q?=5Cud800-a?=" for name in names)
    return b"Subject: " + words + b"\n" + typed(b"text/plain; charset=unicode_escape", b"\\ud800\n")


@hostile
def ascii_that_is_not() -> bytes:
    return typed(b"text/plain; charset=us-ascii", b"Caf\xc3\xa9 and caf\xe9\n")


@hostile
def utf_16_that_is_not() -> bytes:
    return typed(b"text/plain; charset=utf-16", b"Plain words, an even number.\n")


@hostile
def utf_7_with_lone_surrogates() -> bytes:
    return typed(b"text/plain; charset=utf-7", b"+2AA- +3AA- +AAA-\n")


@hostile
def nuls_everywhere() -> bytes:
    return plain(b"X-Any: \0thing\0\n").replace(b"a", b"a\0").replace(b"\n", b"\0\n")


@hostile
def encoded_nul_and_line_end() -> bytes:
    return b"Subject: =?utf-8?q?one=00=0D=0ABcc:_evil=40example.org?=\n" + without(b"Subject")


@hostile
def raw_bytes_in_headers() -> bytes:
    return b"From: J\xf6rg \x80\x81\xff <ada@example.org>\nTo: \xc3\xa9 <\xff@\xff>\n" + without(
        b"From"
    )


@hostile
def header_injection_in_names() -> bytes:
    name = b"=?utf-8?b?" + base64.b64encode(b"Ada\r\nBcc: evil@example.org\r\n\r\nHello") + b"?="
    return (
        b"From: " + name + b" <ada@example.org>\nTo: " + name + b" <t@x.org>\n" + without(b"From")
    )


@hostile
def header_injection_in_an_address() -> bytes:
    return b'From: "Ada" <"a\rBcc: x"@example.org>\nSender: ada@example.org\n' + without(b"From")


@hostile
def parts_nested_2_000_deep() -> bytes:
    opening = b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n"
    nested = b"".join(opening % (depth, depth + 1) for depth in range(2_000))
    return typed(b"multipart/mixed; boundary=b0", nested)


@hostile
def messages_nested_2_000_deep() -> bytes:
    return typed(b"message/rfc822", b"Content-Type: message/rfc822\n\n" * 2_000)


@hostile
def parts_2_000_side_by_side() -> bytes:
    return typed(b"multipart/mixed; boundary=b", b"--b\n\nwords\n" * 2_000 + b"--b--\n")


@hostile
def a_million_parts() -> bytes:
    inner = b"--b\nContent-Type: multipart/mixed; boundary=c\n\n" + b"--c\n\n" * 4_000
    return typed(b"multipart/alternative; boundary=b", inner * 300)


@hostile
def one_boundary_for_all_parts() -> bytes:
    return typed(
        b"multipart/mixed; boundary=b", b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 900
    )


@hostile
def boundary_of_dashes() -> bytes:
    return typed(b"multipart/mixed; boundary=" + b"-" * 150, b"-" * 4 * MEGABYTE)


@hostile
def boundary_missing() -> bytes:
    return typed(b"multipart/mixed", b"--b\n\nwords\n--b--\n")


@hostile
def parts_that_never_end() -> bytes:
    return typed(b'multipart/mixed; boundary="b', b"--b\nContent-Type: text/plain\n\nwords")


@hostile
def content_type_of_quotes() -> bytes:
    return typed(b"text/plain" + b';x="\\' * 10_000, b"words\n")


@hostile
def fifty_megabytes() -> bytes:
    return plain(text=TEXT + b"+new\n" * (50 * MEGABYTE // 5))


@hostile
def recipients_5_000() -> bytes:
    people = (b"Person %d <p%d@example.org>" % (number, number) for number in range(5_000))
    return plain(b"To: " + b",\n ".join(people) + b"\n")


@hostile
def references_10_000() -> bytes:
    ids = (b"<%d.reference@example.org>" % number for number in range(10_000))
    return plain(b"References: " + b"\n ".join(ids) + b"\n")


@hostile
def references_without_end() -> bytes:
    return plain(b"References: " + b"<" * MEGABYTE + b"\nIn-Reply-To: " + b"<a" * MEGABYTE + b"\n")


@hostile
def reference_to_itself() -> bytes:
    return plain(b"References: <hostile@example.org>\nIn-Reply-To: <hostile@example.org>\n")


@hostile
def message_id_with_spaces() -> bytes:
    return b"Message-ID: < hostile one\n @ example.org >\n" + without(b"Message-ID")


@hostile
def message_id_of_a_megabyte() -> bytes:
    return b"Message-ID: <" + b"x" * MEGABYTE + b"@example.org>\n" + without(b"Message-ID")


@hostile
def message_id_of_300_characters() -> bytes:
    return b"Message-ID: <" + b"x" * 300 + b"@example.org>\n" + without(b"Message-ID")


@hostile
def same_message_id_with_other_content() -> bytes:
    return without(b"Subject") + b"\nSomething else.\n"


@hostile
def subject_of_a_megabyte() -> bytes:
    return b"Subject: " + b"x" * MEGABYTE + b"\n" + without(b"Subject")


@hostile
def subject_of_blanks() -> bytes:
    return b"Subject: [PATCH" + b" \t" * MEGABYTE + b"] x\n" + without(b"Subject")


@hostile
def encoded_words_70_000() -> bytes:
    return b"Subject: " + b"=?utf-8?q?word?=\n " * 70_000 + b"\n" + without(b"Subject")


@hostile
def encoded_words_unfinished() -> bytes:
    return b"Subject: " + b"=?utf-8?b?" * 70_000 + b"\n" + without(b"Subject")


@hostile
def from_of_parentheses() -> bytes:
    return b"From: " + b"(" * MEGABYTE + b"\nSender: ada@example.org\n" + without(b"From")


@hostile
def from_of_blanks() -> bytes:
    return b"From: Ada" + b" " * MEGABYTE + b"<ada@example.org>\n" + without(b"From")


@hostile
def recipients_in_an_open_quote() -> bytes:
    return plain(b'To: "' + b'\\"' * MEGABYTE + b"\n")


@hostile
def header_lines_without_end() -> bytes:
    return START + b"a:\n" * MEGABYTE


@hostile
def header_folded_a_million_times() -> bytes:
    return START + b"X-Folded: x\n" + b" a\n" * MEGABYTE + TEXT


@hostile
def list_headers_without_end() -> bytes:
    return plain(b"List-Id: " + b"<" * MEGABYTE + b"\n" + b"X-Mailing-List: <x@y>\n" * 10_000)


@hostile
def mbox_cut_in_the_middle() -> bytes:
    return (b"From ada@example.org Mon Jan  1 10:00:00 2024\n" + plain())[:-20]


@hostile
def mbox_cut_in_a_header() -> bytes:
    return b"From ada@example.org Mon Jan  1 10:00:00 2024\n" + START[:-12]


@hostile
def no_blank_line_below_the_headers() -> bytes:
    return START + b"Say new.\n---\n" + DIFF


@hostile
def carriage_returns_only() -> bytes:
    return plain().replace(b"\n", b"\r")


@hostile
def line_ends_of_all_kinds() -> bytes:
    lines = plain().split(b"\n")
    ends = (b"\n", b"\r\n", b"\r\r\n")
    return b"".join(line + ends[number % 3] for number, line in enumerate(lines))


@hostile
def byte_order_mark() -> bytes:
    return b"\xef\xbb\xbf" + plain()


@hostile
def base64_that_is_text() -> bytes:
    return plain(b"Content-Transfer-Encoding: base64\n")


@hostile
def base64_that_is_broken() -> bytes:
    digits = base64.encodebytes(TEXT)
    return plain(
        b"Content-Transfer-Encoding: base64\n", b"\n" + digits[:40] + b"*?" + digits[41:-3]
    )


@hostile
def quoted_printable_that_is_broken() -> bytes:
    return plain(b"Content-Transfer-Encoding: quoted-printable\n", b"\n=4 =ZZ = =\n=C3=\n=")


@hostile
def transfer_encoding_nobody_knows() -> bytes:
    return plain(b"Content-Transfer-Encoding: x-rot13\n")


@hostile
def html_only() -> bytes:
    return typed(b"text/html", b"<p>Say <b>new</b>.</p><pre>" + DIFF + b"</pre>")


@hostile
def html_of_open_tags() -> bytes:
    return typed(b"text/html", b"<a <script>" * 100_000 + b"<!--" * MEGABYTE)


@hostile
def html_of_angle_brackets() -> bytes:
    return typed(b"text/html", b"<" * 4 * MEGABYTE)


@hostile
def html_number_of_5_000_digits() -> bytes:
    return typed(b"text/html", b"<p>&#" + b"9" * 5_000 + b"; &#xD800; &#0;</p>")


@hostile
def calendar_invite() -> bytes:
    event = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Release\\, at last\r\nEND:VEVENT\r\n"
    return typed(b"text/calendar; method=REQUEST", event + b"END:VCALENDAR\r\n")


@hostile
def calendar_without_words() -> bytes:
    return typed(b"text/calendar", b"BEGIN:VCALENDAR\r\n\xff\xff;:;:\r\n")


@hostile
def eight_megabytes_of_line_ends() -> bytes:
    return START + b"\n" * (8 * MEGABYTE - len(START))


@hostile
def text_of_wrong_bytes() -> bytes:
    return plain(text=b"\n" + b"\xff\n" * 2 * MEGABYTE)


@hostile
def trailers_without_end() -> bytes:
    return plain(text=b"\n" + b"Acked-by: Ada <ada@example.org>\n" * 200_000)


@hostile
def statements_without_end() -> bytes:
    return plain(text=b"\n" + b"Depends-on: <x@y>\nSupersedes: <x@y>\nchange-id: x\n" * 100_000)


@hostile
def control_characters_everywhere() -> bytes:
    noise = bytes(byte for byte in range(1, 32) if byte not in b"\r\n")
    lines = (b"Acked-by: x%sy <a@b>", b"Depends-on: %s", b"change-id: a%sb", b"Supersedes: <a%s@b>")
    text = b"\n" + b"\n".join(line % noise for line in lines) + b"\n"
    headers = (
        b"Subject: a%sb\n",
        b"Message-ID: <a%s@b>\n",
        b"To: a%sb <a%s@b>\n",
        b"List-Id: %s\n",
    )
    return b"".join(line.replace(b"%s", noise) for line in headers) + plain(text=text)


@hostile
def attachment_of_random_bytes() -> bytes:
    noise = base64.encodebytes(bytes(range(256)) * 4_000)
    part = b"--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
    return typed(b"multipart/mixed; boundary=b", b"--b\n\nwords\n" + part + noise + b"--b--\n")


def repeated(lines: bytes, head: bytes = b"") -> bytes:
    """Two megabytes of the same lines below a head."""
    return plain(text=b"\n" + head + lines * (2 * MEGABYTE // len(lines)))


NAMES = b"--- a/x\n+++ b/x\n"
WITHOUT_END = NAMES + b"@@ -1,999999999 +1,999999999 @@\n"


@hostile
def hunks_without_lines() -> bytes:
    return repeated(b"@@ -1,9 +1,9 @@\n", NAMES)


@hostile
def hunks_of_one_line() -> bytes:
    return repeated(b"@@ -0,0 +1 @@\n+\n", NAMES)


@hostile
def hunk_without_end() -> bytes:
    return repeated(b"+\n", WITHOUT_END)


@hostile
def hunk_of_torn_lines() -> bytes:
    return repeated(b"x\n+\n", WITHOUT_END)


@hostile
def hunk_of_torn_lines_above_a_signature() -> bytes:
    return repeated(b"x\n+\n", WITHOUT_END) + b"torn\n-- \nAda\n"


@hostile
def hunk_of_blank_lines() -> bytes:
    return repeated(b"\n", WITHOUT_END) + b" \n"


@hostile
def hunk_that_holds_less_than_follows() -> bytes:
    return repeated(b"x\n+\n", NAMES + b"@@ -0,0 +1,300000 @@\n")


@hostile
def names_without_hunks() -> bytes:
    return repeated(NAMES)


@hostile
def commands_without_diffs() -> bytes:
    return repeated(b"diff --git a/x b/x\n")


@hostile
def files_of_nothing_but_a_mode() -> bytes:
    return repeated(b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n")


@hostile
def files_of_one_hunk() -> bytes:
    return repeated(DIFF)


@hostile
def files_with_text_between_them() -> bytes:
    return repeated(DIFF + b"Then:\n")


@hostile
def files_with_signatures_between_them() -> bytes:
    return repeated(DIFF + b"-- \nAda\n\nAcked-by: Ada <ada@example.org>\n")


@hostile
def files_with_line_ends_of_two_kinds() -> bytes:
    return repeated(DIFF.replace(b"README\n", b"README\r\n"))


@hostile
def binary_blocks_without_end() -> bytes:
    return repeated(b"literal 4\nLcmZQzWMT#Y01f~L\n", b"diff --git a/x b/x\nGIT binary patch\n")


@hostile
def attached_hunks_without_lines() -> bytes:
    part = b"--b\nContent-Type: text/x-diff\n\n" + DIFF + b"@@ -1,9 +1,9 @@\r\n@@ -1 +1 @@\n" * 30
    return typed(b"multipart/mixed; boundary=b", part * 2_000 + b"--b--\n")


@hostile
def parts_of_wrong_bytes() -> bytes:
    part = b"--b\n\n" + b"\xff\n\xf0\x90\x80\xe2\x82" * 140
    return typed(b"multipart/mixed; boundary=b", part * 2_000 + b"--b--\n")


@hostile
def line_ends_29_parts_deep() -> bytes:
    opening = b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n"
    nested = b"".join(opening % (depth, depth + 1) for depth in range(28)) + b"--b28\n\n"
    return typed(b"multipart/mixed; boundary=b0", nested + b"\n" * 2 * MEGABYTE)


@hostile
def boundaries_that_only_begin_so() -> bytes:
    return typed(b"multipart/mixed; boundary=b", b"--b\n" + b"--bb\n" * 100_000)


@hostile
def paragraphs_of_one_trailer() -> bytes:
    return repeated(b"Cc: x\n\n")


@hostile
def trailers_folded_for_ever() -> bytes:
    return repeated(b"Acked-by: Ada\n and\n and\n")
