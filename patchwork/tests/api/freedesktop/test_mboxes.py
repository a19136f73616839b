# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailboxes, applied with real git: ``curl ... | git am -3``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.gits import git, init
from patchwork.tests.letters import LIST_ID, thread
from patchwork.tracking.models import Patch, Series

TEXT = "".join(f"line {number}\n" for number in range(1, 30))
COVER = f"""\
From: Ada Böhm <ada@example.org>
To: <{LIST_ID.replace(".", "@", 1)}>
Subject: [PATCH 0/3] Größe
Message-ID: <cover@example.org>
Date: Mon, 01 Jan 2024 12:00:00 +0000
List-Id: <{LIST_ID}>
Content-Type: text/plain; charset=utf-8

All of it.
"""
REPLY = """\
From: Rita <rita@example.org>
Subject: Re: [PATCH 2/3] Größer
Message-ID: <reply@example.org>
In-Reply-To: {msgid}
References: {msgid}
Date: Tue, 02 Jan 2024 12:00:00 +0000
List-Id: <{list_id}>

Fine.

Reviewed-by: Rita <rita@example.org>
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base"
    path.mkdir()
    return init(path, {"file.txt": TEXT})


@pytest.fixture
def series(project: Project, base: Path, tmp_path: Path) -> Series:
    """Three commits, mailed by git, and a reply to the second one."""
    clone = tmp_path / "author"
    git(base, "clone", "--quiet", str(base), str(clone))
    for number, (line, name) in enumerate(
        [(3, "Klein"), (15, "Größer"), (27, "Last\n\nFrom here on\n\n it is done")]
    ):
        text = (clone / "file.txt").read_text().replace(f"line {line}\n", f"änderung {line}\n")
        (clone / "file.txt").write_text(text)
        git(
            clone, "commit", "--quiet", "--all", "--message", name,
            "--author", "Ada Böhm <ada@example.org>", "--date", f"2024-01-01T12:0{number}:00Z",
        )  # fmt: skip
    git(
        clone, "format-patch", "--quiet", "--thread", "--in-reply-to=<cover@example.org>",
        f"--to={LIST_ID.replace('.', '@', 1)}", "--signoff", "origin/main", "-o", "out",
    )  # fmt: skip
    raws = [
        f"List-Id: <{LIST_ID}>\n".encode() + file.read_bytes().split(b"\n", 1)[1]
        for file in sorted((clone / "out").iterdir())
    ]
    receive_many([COVER.encode(), *raws])
    msgid = Patch.objects.order_by("date")[1].mail.msgid
    receive_many([REPLY.format(msgid=msgid, list_id=LIST_ID).encode()])
    return Series.objects.get()


def applied(repository: Path) -> list[list[str]]:
    log = git(repository, "log", "--reverse", "--format=%an <%ae>%x00%aI%x00%B%x01", "base..")
    return [entry.strip().split("\0") for entry in log.split("\1") if entry.strip()]


class TestRevision:
    def test_it_applies_as_it_was_written(
        self, series: Series, base: Path, live_server: Any
    ) -> None:
        git(base, "branch", "base")
        address = f"{live_server}/api/1.0/series/{series.pk}/revisions/1/mbox/"
        curl = subprocess.run(["curl", "-sf", address], capture_output=True, check=True)
        git(base, "am", "-3", "--quiet", stdin=curl.stdout)
        commits = applied(base)
        assert [author for author, _, _ in commits] == ["Ada Böhm <ada@example.org>"] * 3
        assert commits[0][1] == "2024-01-01T12:00:00+00:00"
        signed = "Signed-off-by: Tests <tests@example.org>"
        assert [message for _, _, message in commits] == [
            f"Klein\n\n{signed}",
            f"Größer\n\n{signed}\nReviewed-by: Rita <rita@example.org>",
            f"Last\n\nFrom here on\n\n it is done\n\n{signed}",
        ]
        assert (base / "file.txt").read_text().count("änderung") == 3

    def test_the_answer(self, series: Series, client: Client) -> None:
        answer = client.get(
            f"/api/1.0/series/{series.pk}/revisions/1/mbox/", headers={"accept": "application/mbox"}
        )
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert answer["Content-Disposition"] == 'attachment; filename="Gr-e-rev1.mbox"'
        lines = answer.content.decode().split("\n")
        assert lines.count("From patchwork Mon Jan  1 12:00:00 2024") == 1
        assert "Subject: [1/3] Klein" in lines
        assert "To: list@example.org" in lines
        ids = Patch.objects.order_by("date").values_list("pk", flat=True)
        shown = [line for line in lines if line.startswith("X-Patchwork-Id: ")]
        assert shown == [f"X-Patchwork-Id: {pk}" for pk in ids]

    def test_what_has_come_so_far(self, project: Project, client: Client) -> None:
        receive_many(thread("+ [PATCH 0/3] Big\n+--> [PATCH 3/3] C\n+--> [PATCH 1/3] A"))
        series = Series.objects.get()
        content = client.get(f"/api/1.0/series/{series.pk}/revisions/1/mbox/").content.decode()
        subjects = [line for line in content.split("\n") if line.startswith("Subject: ")]
        assert subjects == ["Subject: [1/3] A", "Subject: [3/3] C"]

    def test_before_anything_has_come(self, project: Project, client: Client) -> None:
        receive_many([COVER.encode()])
        series = Series.objects.get()
        answer = client.get(f"/api/1.0/series/{series.pk}/revisions/1/mbox/")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "No patch of revision 1 has come yet."}


class TestPatch:
    def test_one_applies_alone(self, series: Series, base: Path, live_server: Any) -> None:
        git(base, "branch", "base")
        patch = Patch.objects.order_by("date")[1]
        address = f"{live_server}/api/1.0/patches/{patch.pk}/mbox/?link=Link"
        curl = subprocess.run(["curl", "-sf", address], capture_output=True, check=True)
        git(base, "am", "-3", "--quiet", stdin=curl.stdout)
        ((_, _, message),) = applied(base)
        assert message.split("\n")[2:] == [
            "Signed-off-by: Tests <tests@example.org>",
            "Reviewed-by: Rita <rita@example.org>",
            f"Link: {live_server}/patch/{patch.pk}/",
        ]

    def test_its_delegate_is_named(self, series: Series, maintainer: Any, client: Client) -> None:
        patch = Patch.objects.earliest("pk")
        Patch.objects.filter(pk=patch.pk).update(delegate=maintainer)
        content = client.get(f"/api/1.0/patches/{patch.pk}/mbox/").content
        assert b"\nX-Patchwork-Delegate: maria@example.org\n" in content


class TestLink:
    def test_each_patch_has_its_own(self, series: Series, client: Client, settings: Any) -> None:
        settings.FORCE_HTTPS_LINKS = True
        address = f"/fdo/api/1.0/series/{series.pk}/revisions/1/mbox/?link=Patchwork-Link"
        content = client.get(address).content.decode()
        for patch in Patch.objects.all():
            assert f"\nPatchwork-Link: https://testserver/patch/{patch.pk}/\n" in content

    @pytest.mark.parametrize("tag", ["Link:", "a%0Ab", "Größe", "-x", "1x", "a b", "x" * 51, "%00"])
    def test_what_is_no_tag(self, series: Series, client: Client, tag: str) -> None:
        answer = client.get(f"/api/1.0/series/{series.pk}/revisions/1/mbox/?link={tag}")
        assert (answer.status_code, list(answer.json())) == (400, ["link"])

    def test_none(self, series: Series, client: Client) -> None:
        content = client.get(f"/api/1.0/series/{series.pk}/revisions/1/mbox/?link=").content
        assert b"testserver" not in content
