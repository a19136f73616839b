# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is lost in quarantine, nothing comes out of it twice."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch as replaced

import pytest
from django.core.management import CommandError, call_command

from patchwork.ingest import replaying
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import TryLater, receive
from patchwork.models import Mail, Patch, Project
from patchwork.tests.letters import diff, mail, patch

WAITING = QuarantinedMail.State.WAITING
REPLAYED = QuarantinedMail.State.REPLAYED
DROPPED = QuarantinedMail.State.DROPPED
ELSEWHERE = {"List-Id": "<new.example.org>"}


def quarantine(*words: str) -> str:
    out = io.StringIO()
    call_command("quarantine", *words, stdout=out)
    return out.getvalue()


def add_project() -> Project:
    return Project.objects.create(
        linkname="new", name="New", listid="new.example.org", listemail="new@example.org"
    )


@pytest.fixture
def strays(project: Project) -> list[QuarantinedMail]:
    """Two mails of a list that no project has yet."""
    for number in (1, 2):
        raw = patch(f"[PATCH] Stray {number}", msgid=f"<{number}@example.org>", headers=ELSEWHERE)
        assert receive(raw).fate is Fate.NO_PROJECT
    return list(QuarantinedMail.objects.order_by("pk"))


class TestReplay:
    def test_after_the_fix_it_goes_through(self, strays: list[QuarantinedMail]) -> None:
        add_project()
        outcome = replaying.replay(strays[0])
        assert outcome.fate is Fate.PATCH
        assert strays[0].state == REPLAYED
        assert Patch.objects.get().project.linkname == "new"

    def test_before_the_fix_it_waits_again(self, strays: list[QuarantinedMail]) -> None:
        assert replaying.replay(strays[0]).fate is Fate.NO_PROJECT
        assert strays[0].state == WAITING
        assert QuarantinedMail.objects.count() == 2

    def test_of_an_archive_as_well(self, strays: list[QuarantinedMail]) -> None:
        """An archive's mails for nobody are not put aside: this one waits all the same."""
        QuarantinedMail.objects.update(historical=True, reason="something else")
        strays[0].refresh_from_db()
        assert replaying.replay(strays[0]).fate is Fate.NO_PROJECT
        assert strays[0].state == WAITING
        assert strays[0].reason == "no project takes mail of new.example.org"

    def test_twice_is_a_duplicate(self, strays: list[QuarantinedMail]) -> None:
        add_project()
        replaying.replay(strays[0])
        assert replaying.replay(strays[0]).fate is Fate.DUPLICATE
        assert strays[0].state == REPLAYED
        assert Patch.objects.count() == 1

    def test_it_is_for_the_list_that_it_was_delivered_for(self, project: Project) -> None:
        raw = patch("[PATCH] One", headers=ELSEWHERE)
        receive(raw, list_id="third.example.org")
        Project.objects.filter(pk=project.pk).update(listid="third.example.org")
        row = QuarantinedMail.objects.get()
        assert replaying.replay(row).fate is Fate.PATCH

    def test_a_new_reason_replaces_the_old_one(self, strays: list[QuarantinedMail]) -> None:
        add_project()
        arrival = SimpleNamespace(run=lambda: 1 / 0)
        with replaced("patchwork.ingest.receiving.Arrival", lambda *a, **k: arrival):
            assert replaying.replay(strays[0]).fate is Fate.QUARANTINED
        assert strays[0].state == WAITING
        assert "ZeroDivisionError" in strays[0].reason
        assert "ZeroDivisionError" in strays[0].traceback
        assert QuarantinedMail.objects.count() == 2
        assert not Mail.objects.exists()

    def test_without_a_database_nothing_has_changed(self, strays: list[QuarantinedMail]) -> None:
        def unreachable(*args: object, **kwargs: object) -> None:
            raise TryLater("gone")

        with (
            replaced("patchwork.ingest.replaying.receive", unreachable),
            pytest.raises(TryLater),
        ):
            replaying.replay(strays[0])
        strays[0].refresh_from_db()
        assert strays[0].state == WAITING


class TestMessageIdUsedTwice:
    @pytest.fixture
    def twin(self, project: Project) -> QuarantinedMail:
        receive(patch("[PATCH] One"))
        assert receive(patch("[PATCH] Another", who="bob")).fate is Fate.QUARANTINED
        return QuarantinedMail.objects.get()

    def test_it_waits_as_often_as_it_is_replayed(self, twin: QuarantinedMail) -> None:
        assert replaying.replay(twin).fate is Fate.QUARANTINED
        assert twin.state == WAITING
        assert Patch.objects.count() == 1

    def test_as_new_it_gets_a_message_id_of_its_own_once(self, twin: QuarantinedMail) -> None:
        assert replaying.replay(twin, as_new=True).fate is Fate.PATCH
        assert twin.state == REPLAYED
        assert Patch.objects.get(name="Another").mail.msgid == f"<{twin.sha256}@again>"
        assert replaying.replay(twin, as_new=True).fate is Fate.DUPLICATE
        assert Patch.objects.count() == 2


class TestDrop:
    def test_it_does_not_wait_any_more_until_it_comes_again(
        self, strays: list[QuarantinedMail]
    ) -> None:
        assert replaying.drop(strays) == 2
        assert replaying.drop(strays) == 0
        assert set(QuarantinedMail.objects.values_list("state", flat=True)) == {DROPPED}
        receive(strays[0].read_bytes())
        strays[0].refresh_from_db()
        assert strays[0].state == WAITING


class TestCommand:
    def test_list(self, strays: list[QuarantinedMail]) -> None:
        replaying.drop(strays[:1])
        head, *lines = quarantine("list").splitlines()
        assert "reason" in head
        (line,) = lines
        assert line.split()[0] == str(strays[1].pk)
        assert line.endswith("no project takes mail of new.example.org; [PATCH] Stray 2")
        assert len(quarantine("list", "--state", "all").splitlines()) == 3
        assert len(quarantine("list", "--reason", "TWICE").splitlines()) == 1

    def test_show(self, strays: list[QuarantinedMail]) -> None:
        QuarantinedMail.objects.update(traceback="Traceback (most recent call last):\n  line 7")
        said = quarantine("show", str(strays[0].pk))
        assert "reason:   no project takes mail of new.example.org" in said
        assert "\nSubject: [PATCH] Stray 1\n" in said
        assert "  line 7" in said
        assert "diff --git" not in said

    def test_a_mail_does_not_command_the_terminal(self, project: Project) -> None:
        raw = mail("\x1b[2J\x9b1mboo", headers=ELSEWHERE)
        receive(raw)
        row = QuarantinedMail.objects.get()
        for said in (quarantine("list"), quarantine("show", str(row.pk))):
            assert "boo" in said
            assert not {"\x1b", "\x9b"} & set(said)

    def test_replay_some_and_all(self, strays: list[QuarantinedMail]) -> None:
        with pytest.raises(CommandError, match="1 of them wait again"):
            quarantine("replay", str(strays[0].pk))
        add_project()
        assert "patch: <1@example.org>" in quarantine("replay", str(strays[0].pk))
        assert "patch: <2@example.org>" in quarantine("replay", "--all")
        assert Patch.objects.count() == 2
        assert quarantine("replay", "--all") == ""

    def test_replay_by_reason(self, strays: list[QuarantinedMail]) -> None:
        add_project()
        QuarantinedMail.objects.filter(pk=strays[1].pk).update(reason="other")
        quarantine("replay", "--reason", "no project")
        assert Patch.objects.get().name == "Stray 1"

    def test_all_takes_saying_so(self, strays: list[QuarantinedMail]) -> None:
        for todo in ("replay", "drop"):
            with pytest.raises(CommandError, match="Which ones"):
                quarantine(todo)

    def test_drop(self, strays: list[QuarantinedMail]) -> None:
        assert quarantine("drop", "--all") == "2 dropped\n"

    def test_export_is_byte_exact(self, strays: list[QuarantinedMail], tmp_path: Path) -> None:
        path = tmp_path / "out"
        with path.open("w") as out:
            call_command("quarantine", "export", str(strays[0].pk), stdout=out)
        assert path.read_bytes() == strays[0].read_bytes()
        assert diff(line="[PATCH] Stray 1").encode() in path.read_bytes()

    def test_an_unknown_id_is_refused(self, db: None) -> None:
        with pytest.raises(CommandError, match="no mail 7 in quarantine"):
            quarantine("show", "7")

    def test_a_large_mail_lies_on_disk(
        self, project: Project, settings: object, tmp_path: Path
    ) -> None:
        settings.SPOOL_DIR = tmp_path  # type: ignore[attr-defined]
        settings.MAX_MAIL_SIZE = 1000  # type: ignore[attr-defined]
        with replaced("patchwork.mail.reading.SIZE_LIMIT", 1000):
            raw = patch("[PATCH] Large", text="x" * 2000)
            receive(raw)
        row = QuarantinedMail.objects.get()
        assert row.raw is None
        assert "Large" in quarantine("show", str(row.pk))
        quarantine("replay", str(row.pk))
        assert Patch.objects.get().name == "Large"
        Path(row.spool_path).unlink()
        with pytest.raises(CommandError, match="wait again"):
            quarantine("replay", str(row.pk))
        with pytest.raises(CommandError, match="cannot be read"):
            quarantine("show", str(row.pk))
