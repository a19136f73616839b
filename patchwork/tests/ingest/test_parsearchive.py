# SPDX-License-Identifier: GPL-2.0-or-later
"""Archives go in once, however often they are given and wherever the import is cut off."""

from __future__ import annotations

import gzip
import io
import math
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from patchwork.events.models import Event
from patchwork.ingest import archive, pacing
from patchwork.ingest.receiving import TryLater
from patchwork.management.progress import ProgressBar, duration
from patchwork.models import Mail, Project
from patchwork.tests.ingest.installation import ROOT, Installation, until
from patchwork.tests.letters import LIST_ID, mail, patch

SEPARATOR = b"From someone@example.org Mon Jan  1 12:00:00 2024\n"


def mbox(mails: Sequence[bytes]) -> bytes:
    return b"".join(SEPARATOR + raw + b"\n" for raw in mails)


def patches(count: int) -> list[bytes]:
    return [patch(f"[PATCH] Number {n}", msgid=f"<{n}@example.org>") for n in range(count)]


@pytest.fixture(autouse=True)
def spool(settings: pytest.FixtureRequest, tmp_path: Path) -> Path:
    settings.SPOOL_DIR = tmp_path / "spool"  # type: ignore[attr-defined]
    return tmp_path / "spool"


@pytest.fixture(autouse=True)
def even_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is that the tests run on."""
    monkeypatch.setattr(pacing, "FAR_TOO_LONG_SECONDS", math.inf)


def take_in(*arguments: str) -> str:
    out = io.StringIO()
    call_command("parsearchive", *arguments, stdout=out)
    return out.getvalue()


def counts(summary: str) -> dict[str, int]:
    """The table of fates."""
    lines = re.findall(r"^ +([\d,]+)  (.+)$", summary, re.MULTILINE)
    return {fate: int(count.replace(",", "")) for count, fate in lines}


@pytest.mark.django_db(transaction=True)
class TestSummary:
    def test_every_mail_is_accounted_for(self, project: Project, tmp_path: Path) -> None:
        path = tmp_path / "archive.mbox"
        strange = mail("Hello", msgid="<s@x>", headers={"List-Id": "<unknown.example.net>"})
        ignored = mail("No", msgid="<i@x>", headers={"X-Patchwork-Hint": "ignore"})
        other = mail("Something else", msgid="<1@example.org>")
        path.write_bytes(mbox([*patches(3), patches(1)[0], strange, ignored, other]))
        summary = take_in(str(path))
        assert counts(summary) == {
            "patch": 3,
            "duplicate": 1,
            "no project": 1,
            "ignored": 1,
            "quarantined": 1,
        }
        assert "7 mails in" in summary
        assert f"quarantined: {path}, 7: <1@example.org>" in summary
        assert Mail.objects.count() == 3

    def test_a_second_time_changes_nothing(self, project: Project, tmp_path: Path) -> None:
        path = tmp_path / "archive.mbox.gz"
        path.write_bytes(gzip.compress(mbox(patches(5))))
        assert counts(take_in(str(path))) == {"patch": 5}
        assert counts(take_in(str(path))) == {"duplicate": 5}
        assert Mail.objects.count() == 5

    def test_several_paths_are_one_import(self, project: Project, tmp_path: Path) -> None:
        for number, raw in enumerate(patches(4)):
            (tmp_path / f"{number}.eml").write_bytes(raw)
        names = [str(tmp_path / f"{number}.eml") for number in range(4)]
        assert counts(take_in(*names)) == {"patch": 4}

    def test_small_batches_make_the_same(self, project: Project, tmp_path: Path) -> None:
        path = tmp_path / "archive.mbox"
        path.write_bytes(mbox(patches(5)))
        assert counts(take_in("--batch", "2", str(path))) == {"patch": 5}

    def test_the_list_may_be_told(self, project: Project, tmp_path: Path) -> None:
        path = tmp_path / "mail.eml"
        path.write_bytes(patch("[PATCH] One", headers={"List-Id": "<old.example.net>"}))
        assert counts(take_in("--list-id", LIST_ID, str(path))) == {"patch": 1}

    @pytest.mark.parametrize("historical", [True, False])
    def test_what_is_imported_is_history_unless_told(
        self, project: Project, tmp_path: Path, historical: bool
    ) -> None:
        path = tmp_path / "mail.eml"
        path.write_bytes(patches(1)[0])
        take_in(str(path), *([] if historical else ["--no-historical"]))
        assert {event.historical for event in Event.objects.all()} == {historical}


@pytest.mark.django_db(transaction=True)
class TestTrouble:
    def test_a_path_that_is_not_there_stops_before_the_first_mail(
        self, project: Project, tmp_path: Path
    ) -> None:
        (tmp_path / "there.mbox").write_bytes(mbox(patches(1)))
        with pytest.raises(CommandError, match=r"missing\.mbox: No such file"):
            take_in(str(tmp_path / "there.mbox"), str(tmp_path / "missing.mbox"))
        assert not Mail.objects.exists()

    def test_a_damaged_archive_gives_what_it_has_and_fails(
        self, project: Project, tmp_path: Path
    ) -> None:
        path = tmp_path / "cut.mbox.gz"
        path.write_bytes(gzip.compress(mbox(patches(400)))[:-9])
        with pytest.raises(CommandError, match=r"cut\.mbox\.gz: damaged"):
            take_in(str(path))
        assert Mail.objects.count() >= 399

    def test_without_a_place_for_bookmarks_it_goes_on(
        self, project: Project, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive, "BOOKMARK_SECONDS", -1)
        spool.write_text("a file, not a directory")
        path = tmp_path / "archive.mbox"
        path.write_bytes(mbox(patches(5)))
        assert counts(take_in("--batch", "2", str(path))) == {"patch": 5}


class Broken:
    """receive_many until the database goes away."""

    def __init__(self, good_calls: int, error: BaseException) -> None:
        self._good_calls = good_calls
        self._error = error
        self._receive = archive.receive_many

    def __call__(self, raws, **options):
        self._good_calls -= 1
        if self._good_calls < 0:
            raise self._error
        return self._receive(raws, **options)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "code"), [(TryLater("it is away"), 75), (KeyboardInterrupt(), 130)]
)
def test_an_interrupted_import_says_how_to_go_on(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    path = tmp_path / "archive.mbox"
    path.write_bytes(mbox(patches(10)))
    arguments = ["--batch", "3", str(path)]
    monkeypatch.setattr(sys, "argv", ["manage.py", "parsearchive", *arguments])
    with monkeypatch.context() as broken:
        broken.setattr(archive, "receive_many", Broken(2, error))
        with pytest.raises(SystemExit) as stopped:
            call_command("parsearchive", *arguments)
    assert stopped.value.code == code
    told = capsys.readouterr()
    assert counts(told.out) == {"patch": 6}
    assert f"manage.py parsearchive --batch 3 {path} --resume" in told.err

    summary = take_in("--resume", *arguments)
    assert "4 mails in" in summary
    assert counts(summary) == {"patch": 10}
    assert Mail.objects.count() == 10
    assert counts(take_in("--resume", *arguments)) == {"duplicate": 10}


@pytest.mark.django_db(transaction=True)
def test_an_import_of_several_archives_goes_on_in_the_right_one(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = patches(9)
    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.mbox"))
        Path(paths[-1]).write_bytes(mbox(mails[3 * number : 3 * number + 3]))
    with monkeypatch.context() as broken:
        broken.setattr(archive, "receive_many", Broken(3, TryLater("it is away")))
        with pytest.raises(SystemExit):
            take_in("--batch", "2", *paths)
    summary = take_in("--batch", "2", "--resume", *paths)
    assert "4 mails in" in summary
    assert counts(summary) == {"patch": 9}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_process_cut_off_anywhere_is_continued(
    installation: Installation, number: signal.Signals
) -> None:
    mails = 600
    path = installation.path / "archive.mbox"
    path.write_bytes(mbox(patches(mails)))
    arguments = ["parsearchive", "--batch", "1", str(path)]
    with subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever started the tests in the background may have had Ctrl+C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as importing:
        until(lambda: installation.count() > 0 or importing.poll() is not None)
        assert importing.poll() is None, importing.communicate()
        installation.stop_between_writes(importing)
        assert installation.count() < mails
        importing.send_signal(number)
        importing.send_signal(signal.SIGCONT)
        out, err = importing.communicate()
    assert importing.returncode == (-9 if number == signal.SIGKILL else 130)
    stored = installation.count()
    assert 0 < stored < mails
    if number != signal.SIGKILL:
        assert "--resume" in err
        assert sum(counts(out).values()) in (stored - 1, stored)

    resumed = installation.manage(*arguments, "--resume")
    assert resumed.returncode == 0
    assert sum(counts(resumed.stdout).values()) == mails
    assert installation.count() == mails
    assert not list(installation.spool.glob("parsearchive/*.json"))


class Terminal(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


class TestProgress:
    def show(self, terminal: Terminal, *, total: int = 1000, quiet: bool = False) -> str:
        now = 0.0
        bar = ProgressBar(terminal, total, "mails", quiet=quiet, clock=lambda: now)
        for position in range(100, 600, 100):
            now += 12
            bar.update(position, 24, "a.mbox")
        bar.finish()
        return terminal.getvalue()

    def test_a_terminal_gets_a_bar(self) -> None:
        shown = self.show(Terminal(True)).split("\r\x1b[K")
        assert (
            shown[-2] == "[############............]  50%  120 mails, 2 a second, 1:00 left: a.mbox"
        )
        assert shown[-1] == ""

    def test_anything_else_gets_lines(self) -> None:
        lines = self.show(Terminal(False)).splitlines()
        assert lines[0] == " 10%  24 mails, 2 a second: a.mbox"
        assert lines[-1] == " 50%  120 mails, 2 a second, 1:00 left: a.mbox"

    def test_a_pipe_has_no_end_to_be_seen(self) -> None:
        lines = self.show(Terminal(False), total=0).splitlines()
        assert lines[-1] == "120 mails, 2 a second: a.mbox"

    @pytest.mark.parametrize("is_terminal", [True, False])
    def test_quiet_is_quiet(self, is_terminal: bool) -> None:
        assert self.show(Terminal(is_terminal), quiet=True) == ""

    @pytest.mark.parametrize(
        ("seconds", "words"), [(0, "0:00"), (7.4, "0:07"), (750, "12:30"), (3723, "1:02:03")]
    )
    def test_durations(self, seconds: float, words: str) -> None:
        assert duration(seconds) == words
