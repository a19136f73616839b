# SPDX-License-Identifier: GPL-2.0-or-later
"""What is dumped can be taken in again, and gives the same series."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch as replaced

import pytest
from django.core.management import CommandError, call_command

from patchwork.ingest.receiving import receive_many
from patchwork.mail.mbox import split_mbox
from patchwork.models import Comment, Mail, Project, RawMail
from patchwork.tests.ingest.structure import rolled_back, structure
from patchwork.tests.letters import mail, thread
from patchwork.tracking import archive, changes

PICTURE = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    |  +--> bob: Re: [PATCH 1/2] One     says=Reviewed-by: Bob <bob@example.org>
    |     +--> [PATCH v2 1/2] One        @1d
    +--> [PATCH 2/2] Two                 @2m
    + [PATCH v2 0/1] Feature             @2d
    +--> [PATCH v2 1/1] One and two
    + carol: A question                  @3d
"""


@pytest.fixture
def mails(project: Project) -> list[bytes]:
    raws = [*thread(PICTURE), mail("From", msgid="<f@x>", text="From me\n\n>From him\n")]
    receive_many(raws)
    return raws


def dump(*words: str) -> None:
    call_command("dumparchive", "list", "--quiet", *words)


def read(path: Path) -> list[bytes]:
    with path.open("rb") as stream:
        return list(split_mbox(stream))


def test_the_round_trip(mails: list[bytes], project: Project, tmp_path: Path) -> None:
    before = structure()
    path = tmp_path / "list.mbox"
    dump("-o", str(path))
    assert sorted(read(path)) == sorted(mails)
    with rolled_back():
        Comment.objects.all().delete()  # MariaDB cannot do it by cascade: see its constraint.
        project.delete()
        Mail.objects.all().delete()
        assert structure()["series"] == []
        Project.objects.create(
            linkname="list", name="Again", listid=project.listid, listemail=project.listemail
        )
        call_command("parsearchive", str(path), verbosity=0)
        assert structure() == before
        assert RawMail.objects.count() == len(mails)


def test_compressed_by_its_name(mails: list[bytes], tmp_path: Path) -> None:
    dump("-o", str(tmp_path / "a.mbox"))
    dump("-o", str(tmp_path / "a.mbox.gz"))
    plain = (tmp_path / "a.mbox").read_bytes()
    assert gzip.decompress((tmp_path / "a.mbox.gz").read_bytes()) == plain
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mbox", "a.mbox.gz"]


def test_by_date_however_small_the_pages_are(mails: list[bytes], tmp_path: Path) -> None:
    with replaced.object(archive, "PAGE", 2), replaced.object(archive, "BATCH_BYTES", 1):
        dump("-o", str(tmp_path / "small"))
    dump("-o", str(tmp_path / "large"))
    assert (tmp_path / "small").read_bytes() == (tmp_path / "large").read_bytes()
    assert read(tmp_path / "small")[-1] == thread(PICTURE)[-1]


def test_since_and_until(mails: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "some"
    dump("-o", str(path), "--since", "2024-01-02", "--until", "2024-01-04")
    names = [raw.split(b"Subject: ")[1].split(b"\n")[0] for raw in read(path)]
    assert names == [
        b"[PATCH v2 1/2] One",
        b"[PATCH v2 0/1] Feature",
        b"[PATCH v2 1/1] One and two",
    ]
    with pytest.raises(CommandError, match="not a date"):
        dump("--since", "yesterday")


def test_deleted_mails_are_left_out(mails: list[bytes], tmp_path: Path) -> None:
    changes.remove_mail(Mail.objects.get(subject="A question"), None)
    dump("-o", str(tmp_path / "rest"))
    assert len(read(tmp_path / "rest")) == len(mails) - 1


def test_when_it_is_interrupted_the_old_file_is_still_there(
    mails: list[bytes], tmp_path: Path
) -> None:
    def interrupted(self: archive.Archive) -> Iterator[bytes]:
        yield b"half\n"
        raise KeyboardInterrupt

    path = tmp_path / "list.mbox"
    path.write_bytes(b"old")
    with replaced.object(archive.Archive, "entries", interrupted), pytest.raises(SystemExit):
        dump("-o", str(path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_to_standard_output(mails: list[bytes], tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        call_command("dumparchive", "list", "--quiet", stdout=out)
    assert sorted(read(tmp_path / "out")) == sorted(mails)


def test_a_place_that_cannot_be_written_is_said(mails: list[bytes], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        dump("-o", str(tmp_path / "nowhere" / "list.mbox"))
