# SPDX-License-Identifier: GPL-2.0-or-later
"""Trailers, their counts and hashes are told anew from the stored mails."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from patchwork.ingest.receiving import receive_many
from patchwork.models import MailTrailer, Patch, PatchCount, PatchTag, Project, State, Tag
from patchwork.tests.letters import thread

THREAD = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    |  +--> bob: Re: [PATCH 1/2] One    says=Reviewed-by: Bob <bob@example.org>
    |  +--> carol: Re: [PATCH 1/2] One  says=Acked-by: Carol <carol@example.org>
    +--> [PATCH 2/2] Two
"""


def run(command: str, *options: str) -> str:
    out = io.StringIO()
    call_command(command, "--quiet", *options, stdout=out)
    return out.getvalue()


def counts() -> set[tuple[str, str, int]]:
    return set(PatchTag.objects.values_list("patch__name", "tag__name", "count"))


@pytest.fixture
def stored(project: Project) -> None:
    receive_many(thread(THREAD))


@pytest.mark.usefixtures("stored")
class TestRetag:
    def test_nothing_to_do_changes_nothing(self) -> None:
        rows = set(MailTrailer.objects.values_list())
        before = counts()
        said = run("retag")
        assert said.startswith("5 mails")
        assert "0  said something else" in said
        assert set(MailTrailer.objects.values_list()) == rows
        assert counts() == before

    def test_lost_and_wrong_lines_come_right(self) -> None:
        before = counts()
        rows = set(MailTrailer.objects.values_list("mail", "target", "line"))
        MailTrailer.objects.filter(line__startswith="Reviewed-by").delete()
        MailTrailer.objects.filter(line__startswith="Acked-by").update(line="Tested-by: Nobody")
        PatchTag.objects.all().delete()
        assert "2  said something else" in run("retag")
        assert counts() == before
        assert set(MailTrailer.objects.values_list("mail", "target", "line")) == rows

    def test_a_new_tag_is_counted(self) -> None:
        Tag.objects.create(name="Signed", pattern="^Signed-off-by:", abbrev="S")
        run("retag")
        assert ("[1/2] One", "Signed", 1) in counts()
        assert ("[2/2] Two", "Signed", 1) in counts()

    def test_a_project_that_counts_nothing_is_left_uncounted(self, project: Project) -> None:
        PatchTag.objects.all().delete()
        Project.objects.update(use_tags=False)
        run("retag")
        assert counts() == set()

    def test_only_the_project_that_was_asked_for(self, project: Project) -> None:
        other = Project.objects.create(
            linkname="o", name="O", listid="o", listemail="o@example.org"
        )
        PatchTag.objects.all().delete()
        assert run("retag", "--project", other.linkname).startswith("0 mails")
        assert counts() == set()
        run("retag", "-p", project.linkname)
        assert counts() != set()

    def test_an_unknown_project_is_refused(self) -> None:
        with pytest.raises(CommandError, match=r"no project 'nix'. There are: list"):
            run("retag", "--project", "nix")


@pytest.mark.usefixtures("stored")
class TestRecount:
    def test_what_was_changed_by_hand_is_counted(self) -> None:
        assert "0  patches were counted wrongly" in run("recount")
        accepted = State.objects.get(slug="accepted")
        Patch.objects.filter(name="[1/2] One").update(state=accepted)
        Patch.objects.filter(name="[2/2] Two").update(archived=True)
        said = run("recount")
        assert said.startswith("1 projects")
        assert "2  patches were counted wrongly" in said
        rows = PatchCount.objects.exclude(count=0).values_list("state__slug", "archived", "count")
        assert set(rows) == {("accepted", False, 1), ("new", True, 1)}


@pytest.mark.usefixtures("stored")
class TestRehash:
    def test_a_wrong_hash_comes_right(self) -> None:
        before = dict(Patch.objects.values_list("pk", "hash"))
        assert all(before.values())
        touched = set(Patch.objects.values_list("last_updated", flat=True))
        Patch.objects.filter(name="[1/2] One").update(hash="0" * 40)
        said = run("rehash")
        assert said.startswith("2 patches")
        assert "1  had another hash" in said
        assert dict(Patch.objects.values_list("pk", "hash")) == before
        assert set(Patch.objects.values_list("last_updated", flat=True)) == touched

    def test_a_patch_without_a_diff_has_no_hash(self) -> None:
        Patch.objects.update(diff=None)
        assert "2  had another hash" in run("rehash")
        assert set(Patch.objects.values_list("hash", flat=True)) == {""}
