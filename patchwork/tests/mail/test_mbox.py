# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailboxes: what comes out of archives, and what real git makes of what we write."""

from __future__ import annotations

import email
import email.policy
import io
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwork.mail import body
from patchwork.mail.facts import Address, Trailer
from patchwork.mail.mbox import Oversize, PatchMail, patch_mbox, split_mbox, with_trailers

DATE = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Address("Ada Abbot", "ada@example.org")
FROM = b"From ada@example.org Tue Jan  2 03:04:05 2024\n"
MAIL = b"Subject: x\n\nText\n"


def split(content: bytes) -> list[bytes]:
    return list(split_mbox(io.BytesIO(content)))


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, as a pipe does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7)


# --- Reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "mails"),
    [
        (b"", []),
        (b"\n\n", []),
        (FROM + MAIL, [MAIL]),
        (b"\n" + FROM + MAIL + b"\n", [MAIL]),
        (FROM + MAIL + b"\n" + FROM + MAIL + b"\n", [MAIL, MAIL]),
        (FROM + MAIL + FROM + MAIL, [MAIL, MAIL]),
        (MAIL, [MAIL]),
        (FROM + FROM + MAIL, [MAIL]),
        (
            FROM + MAIL + b"\n" + FROM + b"Subject: cut in the mid",
            [MAIL, b"Subject: cut in the mid"],
        ),
        (FROM + MAIL + b"\n" + FROM[:20], [MAIL + b"\n" + FROM[:20]]),
        (
            (FROM + MAIL + b"\n" + FROM + MAIL).replace(b"\n", b"\r\n"),
            [MAIL.replace(b"\n", b"\r\n")] * 2,
        ),
    ],
)
def test_mails_come_out_one_by_one(content: bytes, mails: list[bytes]) -> None:
    assert split(content) == mails
    assert list(split_mbox(Trickle(content))) == mails


@pytest.mark.parametrize(
    "line",
    [
        b"From ada@example.org Tue Jan  2 03:04:05 2024",
        b"From ada at example.org  Tue Jan 02 03:04:05 2024",
        b"From - Tue Jan 02 03:04:05 2024",
        b"From mboxrd@z Thu Jan  1 00:00:00 1970",
        b"From 1234@xxx Tue Jan 02 03:04:05 +0000 2024",
        b"From ada@example.org Tue Jan  2 03:04 2024",
        b"From ada@example.org Tue Jan  2 03:04:05 CEST 2024",
        b"From ada@example.org Tue Jan  2 03:04:05 2024 +0100",
        b"From ada@example.org Tue, 2 Jan 2024 03:04:05 +0100",
        b"From ada@example.org 2024-01-02 03:04:05",
        b"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001",
        b"From - ",
    ],
)
def test_many_programs_many_separators(line: bytes) -> None:
    content = line + b"\n" + MAIL + b"\n" + line + b"\n" + MAIL
    assert split(content) == [MAIL, MAIL]


@pytest.mark.parametrize(
    "text",
    [
        b"Text\n\nFrom here on it is easy.\n",
        b"Text\n\nFrom 10:30 on it was easy, in 2024 already.\n",
        b"Text\nFrom ada Tue Jan  2 03:04:05 2024\nno header below and no blank above\n",
        b"Text\n\nFrom: a header\n",
        b"Text\n\nFrom 10:30 in 2024\nit was easy\n",
    ],
)
def test_a_text_may_begin_a_line_with_from(text: bytes) -> None:
    mail = b"Subject: x\n\n" + text
    assert split(FROM + mail + b"\n" + FROM + MAIL) == [mail, MAIL]


def test_one_level_of_quoting_is_taken_off() -> None:
    mail = b"Subject: x\n\n>From a\n>>From b\n> From c\nx >From d\n>from e\n"
    assert split(FROM + mail) == [b"Subject: x\n\nFrom a\n>From b\n> From c\nx >From d\n>from e\n"]


def test_a_mail_over_the_limit_goes_to_a_file_whole(tmp_path: Path) -> None:
    big = b"Subject: big\n\n" + b"0123456789\n" * 1_000
    content = FROM + MAIL + b"\n" + FROM + big + b"\n" + FROM + MAIL
    for stream in (io.BytesIO(content), Trickle(content)):
        first, oversize, last = split_mbox(stream, max_size=5_000, spool=tmp_path)
        assert (first, last) == (MAIL, MAIL)
        assert isinstance(oversize, Oversize)
        assert oversize.path.parent == tmp_path
        assert oversize.path.read_bytes() == big + b"\n"
        assert oversize.size == len(big) + 1
        assert oversize.head.startswith(b"Subject: big\n")


def test_a_reader_that_stops_leaves_no_file_behind(tmp_path: Path) -> None:
    content = FROM + MAIL + b"\n" + FROM + b"x" * 100_000
    mails = split_mbox(Trickle(content), max_size=1_000, spool=tmp_path)
    assert next(mails) == MAIL
    mails.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


texts = st.binary(max_size=300).filter(lambda text: b"From " not in text)


@given(st.lists(texts, max_size=6), st.sampled_from([io.BytesIO, Trickle]))
@settings(deadline=None)
def test_what_was_put_in_comes_out(
    texts: list[bytes], stream: Callable[[bytes], io.BytesIO]
) -> None:
    mails = [b"Subject: x\n\n" + text + b"\n" for text in texts]
    content = b"".join(FROM + mail + b"\n" for mail in mails)
    assert list(split_mbox(stream(content))) == mails


@given(st.lists(st.sampled_from([FROM, MAIL, b"\n", b"\r\n", b">", b"From "]) | st.binary()))
@settings(deadline=None)
def test_no_bytes_raise_and_no_line_is_lost(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    mails = split(content)
    assert all(mail.strip() for mail in mails)
    assert list(split_mbox(Trickle(content))) == mails
    kept = b"\n".join(mails)
    for line in content.split(b"\n"):
        assert line.strip(b"\r") in kept or b"From " in line or not line.strip()


# --- Trailers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "Acked-by: B"),
        ("Text.", "Text.\n\nAcked-by: B"),
        ("Text.\n\nSigned-off-by: A", "Text.\n\nSigned-off-by: A\nAcked-by: B"),
        ("Signed-off-by: A\n---\n x | 1 +", "Signed-off-by: A\nAcked-by: B\n---\n x | 1 +"),
        ("Text.\n---\nNote.", "Text.\n\nAcked-by: B\n---\nNote."),
        ("Text.\n\n---\nNote.", "Text.\n\nAcked-by: B\n---\nNote."),
        ("---\nNote.", "Acked-by: B\n---\nNote."),
        ("Text.\n\nacked-by:  b\n---\nx", "Text.\n\nacked-by:  b\n---\nx"),
        ("Text.\n---\nAcked-by: B", "Text.\n\nAcked-by: B\n---\nAcked-by: B"),
        ("From: A <a@example.org>", "From: A <a@example.org>\n\nAcked-by: B"),
        ("Text.\n----\nmore", "Text.\n----\nmore\n\nAcked-by: B"),
        ("Text\n--- x\nmore", "Text\n\nAcked-by: B\n--- x\nmore"),
    ],
)
def test_trailers_end_the_commit_message(message: str, expected: str) -> None:
    assert with_trailers(message, (Trailer("Acked-by", "B"), Trailer("Acked-by", "B"))) == expected


# --- Writing ---------------------------------------------------------------------------------


def parsed(mail: PatchMail) -> EmailMessage:
    (raw,) = split(patch_mbox(mail))
    return email.message_from_bytes(raw, policy=email.policy.default)


def patch_mail(**changes: object) -> PatchMail:
    fields: dict[str, object] = {
        "msgid": "<1@example.org>",
        "sender": ADA,
        "date": DATE,
        "subject": "[v2,1/3] name",
        "message": "Message.",
        "diff": "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+x\n",
    }
    return PatchMail(**(fields | changes))  # type: ignore[arg-type]


def test_the_whole_mail() -> None:
    mail = patch_mail(
        to=(Address("", "list@example.org"), Address("Bo, the Baker", "bo@example.org")),
        cc=(Address("René", "rene@example.org"),),
        trailers=(Trailer("Acked-by", "Bo <bo@example.org>"),),
        message="Message.\n\nSigned-off-by: A\n---\nNote.",
        headers=(("X-Patchwork-Id", "17"), ("X-Patchwork-Delegate", "bo@example.org")),
    )
    assert patch_mbox(mail).decode() == (
        "From patchwork Tue Jan  2 03:04:05 2024\n"
        "From: Ada Abbot <ada@example.org>\n"
        'To: list@example.org,\n "Bo, the Baker" <bo@example.org>\n'
        "Cc: =?utf-8?q?Ren=C3=A9?= <rene@example.org>\n"
        "Date: Tue, 02 Jan 2024 03:04:05 +0000\n"
        "Message-Id: <1@example.org>\n"
        "Subject: [v2,1/3] name\n"
        "X-Patchwork-Id: 17\n"
        "X-Patchwork-Delegate: bo@example.org\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n"
        "\n"
        "Message.\n\nSigned-off-by: A\nAcked-by: Bo <bo@example.org>\n---\nNote.\n"
        "\n"
        "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+x\n"
        "\n"
    )


@given(st.text(), st.text(max_size=300), st.text(max_size=300))
@settings(deadline=None)
def test_nobody_adds_a_header_through_a_name(name: str, subject: str, value: str) -> None:
    mail = parsed(
        patch_mail(
            sender=Address(name, "a@example.org"),
            subject=subject,
            headers=(("X-Patchwork-Id", value),),
        )
    )
    known = {"from", "date", "message-id", "subject", "x-patchwork-id", "mime-version"}
    known |= {"content-type", "content-transfer-encoding"}
    assert {header.lower() for header in mail} <= known
    assert len(mail["From"].addresses) == 1
    assert mail["From"].addresses[0].addr_spec == "a@example.org"
    assert mail.get_content().startswith("Message.\n")


@pytest.mark.parametrize("text", ["plain", "ä" * 200, "a " * 120, "=?utf-8?q?x?=", "日本語 " * 40])
def test_texts_in_headers_survive(text: str) -> None:
    written = patch_mail(subject=text, sender=Address(text, "a@example.org"))
    assert parsed(written)["Subject"] == text.strip()
    # The newer parser of the standard library puts blanks between the encoded words of a name.
    (raw,) = split(patch_mbox(written))
    sender = make_header(decode_header(str(email.message_from_bytes(raw)["From"])))
    assert parseaddr(str(sender))[0] == text.strip()


def test_a_header_name_is_a_word() -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        patch_mbox(patch_mail(headers=(("X-A: b\nX-C", "d"),)))


@given(st.text(alphabet="\rFrom >=-ä\n\t.") | st.text(), st.none() | st.text())
@settings(deadline=None)
def test_every_body_comes_back(message: str, diff: str | None) -> None:
    mail = patch_mail(message=message, diff=diff)
    (raw,) = split(patch_mbox(mail))
    payload = email.message_from_bytes(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    assert text.rstrip().startswith(message.rstrip())
    assert text.rstrip("\n").endswith((diff or "").rstrip("\n"))


def test_a_series_is_mails_in_a_row() -> None:
    series = b"".join(patch_mbox(patch_mail(subject=f"[{n}/3] x")) for n in (1, 2, 3))
    assert len(split(series)) == 3


# --- Real git --------------------------------------------------------------------------------


class Repository:
    """A git repository of its own, untouched by the configuration of who runs the tests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Åsa Öberg, Dr.",
            "GIT_AUTHOR_EMAIL": "asa@example.org",
            "GIT_AUTHOR_DATE": "1704164645 +0000",
            "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.org",
            "GIT_COMMITTER_DATE": "1704164645 +0000",
        }
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=self.environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.decode()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git(
            "commit",
            "--quiet",
            "--allow-empty",
            "--cleanup=verbatim",
            "-F-",
            stdin=message.encode(),
        )

    def described(self) -> tuple[str, str, str]:
        """Tree, author and message of the last commit."""
        return (
            self.git("rev-parse", "HEAD^{tree}").strip(),
            self.git("log", "-1", "--format=%an <%ae> %at").strip(),
            self.git("log", "-1", "--format=%B").strip(),
        )


def first_state(path: Path) -> None:
    (path / "text").write_text("".join(f"line {number}\n" for number in range(30)))
    (path / "from").write_text("From a\n>From b\n-- \n---\n" + "_" * 60 + "\n")
    (path / "crlf").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    (path / "binary").write_bytes(bytes(range(256)) * 4)
    (path / "script").write_text("#!/bin/sh\n")
    (path / "old name").write_text("same\n" * 10)
    (path / "gone").write_text("gone\n")
    (path / "open end").write_text("no newline")


def change_text(path: Path) -> None:
    (path / "text").write_text("".join(f"line {number}\n" for number in range(1, 31)))


def change_lines_that_look_like_mail(path: Path) -> None:
    text = "From a\n>From b\n\n-- \n---\n" + "_" * 60 + "\nFrom c Tue Jan  2 03:04:05 2024\n"
    (path / "from").write_text(text.replace(">From b\n", ""))


def change_windows_file(path: Path) -> None:
    (path / "crlf").write_bytes(b"one\r\n2\r\nthree\r\nfour\n")


def change_binary(path: Path) -> None:
    (path / "binary").write_bytes(bytes(reversed(range(256))) * 5)


def rename(path: Path) -> None:
    (path / "old name").rename(path / "new näme")


def make_executable(path: Path) -> None:
    (path / "script").chmod(0o755)


def add_empty(path: Path) -> None:
    (path / "empty").touch()


def delete(path: Path) -> None:
    (path / "gone").unlink()


def end_without_newline(path: Path) -> None:
    (path / "open end").write_text("still no newline")
    (path / "text").write_text("ends\nopen")


def long_lines(path: Path) -> None:
    (path / "text").write_text("ä" * 3_000 + "\n")


def everything(path: Path) -> None:
    for change in CHANGES[:-1]:
        if change is not long_lines and change is not end_without_newline:
            change(path)


CHANGES = [
    change_text,
    change_lines_that_look_like_mail,
    change_windows_file,
    change_binary,
    rename,
    make_executable,
    add_empty,
    delete,
    end_without_newline,
    long_lines,
    everything,
]

MESSAGES = {
    "short": "Change it",
    "body": "Change it\n\nBecause.\n\nSigned-off-by: A <a@example.org>",
    "lines that look like mail": "Change it\n\nFrom here on.\n>From there.\n--\nstill the message",
    "separator line": "Change it\n\nFrom ada@example.org Tue Jan  2 03:04:05 2024\nSubject: x",
    "not ascii": "Ändere es\n\nWeil es schön ist: 日本語",
    "long subject": "Change " + "a very long thing " * 12 + "at last",
    "long subject, not ascii": "Ändere " + "größere Dinge " * 14 + "zuletzt",
}


@pytest.fixture
def repositories(tmp_path: Path) -> tuple[Repository, Repository]:
    """Where a patch is made, and where it is applied; both begin with the same commit."""
    both = Repository(tmp_path / "author"), Repository(tmp_path / "maintainer")
    for repository in both:
        first_state(repository.path)
        repository.commit("First")
    return both


def as_received(repository: Repository) -> PatchMail:
    """The last commit as a mail that came in and was taken apart."""
    formatted = repository.git("format-patch", "--stdout", "--binary", "-1").encode()
    raw = formatted.partition(b"\n")[2]
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    payload = email.message_from_bytes(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    message, diff = body.split(body.clean(payload.decode()))
    author = mail["From"].addresses[0]
    return PatchMail(
        msgid="<1@example.org>",
        sender=Address(author.display_name, author.addr_spec),
        date=mail["Date"].datetime,
        subject=mail["Subject"],
        message=message,
        diff=diff,
    )


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_git_am_makes_the_same_tree(
    repositories: tuple[Repository, Repository], change: Callable[[Path], None]
) -> None:
    author, maintainer = repositories
    change(author.path)
    author.commit("Change it\n\nBecause.")
    maintainer.git("am", "--quiet", stdin=patch_mbox(as_received(author)))
    assert maintainer.described() == author.described()


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_git_am_makes_the_same_message(
    repositories: tuple[Repository, Repository], message: str
) -> None:
    author, maintainer = repositories
    change_text(author.path)
    author.commit(message)
    maintainer.git("am", "--quiet", stdin=patch_mbox(as_received(author)))
    assert maintainer.described() == author.described()


def test_git_am_sees_trailers_and_not_the_notes(
    repositories: tuple[Repository, Repository],
) -> None:
    author, maintainer = repositories
    change_text(author.path)
    author.commit("Change it\n\nBecause.\n\nSigned-off-by: A <a@example.org>")
    received = as_received(author)
    gathered = PatchMail(
        msgid=received.msgid,
        sender=received.sender,
        date=received.date,
        subject="[v2,1/3] Change it",
        message=received.message.replace("---\n", "---\nChanged since v1: all\n", 1),
        diff=received.diff,
        trailers=(Trailer("Reviewed-by", "Zoë <zoe@example.org>"), Trailer("Link", "https://x/1")),
    )
    maintainer.git("am", "--quiet", stdin=patch_mbox(gathered))
    _, _, message = maintainer.described()
    assert message == (
        "Change it\n\nBecause.\n\nSigned-off-by: A <a@example.org>\n"
        "Reviewed-by: Zoë <zoe@example.org>\nLink: https://x/1"
    )
    parsed_trailers = maintainer.git("log", "-1", "--format=%(trailers:key=Reviewed-by,valueonly)")
    assert parsed_trailers.strip() == "Zoë <zoe@example.org>"


def test_git_am_takes_a_series(repositories: tuple[Repository, Repository]) -> None:
    author, maintainer = repositories
    series = b""
    for change in (change_lines_that_look_like_mail, rename, change_windows_file, change_binary):
        change(author.path)
        author.commit(f"{change.__name__}\n\nFrom here on it differs.")
        series += patch_mbox(as_received(author))
    maintainer.git("am", "--quiet", stdin=series)
    assert maintainer.described() == author.described()
    assert maintainer.git("rev-list", "--count", "HEAD").strip() == "5"
