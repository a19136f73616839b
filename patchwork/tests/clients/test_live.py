# SPDX-License-Identifier: GPL-2.0-or-later
"""The clients against the server itself: mails of git come in, and commits go out.

What a client does must not depend on the dialect that it happens to speak.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache

from patchwork.ingest.receiving import receive_many
from patchwork.people import tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Scope
from patchwork.projects.models import Project, State
from patchwork.tests import gits
from patchwork.tests.clients.conftest import ROOT
from patchwork.tests.clients.test_documentation import blocks
from patchwork.tests.letters import LIST_ID
from patchwork.tracking.changes import set_state
from patchwork.tracking.models import Patch, Series

TREE = {"greeting.txt": "hello\nworld\n", "count.txt": "one\ntwo\n"}
ROOTS = {"freedesktop": "/api/1.0/", "getpatchwork": "/api/"}


def mailed(work: Path, since: str, *options: str) -> list[bytes]:
    """What git would send to the list for the commits since then."""
    out = work.parent / "outgoing"
    shutil.rmtree(out, ignore_errors=True)
    gits.git(
        work,
        *(
            "format-patch",
            "--quiet",
            "--thread",
            "--to=list@example.org",
            f"--output-directory={out}",
        ),
        *(f"--add-header=List-Id: <{LIST_ID}>", *options, since),
    )
    # git makes the ids from the time in seconds, which may not have passed since the last mails.
    times = len(gits.git(work, "log", "-g", "--format=%H", "main").split())
    ids = f".git.{times}.tests@".encode()
    return [path.read_bytes().replace(b".git.tests@", ids) for path in sorted(out.iterdir())]


@dataclass(frozen=True)
class Tracked:
    """A series of two patches on the server, and the repository that it was made in."""

    work: Path
    series: Series
    patches: list[Patch]
    maintainer: User


@pytest.fixture
def tracked(project: Project, tmp_path: Path) -> Tracked:
    cache.clear()
    work = tmp_path / "work"
    work.mkdir()
    gits.init(work, TREE)
    gits.git(work, "tag", "base")
    for name, path, text in (
        ("Greet everybody", "greeting.txt", "hello\neverybody\n"),
        ("Count to three", "count.txt", "one\ntwo\nthree\n"),
    ):
        (work / path).write_text(text)
        gits.git(work, "commit", "--quiet", "--all", f"--message={name}\n\nBecause.")
    gits.git(work, "config", "branch.main.description", "Be friendly\n\nWe should be.")
    receive_many(mailed(work, "base", "--cover-letter", "--cover-from-description=subject"))
    maintainer = User.objects.create_user("maria", "maria@example.org")
    set_maintainers(project, [maintainer])
    return Tracked(work, Series.objects.get(), list(Patch.objects.order_by("pk")), maintainer)


@pytest.fixture
def token(tracked: Tracked) -> str:
    return tokens.issue(tracked.maintainer, "client", scope=Scope.WRITE)[1]


@pytest.fixture
def base(tracked: Tracked, live_server, token, tmp_path: Path) -> Path:
    """A clone without the series, set up for the server."""
    clone = tmp_path / "base"
    gits.git(tmp_path, "clone", "--quiet", str(tracked.work), str(clone))
    gits.git(clone, "reset", "--quiet", "--hard", "base")
    gits.git(clone, "config", "patchwork.default.url", live_server.url)
    gits.git(clone, "config", "patchwork.default.project", "list")
    gits.git(clone, "config", "patchwork.default.token", token)
    return clone


@pytest.fixture(params=["both", "freedesktop", "getpatchwork"])
def spoken(request, live_server, environment: dict[str, str]) -> str:
    """Which dialects the client believes that there are."""
    if request.param != "both":
        memory = Path(environment["HOME"], ".cache", "git-pw", "servers.json")
        memory.parent.mkdir(parents=True)
        known = {request.param: ROOTS[request.param], "until": int(time.time()) + 3600}
        memory.write_text(json.dumps({live_server.url: known}))
    return str(request.param)


@pytest.fixture
def pw(base: Path, environment: dict[str, str]):
    def run(*arguments: str, text: str = "", fails: bool = False) -> str:
        ended = subprocess.run(
            ["git", "pw", *arguments],
            cwd=base,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode != 0) == fails, ended.stderr
        return ended.stderr if fails else ended.stdout

    return run


class TestReading:
    def test_both_dialects_are_found(self, pw, environment):
        pw("list")
        memory = Path(environment["HOME"], ".cache", "git-pw", "servers.json")
        (known,) = json.loads(memory.read_text()).values()
        assert known.items() >= ROOTS.items()

    def test_where_the_other_dialect_has_their_address(self, pw, environment, settings):
        settings.API_1_0_DIALECT = "getpatchwork"
        assert "Be friendly" in pw("list")
        memory = Path(environment["HOME"], ".cache", "git-pw", "servers.json")
        (known,) = json.loads(memory.read_text()).values()
        assert known["freedesktop"] == "/fdo/api/1.0/"

    def test_lists(self, spoken, tracked, pw):
        (series,) = json.loads(pw("list", "--format=json"))
        assert (series["id"], series["name"]) == (tracked.series.pk, "Be friendly")
        assert (series["revision"], series["patches"]) == (1, 2)
        assert series["submitter"] == "Tests"
        patches = json.loads(pw("patch", "list", "--format=json"))
        assert [patch["id"] for patch in patches] == [p.pk for p in reversed(tracked.patches)]
        assert {patch["state"].lower() for patch in patches} == {"new"}
        assert json.loads(pw("list", "--name=hostile", "--format=json")) == []
        (one,) = json.loads(pw("patch", "list", "--name=Greet", "--format=json"))
        assert one["name"] == "[1/2] Greet everybody"

    def test_filters(self, spoken, tracked, pw):
        everything = len(json.loads(pw("patch", "list", "--state=New", "--format=json")))
        assert everything == 2
        assert "is none of" in pw("patch", "list", "--state=nonsense", fails=True)
        assert json.loads(pw("list", "--since=2999-01-01", "--format=json")) == []
        assert len(json.loads(pw("list", "--before=2999-01-01", "--format=json"))) == 1
        if spoken != "freedesktop":
            for listing in (["list"], ["patch", "list"]):
                assert json.loads(pw(*listing, "--submitter=tests@example.org", "--format=json"))
                pw(*listing, "--submitter=stranger@example.org", fails=True)
        if spoken != "getpatchwork":
            assert json.loads(pw("patch", "list", "--submitter=self", "--format=json")) == []
            assert json.loads(pw("list", "--reviewer=null", "--state=initial", "--format=json"))
        if spoken != "freedesktop":
            arguments = ("--hash", tracked.patches[0].hash, "--no-archived", "--format=json")
            (found,) = json.loads(pw("patch", "list", *arguments))
            assert found["id"] == tracked.patches[0].pk
            listed = pw("patch", "list", "--series", str(tracked.series.pk), "--format=csv")
            assert listed.count("\n") == 3

    def test_pages(self, spoken, project, tracked, pw):
        receive_many(
            [
                f"From: Al <al@example.org>\nSubject: [PATCH] {n}\nMessage-ID: <{n}@x>\n"
                f"List-Id: <{LIST_ID}>\nDate: Mon, 1 Jan 2024 12:00:00 +0000\n\n"
                f"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+{n}\n".encode()
                for n in range(120)
            ]
        )
        listed = json.loads(pw("patch", "list", "--limit=0", "--format=json"))
        assert len({patch["id"] for patch in listed}) == len(listed) == 122
        assert len(json.loads(pw("list", "--limit=110", "--format=json"))) == 110

    def test_show(self, spoken, tracked, pw):
        shown = json.loads(pw("show", str(tracked.series.pk), "--format=json"))
        assert "We should be." in shown["cover_letter"]
        assert [patch["id"] for patch in shown["patches"]] == [p.pk for p in tracked.patches]
        assert {patch["submitter"] for patch in shown["patches"]} == {"Tests"}
        assert {patch["state"].lower() for patch in shown["patches"]} == {"new"}
        assert shown["checks"] == []
        assert "+everybody" in pw("patch", "show", str(tracked.patches[0].pk))
        assert "404" in pw("show", "999999", fails=True)

    def test_apply(self, spoken, tracked, base, pw):
        said = pw("apply", "-s", str(tracked.series.pk))
        assert said.splitlines() == [
            "Applying series: Be friendly (rev 1)",
            "Applying: Greet everybody",
            "Applying: Count to three",
        ]
        ours, theirs = (gits.git(repo, "rev-parse", "main^{tree}") for repo in (base, tracked.work))
        assert ours == theirs
        assert gits.git(base, "log", "-1", "--format=%s|%an|%b").startswith(
            "Count to three|Tests|Because."
        )

    def test_apply_another_revision(self, tracked, base, pw):
        """Only one dialect knows revisions of a series."""
        (tracked.work / "count.txt").write_text("one\ntwo\nthree!\n")
        gits.git(tracked.work, "commit", "--quiet", "--all", "--amend", "--no-edit")
        options = ("-v2", "--cover-letter", "--cover-from-description=subject")
        receive_many(mailed(tracked.work, "base", *options))
        number = str(tracked.series.pk)
        assert pw("apply", number).startswith("Applying series: Be friendly (rev 2)")
        assert (base / "count.txt").read_text() == "one\ntwo\nthree!\n"
        gits.git(base, "reset", "--quiet", "--hard", "base")
        assert pw("apply", "-r", "1", number).startswith("Applying series: Be friendly (rev 1)")
        assert (base / "count.txt").read_text() == "one\ntwo\nthree\n"

    def test_mails(self, spoken, tracked, base, pw):
        pw("apply-patch", str(tracked.patches[1].pk))
        assert (base / "count.txt").read_text() == "one\ntwo\nthree\n"
        name = pw("series", "download", str(tracked.series.pk)).strip()
        gits.git(base, "reset", "--quiet", "--hard", "base")
        gits.am(base, (base / name).read_bytes())
        assert pw("mbox-patch", str(tracked.patches[0].pk)).startswith("From ")


class TestTesting:
    def test_events(self, spoken, tracked, pw):
        (event,) = [json.loads(line) for line in pw("poll-events").splitlines()]
        assert event["name"] == "series-new-revision"
        assert (event["series"], event["parameters"]) == (tracked.series.pk, {"revision": 1})
        assert pw("poll-events") == ""
        set_state(tracked.patches[:1], State.objects.get(slug="accepted"), tracked.maintainer)
        assert pw("poll-events") == ""
        assert pw("poll-events", "--since=2020-01-01").count("\n") == 1
        (changed,) = pw(
            "poll-events", "--since=2020-01-01", "-n", "patch-state-change"
        ).splitlines()
        assert json.loads(changed)["patch"] == tracked.patches[0].pk
        assert pw("poll-events", "--since=2020-01-01", "-n", "*").count("\n") >= 2

    def test_results(self, spoken, tracked, pw):
        number = str(tracked.series.pk)
        pw("post-result", number, "build", "pending")
        pw("post-result", number, "build", "failure", "-s", "broken", "-u", "https://ci.example/1")
        checks = json.loads(pw("checks", number, "--format=json"))
        newest = {check["patch"]: check for check in checks}
        assert len(newest) == (2 if spoken == "getpatchwork" else 1)
        for check in newest.values():
            assert (check["name"], check["state"]) == ("build", "failure")
            assert (check["summary"], check["url"]) == ("broken", "https://ci.example/1")
        if spoken != "getpatchwork":
            (series,) = json.loads(pw("list", "--tests=failure", "--format=json"))
            assert series["tests"] == "failure"

    def test_results_of_a_patch(self, spoken, tracked, pw):
        number = str(tracked.patches[0].pk)
        pw("post-result-patch", number, "build", "warning", "--summary-from-file=-", text="slow\n")
        (check,) = json.loads(pw("checks", "--patch", number, "--format=json"))
        assert (check["name"], check["state"], check["summary"]) == ("build", "warning", "slow")

    def test_nobody_may_not(self, spoken, tracked, base, pw):
        gits.git(base, "config", "patchwork.default.token", "wrong")
        said = pw("post-result", str(tracked.series.pk), "build", "success", fails=True)
        assert said.startswith("fatal: http")
        assert " 401 " in said
        assert said.count("\n") == 1

    def test_the_filter_of_the_documentation(self, spoken, tracked, pw):
        """It knows nothing of the other events that there are."""
        set_state(tracked.patches, State.objects.get(slug="rejected"), tracked.maintainer)
        (show_series,) = blocks(ROOT / "docs" / "usage" / "git-pw.rst", "python")
        shown = subprocess.run(
            [sys.executable, "-c", show_series],
            input=pw("poll-events", "--since=2016-02-12"),
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == f"series {tracked.series.pk} (rev 1)\n"

    def test_a_whole_testing_system(self, tracked, base, environment, pw, tmp_path):
        set_state(tracked.patches, State.objects.get(slug="under-review"), tracked.maintainer)
        checker = tmp_path / "checker"
        checker.write_text(
            "#!/bin/sh\ngrep -q three && echo 'total: 0 errors, 1 warnings'; exit 0\n"
        )
        checker.chmod(0o755)
        example = ROOT / "docs" / "examples" / "testing-checkpatch.py"
        line = f"git pw poll-events | '{example}' --checker '{checker}'"
        subprocess.run(["bash", "-c", line], cwd=base, env=environment, check=True, timeout=60)
        (check,) = json.loads(pw("checks", str(tracked.series.pk), "--format=json"))
        assert (check["name"], check["state"]) == ("checkpatch.pl", "warning")
        assert "Count to three: warning\ntotal: 0 errors, 1 warnings" in check["summary"]


class TestChanging:
    def test_a_series(self, tracked, pw):
        number = str(tracked.series.pk)
        assert "maria" in pw("review", number, "maria")
        tracked.series.refresh_from_db()
        assert tracked.series.reviewer == tracked.maintainer
        pw("review", "--nobody", number)
        tracked.series.refresh_from_db()
        assert tracked.series.reviewer is None
        assert pw("rerun", number).endswith(" as revision 2.\n")
        assert "409" in pw("rerun", "-r", "1", number, fails=True)
        revisions = [
            json.loads(line)["parameters"]["revision"] for line in pw("poll-events").splitlines()
        ]
        assert revisions == [1, 2]

    def test_patches(self, tracked, pw):
        first, second = tracked.patches
        said = pw(
            *("patch", "update", str(first.pk), str(second.pk), "--state=Under Review"),
            *("--delegate=maria", "--archived", "--commit=0123abc"),
        )
        assert "under-review" in said
        for patch in Patch.objects.select_related("state", "delegate"):
            assert patch.state.slug == "under-review"
            assert patch.delegate == tracked.maintainer
            assert patch.archived
            assert patch.commit_ref == "0123abc"
        pw("patch", "update", str(first.pk), "--delegate=", "--no-archived")
        first.refresh_from_db()
        assert (first.delegate, first.archived) == (None, False)

    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_pushed_patches_become_accepted(
        self, tracked, base, environment, live_server, token, pw, tmp_path, client
    ):
        """From the mailing list by git am to the server, and back to the list of patches."""
        bare = tmp_path / "server.git"
        gits.git(tmp_path, "clone", "--quiet", "--bare", str(base), str(bare))
        for name, value in (("url", live_server.url), ("project", "list"), ("token", token)):
            gits.git(bare, "config", f"patchwork.default.{name}", value)
        shutil.copy(ROOT / "tools" / "post-receive.hook", bare / "hooks" / "post-receive")
        (base / "aside.txt").write_text("something else\n")
        gits.git(base, "add", "--all")
        gits.git(base, "commit", "--quiet", "--message=aside")
        pw("apply", str(tracked.series.pk))
        pushed = subprocess.run(
            ["git", "push", str(bare), "main"],
            cwd=base,
            env={**environment, "BACKGROUND": "no", "CLIENT": client},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert pushed.returncode == 0, pushed.stderr
        commits = gits.git(base, "rev-list", "--reverse", "-2", "main").split()
        for patch, commit in zip(Patch.objects.order_by("pk"), commits, strict=True):
            assert (patch.state.slug, patch.commit_ref) == ("accepted", commit), pushed.stderr
