# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored mails are sorted as they would be if they came today."""

from __future__ import annotations

import io
from unittest.mock import patch as replaced

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from patchwork.checks.changes import record_result
from patchwork.events.models import Event
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import receive, receive_many
from patchwork.models import (
    CheckResult,
    Comment,
    Mail,
    MailReference,
    Patch,
    Project,
    RawMail,
    Revision,
    Series,
    SeriesMetadata,
    State,
)
from patchwork.projects.queries import for_ingest
from patchwork.tests.ingest.structure import structure, tables
from patchwork.tests.letters import diff, mail, patch, thread
from patchwork.tracking import changes
from patchwork.tracking.changes import upkeep
from patchwork.tracking.models import MailKind

THREADS = """
    + [PATCH tools 0/2] Feature
    +--> [PATCH tools 1/2] One
    |  +--> bob: Re: [PATCH tools 1/2] One    says=Reviewed-by: Bob <bob@example.org>
    +--> [PATCH tools 2/2] Two
    + [PATCH] Other
    +--> bob: Re: [PATCH] Other
    + carol: A question on tools
    + [PATCH tools v2 0/2] Feature            @1d
    +--> [PATCH tools v2 1/2] One
    +--> [PATCH tools v2 2/2] Two
"""


def retriage(*options: str) -> str:
    out = io.StringIO()
    call_command("retriage", "--quiet", *options, stdout=out)
    return out.getvalue()


def add_tools() -> Project:
    """Its mails are those of the list that say so."""
    return Project.objects.create(
        linkname="tools",
        name="Tools",
        listid="list.example.org",
        listemail="list@example.org",
        subject_match=r"\btools\b",
    )


def stands(project: Project) -> dict[str, object]:
    """How a project's series and comments stand, without ids."""
    return {
        "series": sorted(
            (
                series.name,
                series.version,
                series.state,
                series.n_patches,
                tuple(
                    (revision.number, tuple(revision.slots.values_list("patch__name", flat=True)))
                    for revision in series.revisions.order_by("number")
                ),
            )
            for series in Series.objects.filter(project=project)
        ),
        "patches": sorted(
            Patch.objects.filter(project=project).values_list(
                "name", "state__slug", "state_set_by_human", "delegate__username", "archived"
            )
        ),
        "comments": sorted(
            Comment.objects.filter(project=project).values_list("patch__name", "cover__name")
        ),
        "mails": sorted(
            Mail.objects.filter(project=project)
            .exclude(kind="gone")
            .values_list("subject", "kind", "received", "date")
        ),
    }


@pytest.fixture
def mails(project: Project) -> list[bytes]:
    raws = thread(THREADS)
    receive_many(raws)
    return raws


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create(username="admin")


@pytest.mark.usefixtures("mails")
class TestNothingToDo:
    def test_nothing_changes(self) -> None:
        before = tables()
        said = retriage()
        assert said.startswith("10 mails")
        assert "0  are in another series or revision" in said
        assert tables() == before


class TestMoves:
    def test_as_if_the_settings_had_been_so_from_the_beginning(
        self, project: Project, mails: list[bytes]
    ) -> None:
        before = structure()
        tools = add_tools()
        said = retriage()
        assert "8  went to tools" in said
        moved = {each.linkname: stands(each) for each in (project, tools)}
        assert [name for _, name in moved["list"]["comments"]] == [None]  # type: ignore[attr-defined]
        assert structure() == before
        rows = Mail.objects.filter(project=project, kind="gone")
        assert set(rows.values_list("went_to", flat=True)) == {"tools"}
        assert rows.count() == 8
        assert RawMail.objects.count() == len(mails)
        assert not Revision.objects.filter(project=project, name="Feature").exists()
        assert Series.objects.filter(project=project).count() == 1
        again = retriage()
        assert "went to" not in again

    def test_what_people_decided_goes_along(
        self, project: Project, mails: list[bytes], admin: User
    ) -> None:
        accepted = State.objects.get(slug="accepted")
        one = Patch.objects.get(name="[tools,v2,1/2] One")
        changes.set_state([one], accepted, admin)
        changes.set_delegate([one], admin, admin)
        changes.set_archived([one], True, admin)
        changes.set_commit(one, "c0ffee", admin)
        series = Series.objects.get(name="Feature")
        changes.set_reviewer(series, admin, admin)
        SeriesMetadata.objects.create(series=series, name="pull", value="7")
        newest = series.newest
        assert newest is not None
        record_result(target=one, test_name="build", state="success", user=admin)
        record_result(target=newest, test_name="boot", state="failure", user=admin)
        decided = Event.objects.filter(actor=admin).count()
        tools = add_tools()
        retriage()
        moved = Patch.objects.get(mail__msgid=one.mail.msgid)
        assert moved.pk != one.pk
        assert (moved.project, moved.state, moved.state_set_by_human) == (tools, accepted, True)
        assert (moved.delegate, moved.archived, moved.commit_ref) == (admin, True, "c0ffee")
        there = Series.objects.get(project=tools)
        assert (there.state, there.reviewer, there.test_state) == ("in progress", admin, "failure")
        assert there.metadata.get().value == "7"
        assert set(CheckResult.objects.values_list("patch_id", "revision_id", "project_id")) == {
            (moved.pk, None, tools.pk),
            (None, there.newest_id, tools.pk),
        }
        assert Event.objects.filter(actor=admin, project=tools).count() == decided

    def test_there_and_back(self, project: Project, mails: list[bytes]) -> None:
        before, here = structure(), stands(project)
        tools = add_tools()
        retriage()
        assert stands(project) != here
        Project.objects.filter(pk=tools.pk).update(listid="elsewhere.example.org")
        said = retriage()
        assert "8  went to list" in said
        assert structure() == before
        assert stands(project) == here
        assert not Series.objects.filter(project=tools).exists()

    def test_after_coming_back_mails_still_wait_for_what_is_gone(self, project: Project) -> None:
        """A reply stays behind, its patch goes, comes back, and is what the reply answers."""
        receive_many(
            [
                patch("[PATCH tools] One", msgid="<one@x>"),
                mail("Re: One", who="bob", msgid="<re@x>", references=["<one@x>"]),
            ]
        )
        tools = add_tools()
        retriage()
        assert Mail.objects.get(msgid="<re@x>").kind == "kept"
        Project.objects.filter(pk=tools.pk).update(subject_match="nothing")
        retriage("--only", "moves")
        assert Mail.objects.get(msgid="<re@x>").kind == "comment"
        assert not MailReference.objects.exists()

    def test_what_no_project_claims_stays(self, project: Project, mails: list[bytes]) -> None:
        before = structure()
        Project.objects.filter(pk=project.pk).update(listid="new.example.org", listemail="n@x.org")
        assert "went to" not in retriage()
        assert structure() == before

    def test_deleted_there_stays_here(
        self, project: Project, mails: list[bytes], admin: User
    ) -> None:
        tools = add_tools()
        receive(mails[6])
        changes.remove_mails(Mail.objects.filter(project=tools), admin)
        said = retriage()
        assert "7  went to tools" in said
        assert "1  belong elsewhere and stay: it was deleted from tools" in said
        assert Mail.objects.get(project=project, subject__contains="question").kind == "kept"

    def test_another_mail_with_its_message_id_keeps_it_here(
        self, project: Project, mails: list[bytes]
    ) -> None:
        add_tools()
        receive(mail("[tools] Something else", who="eve", msgid="<m6@example.org>"))
        said = retriage()
        assert "1  belong elsewhere and stay: tools has another mail with its Message-ID" in said

    def test_a_mail_to_two_projects_is_in_both(self, project: Project) -> None:
        raw = patch("[PATCH] Both", headers={"Cc": "second@example.org"})
        raw = raw.replace(b"List-Id: <list.example.org>\n", b"")
        assert receive(raw).fate is Fate.PATCH
        second = Project.objects.create(
            linkname="second", name="S", listid="second.example.org", listemail="second@example.org"
        )
        said = retriage()
        assert "1  are in second as well" in said
        assert Patch.objects.filter(project=project).count() == 1
        assert Patch.objects.filter(project=second).count() == 1
        assert "as well" not in retriage()

    def test_a_live_copy_in_the_other_project_is_the_one(
        self, project: Project, mails: list[bytes]
    ) -> None:
        tools = add_tools()
        receive_many(mails[:4])
        assert Patch.objects.filter(project=tools).count() == 2
        retriage()
        assert Patch.objects.filter(project=tools).count() == 4
        assert Patch.objects.filter(project=project).count() == 1

    def test_nobody_is_told_unless_asked_for(self, project: Project, mails: list[bytes]) -> None:
        add_tools()
        retriage()
        assert not Event.objects.filter(project__linkname="tools", historical=False).exists()

    def test_somebody_is_told_when_asked_for(self, project: Project, mails: list[bytes]) -> None:
        add_tools()
        retriage("--no-historical")
        assert not Event.objects.filter(project__linkname="tools", historical=True).exists()

    def test_in_handfuls_of_one_thread(self, project: Project, mails: list[bytes]) -> None:
        before = structure()
        add_tools()
        with replaced("patchwork.management.by_project.SIZE", 1):
            assert "8  went to tools" in retriage()
        assert structure() == before


class TestDryRun:
    def test_it_says_the_same_and_changes_nothing(
        self, project: Project, mails: list[bytes]
    ) -> None:
        add_tools()
        before = tables()
        dry = retriage("--dry-run", "-v", "2")
        assert tables() == before
        assert "this was a dry run" in dry
        assert "<m0@example.org>: went to tools" in dry
        real = retriage("-v", "2")
        assert real.splitlines() == dry.splitlines()[:-1]


class TestKept:
    def test_a_kept_mail_is_a_patch_by_todays_rules(self, project: Project) -> None:
        raws = thread(
            """
            + [PATCH] One           #one
            +--> bob: Re: One       #re  diff
            + carol: [PATCH] Two    #two
            +--> bob: Re: Two       #re2
            """
        )
        receive_many(raws[:2])
        with replaced(
            "patchwork.tracking.changes.placement.kind_of", lambda *args, **how: MailKind.KEPT
        ):
            receive_many(raws[2:])
        assert set(Mail.objects.order_by("pk").values_list("kind", flat=True)[2:]) == {"kept"}
        said = retriage()
        assert "1  turned out to be: patch" in said
        assert "1  turned out to be: comment" in said
        assert Patch.objects.get(name="Two").comments.count() == 1
        assert Series.objects.get(name="Two").state == "initial"

    def test_what_it_says_outright_counts(self, project: Project) -> None:
        """A kept reply with a diff whose patch comes later says what it supersedes."""
        receive_many(thread("+ [PATCH] Old words  #old"))
        again = mail(
            "Re: New words",
            msgid="<new@example.org>",
            references=["<missing@example.org>"],
            text=f"Supersedes: <old@example.org>\n---\n{diff()}",
        )
        assert receive(again).fate is Fate.KEPT
        receive(mail("[PATCH 0/1] New words", msgid="<missing@example.org>"))
        assert Mail.objects.get(msgid="<new@example.org>").kind == "patch"
        assert Mail.objects.get(msgid="<new@example.org>").claims.count() == 1


class TestSeries:
    def test_a_project_with_another_name_reads_its_subjects_anew(
        self, project: Project, mails: list[bytes]
    ) -> None:
        Project.objects.filter(pk=project.pk).update(linkname="tools")
        before = set(Patch.objects.values_list("name", flat=True))
        assert "[tools,1/2] One" in before
        retriage()
        assert "[1/2] One" in set(Patch.objects.values_list("name", flat=True))

    def test_series_that_a_rule_of_yesterday_parted(self, project: Project) -> None:
        with replaced("patchwork.tracking.chaining._RULES", ()):
            for raw in thread("+ [PATCH] One\n+ [PATCH v2] One  @1d"):
                receive(raw)
        assert Series.objects.count() == 2
        assert "1  are in another series or revision" in retriage("--only", "series")
        assert Series.objects.get().version == 2
        updated = Series.objects.get().last_updated
        retriage()
        assert Series.objects.get().last_updated == updated

    def test_pins_are_respected(self, project: Project, admin: User) -> None:
        receive_many(thread("+ [PATCH] One\n+ [PATCH v2] One  #v2 @1d"))
        changes.pin_series(Mail.objects.get(msgid="<v2@example.org>"), None, admin)
        assert Series.objects.count() == 2
        assert "0  are in another series" in retriage()
        assert Series.objects.count() == 2

    def test_deleted_stays_deleted(self, project: Project, mails: list[bytes], admin: User) -> None:
        changes.remove_mail(Mail.objects.get(subject="[PATCH] Other"), admin)
        before = structure()
        retriage()
        assert structure() == before


def test_handfuls_hold_whole_threads(project: Project, mails: list[bytes]) -> None:
    handfuls = list(upkeep.threads(for_ingest()[0], lambda: 3))
    assert sum(count for _, count in handfuls) == len(mails)
    roots = [root for each, _ in handfuls for root in each]
    assert sorted(roots) == roots
    assert len(set(roots)) == len(roots) == 4
