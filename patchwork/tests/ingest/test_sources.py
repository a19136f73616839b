# SPDX-License-Identifier: GPL-2.0-or-later
"""Mail is found wherever it lies, in the same order every time, and damage is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from patchwork.ingest.sources import Finding, NoSource, find


def mail(number: int) -> bytes:
    return f"Message-ID: <{number}@example.com>\nSubject: {number}\n\nText {number}\n".encode()


def mbox(*numbers: int) -> bytes:
    line = b"From someone Mon Jan  1 00:00:00 2024\n"
    return b"".join(line + mail(number) + b"\n" for number in numbers)


def subjects(finding: Finding) -> list[int]:
    return [
        int(found.raw.split(b"Subject: ")[1].split()[0])
        for source in finding.sources
        for found in source.mails()
    ]


Compress = Callable[[bytes], bytes]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_an_mbox_is_read_however_it_is_compressed(tmp_path: Path, compress: Compress) -> None:
    path = tmp_path / "archive"
    path.write_bytes(compress(mbox(1, 2, 3)))
    finding = find(str(path))
    (source,) = finding.sources
    assert [found.raw for found in source.mails()] == [mail(1), mail(2), mail(3)]
    assert source.position() == source.size == path.stat().st_size
    assert not source.problems


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_file_with_one_mail(tmp_path: Path, compress: Compress) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(compress(mail(1)))
    (source,) = find(str(path)).sources
    assert [found.raw for found in source.mails()] == [mail(1)]


def test_an_empty_file_has_no_mails(tmp_path: Path) -> None:
    path = tmp_path / "empty.mbox"
    path.touch()
    assert subjects(find(str(path))) == []


def test_an_import_goes_on_behind_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(mbox(1, 2, 3, 4))
    (source,) = find(str(path)).sources
    second = [found.mark for found in source.mails()][1]
    assert [found.raw for found in source.mails(second)] == [mail(3), mail(4)]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO(gzip.compress(mbox(1, 2)))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    finding = find("-")
    assert finding.sources[0].identity is None
    assert subjects(finding) == [1, 2]


def maildir(path: Path, *names: str) -> Path:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, 1):
        (path / name).write_bytes(mail(number))
    return path


def test_a_maildir_is_read_in_the_order_of_delivery(tmp_path: Path) -> None:
    box = maildir(
        tmp_path,
        "cur/1700000001.M1.host:2,S",
        "new/1700000002.M2.host",
        "cur/1700000003.M3.host:2,",
        "tmp/1700000004.M4.host",
        "dovecot-uidlist",
    )
    assert subjects(find(str(box))) == [1, 2, 3]


def test_a_mark_in_a_maildir_outlives_flags_and_the_move_to_cur(tmp_path: Path) -> None:
    box = maildir(tmp_path, "new/1700000001.M1.host", "new/1700000002.M2.host")
    (source,) = find(str(box)).sources
    mark = next(iter(source.mails())).mark
    (box / "new/1700000001.M1.host").rename(box / "cur/1700000001.M1.host:2,RS")
    (again,) = find(str(box)).sources
    assert again.identity == source.identity
    assert [found.raw for found in again.mails(mark)] == [mail(2)]


def test_folders_of_a_maildir_are_maildirs(tmp_path: Path) -> None:
    maildir(tmp_path, "cur/1700000001.M1.host:2,S")
    folder = maildir(tmp_path / ".Archive")
    (folder / "cur" / "1600000000.M9.host:2,S").write_bytes(mail(9))
    assert subjects(find(str(tmp_path))) == [1, 9]


def test_a_directory_of_all_sorts(tmp_path: Path) -> None:
    (tmp_path / "2024-01.mbox").write_bytes(mbox(1, 2))
    (tmp_path / "2024-02.txt.gz").write_bytes(gzip.compress(mbox(3)))
    (tmp_path / "a.eml").write_bytes(mail(4))
    (tmp_path / "b.eml.xz").write_bytes(lzma.compress(mail(5)))
    (tmp_path / "index.html").write_bytes(b"<html>")
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "2023.mbox").write_bytes(mbox(6))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "mail").write_bytes(mail(7))
    finding = find(str(tmp_path))
    assert subjects(finding) == [1, 2, 3, 4, 5, 6]
    assert finding.skipped == [tmp_path / "index.html"]


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_a_damaged_archive_gives_what_is_readable_and_says_so(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "cut"
    noise = mbox(1, 2) + b"".join(os.urandom(60).hex().encode() + b"\n" for _ in range(30_000))
    path.write_bytes(compress(noise)[:-200_000])
    (source,) = find(str(path)).sources
    first, *_ = [found.raw for found in source.mails()]
    assert first == mail(1)
    assert len(source.problems) == 1
    assert str(path) in source.problems[0]


@pytest.mark.parametrize("name", ["missing", "empty-directory"])
def test_a_path_without_mail_is_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty-directory").mkdir()
    path = tmp_path / name
    with pytest.raises(NoSource, match=str(path)):
        find(str(path))


def test_a_mail_that_vanishes_from_a_maildir_is_told(tmp_path: Path) -> None:
    box = maildir(tmp_path, "new/1700000001.M1.host", "new/1700000002.M2.host")
    (source,) = find(str(box)).sources
    (box / "new/1700000001.M1.host").unlink()
    assert [found.raw for found in source.mails()] == [mail(2)]
    assert "1700000001.M1.host" in source.problems[0]
