# SPDX-License-Identifier: GPL-2.0-or-later
"""The example of a testing system: events in, results out."""

from __future__ import annotations

import ast
import json
import subprocess

import pytest

from patchwork.tests import gits
from patchwork.tests.clients import trackers
from patchwork.tests.clients.conftest import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "testing-checkpatch.py"
RESULTS = "/api/1.0/series/7/revisions/{}/test-results/"

CHECKPATCH = """\
#!/bin/sh
mail=$(cat)
case $mail in
    *'Count to three'*)
        echo 'WARNING: counting'
        echo 'total: 0 errors, 1 warnings, 3 lines checked'
        exit 1 ;;
esac
echo 'total: 0 errors, 0 warnings, 2 lines checked'
"""


def event(series: int, revision: int, **changes: object) -> str:
    told = trackers.freedesktop_event(series, revision, "2024-01-01T12:00:00")
    return json.dumps({**told, **changes}) + "\n"


@pytest.fixture
def example(clone, environment, tmp_path):
    """The example with a checker, in a repository with a token."""
    gits.git(clone, "config", "patchwork.default.token", "sesame")

    def run(events, *arguments, checker=CHECKPATCH):
        program = tmp_path / "checker"
        program.write_text(checker)
        program.chmod(0o755)
        return subprocess.run(
            [EXAMPLE, "--checker", f"{program} -", *arguments],
            cwd=clone,
            env=environment,
            input=events,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def posted(tracker, revision=2):
    return [asked.document for asked in tracker.requests("POST", RESULTS.format(revision))]


def test_each_patch_is_checked_and_the_worst_counts(freedesktop, example):
    ended = example(event(7, 2), "--url", "https://ci.example.org/")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert posted(freedesktop) == [
        {
            "test_name": "checkpatch.pl",
            "state": "pending",
            "url": "https://ci.example.org/",
            "summary": "",
        },
        {
            "test_name": "checkpatch.pl",
            "state": "warning",
            "url": "https://ci.example.org/",
            "summary": (
                "[PATCH 1/2] Greet everybody: success\n"
                "total: 0 errors, 0 warnings, 2 lines checked\n\n"
                "[PATCH 2/2] Count to three: warning\n"
                "WARNING: counting\ntotal: 0 errors, 1 warnings, 3 lines checked"
            ),
        },
    ]


@pytest.mark.parametrize(
    ("checker", "state"),
    [
        ("#!/bin/sh\ncat >/dev/null\n", "success"),
        ("#!/bin/sh\ncat >/dev/null; exit 3\n", "failure"),
        ("#!/bin/sh\ncat >/dev/null; echo 'total: 2 errors, 0 warnings, 1 lines'\n", "failure"),
        ("#!/bin/sh\nexit 0\n", "success"),
        ("#!/bin/sh\nkill -9 $$\n", "failure"),
    ],
)
def test_other_checkers_speak_by_their_exit_status(freedesktop, example, checker, state):
    example(event(7, 1), checker=checker)
    assert [result["state"] for result in posted(freedesktop, 1)] == ["pending", state]


def test_a_checker_that_hangs_is_stopped(freedesktop, example):
    checker = "#!/bin/sh\nexec tail -f /dev/null\n"
    assert example(event(7, 2), "--timeout", "0.2", checker=checker).returncode == 0
    assert posted(freedesktop)[-1]["state"] == "warning"
    assert "was stopped after 0.2 seconds" in posted(freedesktop)[-1]["summary"]


def test_one_trouble_does_not_stop_the_others(freedesktop, example):
    events = "garbage\n" + event(99, 1) + event(7, 2)
    ended = example(events)
    assert ended.returncode == 1
    assert "garbage: not an event" in ended.stderr
    assert "404" in ended.stderr
    assert [result["state"] for result in posted(freedesktop)] == ["pending", "warning"]


def test_a_checker_that_cannot_be_run(freedesktop, example):
    """Each revision gets a result that says so, and no event is lost."""
    ended = example(event(7, 1) + event(7, 2), checker="echo without a line that says how\n")
    assert ended.returncode == 1
    assert ended.stderr.count("checker: Exec format error\n") == 2
    assert "Traceback" not in ended.stderr
    for revision in (1, 2):
        pending, told = posted(freedesktop, revision)
        assert (pending["state"], told["state"]) == ("pending", "warning")
        assert told["summary"].startswith("Not tested: ")
        assert told["summary"].endswith("/checker: Exec format error")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"content": b""}, "Not tested: the revision has no patches"),
        ({"content": {"detail": "Busy."}, "status": 503}, "503 Service Unavailable: Busy."),
    ],
)
def test_a_revision_that_cannot_be_had_does_not_stay_pending(freedesktop, example, answer, words):
    freedesktop.at(RESULTS.format(1).replace("test-results", "mbox"), **answer)
    ended = example(event(7, 1) + event(7, 2))
    assert ended.returncode == 1
    assert posted(freedesktop, 1)[-1]["state"] == "warning"
    assert words in posted(freedesktop, 1)[-1]["summary"]
    assert posted(freedesktop, 2)[-1]["summary"].count("lines checked") == 2


@pytest.mark.parametrize("option", ["--checker", "--git-pw"])
@pytest.mark.parametrize("wrong", ["", "  ", "'open"])
def test_a_command_that_is_none(freedesktop, example, option, wrong):
    ended = example(event(7, 2), option, wrong)
    assert ended.returncode == 2
    assert f"argument {option}: invalid command value" in ended.stderr
    assert freedesktop.asked == []


def test_other_events_are_passed_over(freedesktop, example):
    other = event(7, 2, name="patch-state-change", parameters={"new_state": "accepted"})
    assert example(other).returncode == 0
    assert freedesktop.asked == []


def test_trying_out_posts_nothing(freedesktop, example):
    printed = example(event(7, 2), "--dry-run").stdout
    assert printed.startswith("series 7 (rev 2): pending\nseries 7 (rev 2): warning\n")
    assert freedesktop.written() == []


def test_a_missing_checker_is_told_before_anything_is_posted(freedesktop, example):
    ended = example(event(7, 2), "--checker", "/nowhere/checkpatch.pl")
    assert ended.returncode == 2
    assert ended.stderr == "/nowhere/checkpatch.pl: no such program\n"
    assert freedesktop.asked == []


def test_a_message_may_speak_of_mails(freedesktop, example):
    """Only what stands below a blank line and looks like a border is one."""
    mbox = trackers.MBOX.replace(b"Nobody is", b"x\n\nFrom here on nobody is\nFrom a b 2024\nis")
    freedesktop.at(RESULTS.format(2).replace("test-results", "mbox"), mbox)
    example(event(7, 2))
    assert posted(freedesktop)[-1]["summary"].count("lines checked") == 2


def test_a_pipe_from_the_events(freedesktop, clone, environment, example, tmp_path):
    """As the documentation puts it into a crontab."""
    example("")
    line = f"git pw poll-events | '{EXAMPLE}' --checker '{tmp_path}/checker'"
    freedesktop.at("/api/1.0/series/6/revisions/1/mbox/", b"")
    trackers.freedesktop_list(
        freedesktop,
        "/api/1.0/projects/list/events/",
        [trackers.freedesktop_event(7, 2, "2024-01-01T12:00:00")],
        lambda asked, found: "since" not in asked.parameters,
    )
    for _ in range(2):
        subprocess.run(["bash", "-c", line], cwd=clone, env=environment, check=True, timeout=60)
    assert len(posted(freedesktop)) == 2


def test_help_and_old_pythons(example):
    assert "git pw poll-events | testing-checkpatch.py" in example("", "--help").stdout
    ast.parse(EXAMPLE.read_text(encoding="utf-8"), feature_version=(3, 9))
