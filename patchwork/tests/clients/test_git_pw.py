# SPDX-License-Identifier: GPL-2.0-or-later
"""git-pw against servers of both dialects, as a process, in real repositories."""

from __future__ import annotations

import ast
import base64
import csv
import importlib.machinery
import importlib.util
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from patchwork.checks import names
from patchwork.tests import gits
from patchwork.tests.clients import trackers
from patchwork.tests.clients.conftest import GIT_PW, ROOT
from patchwork.tests.clients.trackers import Answer, serving


def loaded():
    """The file as a module, for what can be asked without running it."""
    loader = importlib.machinery.SourceFileLoader("git_pw", str(GIT_PW))
    spec = importlib.util.spec_from_loader("git_pw", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def git_pw():
    # Its byte code would lie beside it, in what people copy.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield loaded()
    sys.dont_write_bytecode = before


def on_terminal(arguments, cwd, environment):
    """What a command prints when it finds a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        ["git-pw", *arguments],
        cwd=cwd,
        env={**environment, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    printed = b""
    while True:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # That is how a terminal says that nobody writes any more.
            break
        if not chunk:
            break
        printed += chunk
    os.close(ours)
    assert process.wait(timeout=30) == 0, printed
    return printed.decode()


class TestApply:
    def test_applies_a_series_and_says_so(self, freedesktop, clone, pw):
        ended = pw("apply", "-s", "7")
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines() == [
            "Applying series: Be friendly (rev 2)",
            "Applying: Greet everybody",
            "Applying: Count to three",
        ]
        assert (clone / "count.txt").read_text() == "one\ntwo\nthree\n"
        assert "Signed-off-by: Tests" in gits.git(clone, "log", "-1", "--format=%B")

    def test_applies_an_older_revision(self, freedesktop, pw):
        assert pw("apply", "-r", "1", "7").stdout.startswith("Applying series: Be friendly (rev 1)")
        assert freedesktop.requests("GET", "/api/1.0/series/7/revisions/1/mbox/")

    def test_applies_a_series_of_the_other_dialect(self, getpatchwork, clone, pw):
        ended = pw("series", "apply", "7")
        assert ended.stdout.startswith("Applying series: Be friendly (rev 1)")
        assert (clone / "greeting.txt").read_text() == "hello\neverybody\n"

    def test_a_revision_that_is_another_series_there(self, getpatchwork, pw):
        ended = pw("apply", "-r", "2", "7")
        assert ended.returncode == 1
        assert ended.stderr.startswith("fatal: series 7 is revision 1: ")

    @pytest.mark.parametrize("dialect", ["freedesktop", "getpatchwork", "both"])
    def test_applies_a_patch(self, dialect, request, pw, clone):
        request.getfixturevalue(dialect)
        assert pw("apply-patch", "71").returncode == 0
        assert (clone / "greeting.txt").read_text() == "hello\neverybody\n"
        assert (clone / "count.txt").read_text() == "one\ntwo\n"

    def test_a_conflict_ends_as_git_am_does(self, freedesktop, clone, pw):
        (clone / "greeting.txt").write_text("something else\n")
        gits.git(clone, "commit", "--quiet", "--all", "--message=change")
        ended = pw("apply", "7")
        assert ended.returncode not in (0, 1)
        assert (clone / ".git" / "rebase-apply").is_dir()

    def test_half_a_download_is_not_applied(self, freedesktop, clone, pw):
        path = "/api/1.0/series/7/revisions/2/mbox/"
        freedesktop.at(path, trackers.MBOX[:-100], promised=len(trackers.MBOX))
        ended = pw("apply", "7")
        assert ended.returncode == 1
        assert ended.stderr == f"fatal: {freedesktop.url}{path}: the answer ended too early\n"
        assert "Applying" not in ended.stdout
        assert (clone / "greeting.txt").read_text() == "hello\nworld\n"

    def test_in_another_directory(self, freedesktop, clone, pw, tmp_path):
        assert pw("-C", str(clone), "apply", "7", directory=tmp_path).returncode == 0
        assert (clone / "count.txt").read_text() == "one\ntwo\nthree\n"


class TestMails:
    @pytest.mark.parametrize("dialect", ["freedesktop", "getpatchwork"])
    def test_prints_the_mbox(self, dialect, request, pw):
        request.getfixturevalue(dialect)
        assert pw("mbox", "7").stdout == trackers.MBOX.decode()
        assert pw("mbox-patch", "72").stdout == trackers.PATCHES[72]

    def test_saves_under_a_safe_name(self, freedesktop, clone, pw):
        name = "../../etc/passwd\n-rf \N{SNOWMAN} \x1b[2J/x"
        freedesktop.at("/api/1.0/series/7/", trackers.freedesktop_series(name=name))
        ended = pw("series", "download", "7")
        assert ended.stdout == "./series-7-v2-..-..-etc-passwd-rf-2J-x.mbox\n"
        assert (clone / ended.stdout.strip()).read_bytes() == trackers.MBOX

    def test_saves_where_it_is_told(self, freedesktop, pw, tmp_path):
        assert pw("patch", "download", "71", "-o", str(tmp_path / "one.patch")).returncode == 0
        assert (tmp_path / "one.patch").read_text() == trackers.PATCHES[71]
        printed = pw("patch", "download", "71", "-o", str(tmp_path)).stdout
        assert printed == f"{tmp_path}/patch-71-1-2-Greet-everybody.patch\n"
        assert pw("patch", "download", "71", "-o", "-").stdout == trackers.PATCHES[71]

    def test_replaces_nothing_unless_it_is_told(self, freedesktop, pw, tmp_path):
        target = tmp_path / "mine"
        target.write_text("mine")
        ended = pw("series", "download", "7", "-o", str(target))
        assert (ended.returncode, target.read_text()) == (1, "mine")
        assert "--force" in ended.stderr
        assert pw("series", "download", "-f", "7", "-o", str(target)).returncode == 0
        assert target.read_bytes() == trackers.MBOX

    def test_what_was_half_done_is_removed(self, freedesktop, environment, clone, tmp_path):
        """Ended by a signal in the middle of a download: nothing is left behind."""
        begun, over = threading.Event(), threading.Event()

        def stalling(asked):
            begun.set()
            over.wait(30)
            return Answer(trackers.MBOX)

        freedesktop.when("/api/1.0/series/7/revisions/2/mbox/", stalling)
        target = tmp_path / "downloads"
        target.mkdir()
        for sign, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = subprocess.Popen(
                ["git-pw", "-C", str(clone), "series", "download", "7", "-o", str(target)],
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert begun.wait(30)
            process.send_signal(sign)
            assert process.communicate(timeout=30)[1] == ""
            assert process.returncode == status
            begun.clear()
        over.set()
        assert list(target.iterdir()) == []

    def test_mails_elsewhere_are_fetched_without_our_token(self, getpatchwork, clone, pw):
        gits.git(clone, "config", "patchwork.default.token", "secret")
        with serving() as other:
            other.at("/mbox", trackers.MBOX)
            series = trackers.getpatchwork_series(getpatchwork, mbox=f"{other.url}/mbox")
            getpatchwork.at("/api/series/7/", series)
            assert pw("mbox", "7").stdout == trackers.MBOX.decode()
            assert "Authorization" not in other.asked[0].headers

    def test_mails_on_no_web_are_not_fetched(self, getpatchwork, pw):
        series = trackers.getpatchwork_series(getpatchwork, mbox="file:///etc/passwd")
        getpatchwork.at("/api/series/7/", series)
        ended = pw("mbox", "7")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("fatal: the server names file:///etc/passwd")


class TestLists:
    def test_a_table_of_series(self, freedesktop, pw):
        newest = trackers.freedesktop_series(name="Friends")
        older = trackers.freedesktop_series(6, name="Older", state="done", version=1)
        path = "/api/1.0/projects/list/series/"
        trackers.freedesktop_list(freedesktop, path, [newest, older])
        assert pw("list").stdout == (
            "ID  REVISION  PATCHES  STATE        TESTS    SUBMITTER  UPDATED           NAME\n"
            "7   2         2        in progress  warning  Alice      2024-01-02 08:30  Friends\n"
            "6   1         2        done         warning  Alice      2024-01-02 08:30  Older\n"
        )

    def test_the_same_in_the_other_dialect(self, getpatchwork, pw):
        (series,) = json.loads(pw("list", "--format", "json").stdout)
        assert series == {
            "id": 7,
            "revision": 1,
            "name": "Be friendly",
            "patches": 2,
            "state": "",
            "tests": "",
            "submitter": "Alice",
            "reviewer": "",
            "submitted": "2024-01-01T12:00:00",
            "updated": "",
            "url": f"{getpatchwork.url}/project/list/list/?series=7",
        }
        assert getpatchwork.requests("GET", "/api/series/")[0].parameters["project"] == ["list"]

    def test_both_dialects_make_the_same_json(self, freedesktop, pw):
        with_revisions = json.loads(pw("series", "list", "--format=json").stdout)[0]
        trackers.speak_old_getpatchwork(freedesktop)
        without = json.loads(pw("series", "list", "--format=json").stdout)[0]
        assert with_revisions.keys() == without.keys()

    def test_csv_has_everything(self, both, pw):
        rows = list(csv.DictReader(io.StringIO(pw("patch", "list", "--format=csv").stdout)))
        assert [row["id"] for row in rows] == ["71", "72"]
        assert rows[0]["hash"] == "71" * 20
        assert rows[0]["check"] == "failure"
        assert rows[0]["delegate"] == "mel"

    def test_no_series_at_all(self, freedesktop, pw):
        trackers.freedesktop_list(freedesktop, "/api/1.0/projects/list/series/", [])
        assert pw("list", "--format=json").stdout == "[]\n"
        assert pw("list").stdout.startswith("ID  REVISION")

    @pytest.mark.parametrize("dialect", ["freedesktop", "getpatchwork"])
    @pytest.mark.parametrize(
        ("limit", "rows", "requests"), [("0", 230, 3), ("7", 7, 1), ("150", 150, 2)]
    )
    def test_all_pages_are_turned(self, dialect, limit, rows, requests, request, pw):
        """The links to the next page name a host that cannot be reached, as behind some proxies."""
        server = request.getfixturevalue(dialect)
        if dialect == "freedesktop":
            path = "/api/1.0/projects/list/series/"
            found = [trackers.freedesktop_series(n) for n in range(230)]
            trackers.freedesktop_list(server, path, found)
        else:
            path = "/api/series/"
            found = [trackers.getpatchwork_series(server, n) for n in range(230)]
            trackers.getpatchwork_list(server, path, found)
        listed = json.loads(pw("list", "--limit", limit, "--format=json").stdout)
        assert [series["id"] for series in listed] == list(range(rows))
        assert len(server.requests("GET", path)) == requests

    def test_filters_of_series(self, freedesktop, pw):
        pw("list", "--name=x y", "--submitter=3", "--reviewer=null", "--state=done,initial")
        pw("list", "--tests=failure", "--since=2024-01-01", "--before=2024-02-01T10:00:00Z")
        first, second = freedesktop.requests("GET", "/api/1.0/projects/list/series/")
        assert first.parameters["name"] == ["x y"]
        assert first.parameters["submitter"] == ["3"]
        assert first.parameters["reviewer"] == ["null"]
        assert first.parameters["state"] == ["done,initial"]
        assert second.parameters["test_state"] == ["failure"]
        assert second.parameters["submitted_since"] == ["2024-01-01T00:00:00"]
        assert second.parameters["submitted_before"] == ["2024-02-01T10:00:00"]

    def test_filters_of_patches(self, both, pw):
        pw("patch", "list", "--state=Under Review,new", "--delegate=mel", "--no-archived")
        pw("patch", "list", "--series=7", "--hash=ab", "--msgid=<71@example.org>", "--archived")
        first, second = both.requests("GET", "/api/patches/")
        assert first.parameters["state"] == ["under-review", "new"]
        assert first.parameters["delegate"] == ["mel"]
        assert first.parameters["archived"] == ["false"]
        assert second.parameters["series"] == ["7"]
        assert second.parameters["hash"] == ["ab"]
        assert second.parameters["msgid"] == ["71@example.org"]
        assert second.parameters["archived"] == ["true"]

    def test_a_filter_that_a_server_does_not_have_is_refused(self, getpatchwork, pw):
        ended = pw("list", "--state=done")
        assert ended.returncode == 1
        assert ended.stderr == (
            f"fatal: {getpatchwork.url} has to be asked in the getpatchwork dialect,"
            " which cannot filter by state\n"
        )

    def test_filters_of_patches_that_a_server_does_not_have(self, freedesktop, pw):
        assert "cannot filter by hash" in pw("patch", "list", "--hash=ab").stderr
        assert pw("patch", "list").stdout.splitlines()[1].startswith("71  New")

    def test_a_sender_by_address(self, both, pw):
        """One dialect takes addresses, the other one numbers, and has the better series."""
        (series, _) = json.loads(
            pw("list", "--submitter=alice@example.org", "--format=json").stdout
        )
        assert series["revision"] == 2
        (resolved,) = both.requests("GET", "/api/series/")
        assert resolved.parameters["submitter"] == ["alice@example.org"]
        (listed,) = both.requests("GET", "/api/1.0/projects/list/series/")
        assert listed.parameters["submitter"] == ["3"]
        pw("patch", "list", "--submitter=alice@example.org")
        assert both.requests("GET", "/api/patches/")[0].parameters["submitter"] == [
            "alice@example.org"
        ]

    def test_an_address_from_which_nothing_came(self, both, pw):
        trackers.getpatchwork_list(both, "/api/series/", [])
        ended = pw("list", "--submitter=bob@example.org")
        assert ended.returncode == 1
        assert ended.stderr == f"fatal: {both.url} knows no series from bob@example.org\n"

    @pytest.mark.parametrize("what", ["list", "patch list"])
    def test_a_sender_by_address_where_only_numbers_are_known(self, freedesktop, pw, what):
        ended = pw(*what.split(), "--submitter=alice@example.org")
        assert ended.returncode == 1
        assert ended.stderr.endswith("cannot find senders by address: give the number\n")
        assert pw(*what.split(), "--submitter=3").returncode == 0

    def test_ones_own_patches(self, both, pw, with_token):
        """Only one of the dialects knows who we are."""
        listed = json.loads(pw("patch", "list", "--submitter=self", "--format=json").stdout)
        assert [patch["id"] for patch in listed] == [71, 72]
        (asked,) = both.requests("GET", "/api/1.0/projects/list/patches/")
        assert asked.parameters["submitter"] == ["self"]
        assert asked.headers["Authorization"] == "Token sesame"
        ended = pw("patch", "list", "--submitter=self", "--hash=ab")
        assert ended.stderr == (
            f"fatal: {both.url} has to be asked in the freedesktop dialect,"
            " which cannot filter by hash\n"
        )

    def test_csv_has_the_same_columns_without_rows(self, both, pw):
        results = "/api/1.0/series/7/revisions/2/test-results/"
        commands = (["list"], ["patch", "list"], ["checks", "7"])
        full = [pw(*command, "--format=csv").stdout.splitlines() for command in commands]
        trackers.freedesktop_list(both, "/api/1.0/projects/list/series/", [])
        trackers.getpatchwork_list(both, "/api/patches/", [])
        both.at(results, [])
        for command, lines in zip(commands, full, strict=True):
            assert len(lines) > 1
            assert pw(*command, "--format=csv").stdout.splitlines() == lines[:1]

    def test_whole_logs_do_not_fit_into_a_table(self, freedesktop, pw):
        path = "/api/1.0/series/7/revisions/2/test-results/"
        result = {"test_name": "x", "state": "success", "summary": "log \n" * 200_000}
        freedesktop.at(path, [result])
        for arguments in (["checks", "7"], ["show", "7"]):
            shown = pw(*arguments).stdout
            assert max(map(len, shown.splitlines())) < 300
            assert "log  log" in shown
            assert shown.endswith("\N{HORIZONTAL ELLIPSIS}\n")
        (whole,) = json.loads(pw("checks", "7", "--format=json").stdout)
        assert whole["summary"] == result["summary"]

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("2016-02-12", "2016-02-12T00:00:00"),
            ("2016-02-12T14:30", "2016-02-12T14:30:00"),
            ("2016-02-12 14:30:05", "2016-02-12T14:30:05"),
            ("2026-11-20T14:38:00.5", "2026-11-20T14:38:00.500000"),
            ("2026-11-20T14:38:00,123456789", "2026-11-20T14:38:00.123456"),
            ("2016-02-12T14:30:00Z", "2016-02-12T14:30:00"),
            ("2016-02-12T14:30:00+02:00", "2016-02-12T12:30:00"),
            ("2016-02-12T14:30:00.25-0530", "2016-02-12T20:00:00.250000"),
            ("2016-02-12T14:30+02", "2016-02-12T12:30:00"),
        ],
    )
    def test_dates(self, git_pw, written, meant):
        """The same in every Python."""
        assert git_pw.moment(written) == meant

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "yesterday",
            "2024-13-01",
            "20240101",
            "2024-01-01T",
            "2024-01-01T25:00",
            "2024-01-01T12:00:00.",
            "0001-01-01T00:00+05:00",
            "2024-01-01T12:00:00+99:99",
            "\N{ARABIC-INDIC DIGIT TWO}024-01-01",
        ],
    )
    def test_a_date_that_is_none(self, freedesktop, pw, wrong):
        ended = pw("list", f"--since={wrong}")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"fatal: '{wrong}' is no date")


class TestShow:
    def test_a_series(self, freedesktop, pw):
        shown = pw("show", "7").stdout
        assert "Name:      Be friendly\n" in shown
        assert "Revision:  2\n" in shown
        assert "We should be friendly,\nfor the 2. time.\n" in shown
        assert re.search(r"^72  New    Alice .* \[2/2\] Count to three$", shown, re.MULTILINE)
        assert re.search(r"^checkpatch\.pl  warning .* total: 0 errors$", shown, re.MULTILINE)

    def test_names_within_a_revision_cost_few_requests(self, freedesktop, pw):
        """A server tells ids there, and names only where one patch is asked for."""
        shown = json.loads(pw("show", "7", "--format=json").stdout)
        assert {(patch["state"], patch["submitter"]) for patch in shown["patches"]} == {
            ("New", "Alice")
        }
        asked = [request.path for request in freedesktop.requests("GET")]
        assert [path for path in asked if "/patches/" in path] == ["/api/1.0/patches/71/"]

    def test_names_of_more_people_than_are_asked_for(self, freedesktop, pw):
        patches = [trackers.within_a_revision(71, id=n, submitter=n) for n in range(100, 150)]
        for n in range(100, 150):
            sender = {"id": n, "name": f"No. {n}"}
            patch = trackers.freedesktop_patch(71, id=n, submitter=sender)
            freedesktop.at(f"/api/1.0/patches/{n}/", patch)
        revision = {"version": 2, "cover_letter": None, "patches": patches}
        freedesktop.at("/api/1.0/series/7/revisions/2/", revision)
        shown = json.loads(pw("show", "7", "--format=json").stdout)["patches"]
        assert [patch["submitter"] for patch in shown] == [
            f"No. {n}" if n < 120 else str(n) for n in range(100, 150)
        ]
        assert {patch["state"] for patch in shown} == {"New"}

    def test_a_server_that_names_everything_is_not_asked_again(self, freedesktop, pw):
        revision = {"version": 2, "cover_letter": None, "patches": [trackers.freedesktop_patch(71)]}
        freedesktop.at("/api/1.0/series/7/revisions/2/", revision)
        assert "71  New    Alice" in pw("show", "7").stdout
        assert freedesktop.requests("GET", "/api/1.0/patches/71/") == []

    def test_another_revision(self, freedesktop, pw):
        """What the series says of itself is true of its newest revision only."""
        one = trackers.within_a_revision(71)
        revision = {"version": 1, "cover_letter": "for the 1. time.", "patches": [one]}
        freedesktop.at("/api/1.0/series/7/revisions/1/", revision)
        shown = pw("show", "-r", "1", "7").stdout
        assert "for the 1. time." in shown
        assert "Revision:  1\nName:      Be friendly\nPatches:   1\nTests:     success\n" in shown
        assert "State: " not in shown
        assert "State:     in progress" in pw("show", "-r", "2", "7").stdout

    @pytest.mark.parametrize(
        ("states", "tests"),
        [
            ((), ""),
            (("info",), "success"),
            (("info", "pending"), "success"),
            (("success", "failure", "warning"), "failure"),
            (("pending",), "pending"),
        ],
    )
    def test_what_results_of_a_revision_add_up_to(self, git_pw, states, tests):
        checks = [git_pw.Check(str(n), state, "", "", "") for n, state in enumerate(states)]
        assert git_pw.combined(checks) == tests

    def test_everything_as_json(self, getpatchwork, pw):
        shown = json.loads(pw("show", "7", "--format=json").stdout)
        assert shown["cover_letter"] == "We should be friendly.\n"
        assert [patch["id"] for patch in shown["patches"]] == [71, 72]
        assert shown["checks"][0]["state"] == "failure"

    def test_a_series_that_is_incomplete(self, freedesktop, pw):
        series = trackers.freedesktop_series(
            8, n_patches=0, version=1, state="incomplete", test_state=None
        )
        freedesktop.at("/api/1.0/series/8/", series)
        ended = pw("show", "8")
        assert ended.returncode == 0
        assert "State:     incomplete" in ended.stdout

    def test_an_old_server_that_does_not_tell_results(self, freedesktop, pw):
        path = "/api/1.0/series/7/revisions/2/test-results/"
        freedesktop.at(path, {"detail": "Method not allowed."}, status=405)
        assert "We should be friendly" in pw("show", "7").stdout
        assert "405" in pw("checks", "7").stderr

    @pytest.mark.parametrize("dialect", ["freedesktop", "getpatchwork", "both"])
    def test_a_patch(self, dialect, request, pw):
        request.getfixturevalue(dialect)
        shown = pw("patch", "show", "71").stdout
        assert "Name:      [1/2] Greet everybody" in shown
        assert "+everybody" in shown

    def test_checks(self, both, pw):
        (of_series,) = json.loads(pw("checks", "7", "--format=json").stdout)
        assert (of_series["name"], of_series["state"]) == ("checkpatch.pl", "warning")
        (of_patch,) = json.loads(pw("checks", "--patch", "71", "--format=json").stdout)
        assert (of_patch["name"], of_patch["state"]) == ("build", "failure")

    def test_checks_of_a_series_are_those_of_its_patches(self, getpatchwork, pw):
        found = json.loads(pw("checks", "7", "--format=json").stdout)
        assert [(check["patch"], check["name"]) for check in found] == [
            (71, "build"),
            (72, "build"),
        ]

    def test_nothing_there(self, freedesktop, pw):
        ended = pw("show", "99")
        assert (ended.returncode, ended.stdout) == (1, "")
        asked = f"{freedesktop.url}/api/1.0/series/99/?related=expand"
        assert ended.stderr == f"fatal: {asked}: 404 Not Found: Not found.\n"


class TestPolling:
    def test_events_as_they_come_oldest_first(self, freedesktop, clone, pw):
        events = [json.loads(line) for line in pw("poll-events").stdout.splitlines()]
        assert [(event["series"], event["parameters"]["revision"]) for event in events] == [
            *((6, 1), (7, 1), (7, 2))
        ]
        position = clone / ".git-pw.list.poll.timestamp"
        assert position.read_text() == "2024-01-02T08:30:00.123456\n"
        assert pw("poll-events").stdout == ""
        assert position.read_text() == "2024-01-02T08:30:00.123456\n"

    def test_the_position_is_kept_at_the_root(self, freedesktop, clone, pw):
        (clone / "deep" / "below").mkdir(parents=True)
        pw("poll-events", directory=clone / "deep" / "below")
        assert (clone / ".git-pw.list.poll.timestamp").is_file()

    def test_since_a_date(self, freedesktop, clone, pw):
        pw("poll-events")
        again = pw("poll-events", "--since=2023-12-31").stdout
        assert [json.loads(line)["parameters"]["revision"] for line in again.splitlines()] == [1, 2]
        asked = freedesktop.requests("GET", "/api/1.0/projects/list/events/")[-1]
        assert asked.parameters["since"] == ["2023-12-31T00:00:00"]
        assert "name" not in asked.parameters

    def test_events_of_other_names(self, freedesktop, pw):
        pw("poll-events", "-n", "patch-state-change,pull-request-new")
        asked = freedesktop.requests("GET", "/api/1.0/projects/list/events/")[-1]
        assert asked.parameters["name"] == ["patch-state-change,pull-request-new"]

    def test_names_take_nothing_from_the_plain_poll(self, freedesktop, clone, pw):
        """Nor from each other; in which order they are given does not matter."""
        path = "/api/1.0/projects/list/events/"

        def since():
            return freedesktop.requests("GET", path)[-1].parameters.get("since")

        for asked in ("pull-request-new,patch-state-change", "*", "patch-state-change"):
            pw("poll-events", "-n", asked)
            assert since() is None
        pw("poll-events", "-n", "patch-state-change,pull-request-new,patch-state-change")
        assert since() == ["2024-01-02T08:30:00.123456"]
        assert pw("poll-events").stdout.count("\n") == 3
        assert {file.name for file in clone.glob(".git-pw.*")} == {
            ".git-pw.list.poll.timestamp",
            ".git-pw.list.all.poll.timestamp",
            ".git-pw.list.patch-state-change.poll.timestamp",
            ".git-pw.list.patch-state-change+pull-request-new.poll.timestamp",
        }

    def test_projects_of_one_name_on_two_servers(self, freedesktop, clone, pw):
        pw("poll-events")
        gits.git(clone, "config", "patchwork.of/work.url", freedesktop.url)
        gits.git(clone, "config", "patchwork.of/work.project", "list")
        assert pw("-c", "of/work", "poll-events").stdout.count("\n") == 3
        assert (clone / ".git-pw.list@of%2Fwork.poll.timestamp").exists()
        pw("-c", "of/work", "poll-events", "-n", "../x")
        assert (clone / ".git-pw.list@of%2Fwork...%2Fx.poll.timestamp").exists()

    def test_positions_can_be_kept_from_git(self, freedesktop, clone, pw):
        """By the line that the documentation gives."""
        page = (ROOT / "docs" / "usage" / "git-pw.rst").read_text(encoding="utf-8")
        (line,) = re.findall(r"^   \$ (echo .* >> \.git/info/exclude)$", page, re.MULTILINE)
        subprocess.run(["bash", "-c", line], cwd=clone, check=True)
        pw("poll-events")
        pw("poll-events", "-n", "*")
        assert gits.git(clone, "status", "--porcelain") == ""

    def test_all_pages_and_none_twice(self, freedesktop, pw):
        """What is on a page may move to the next one while we read."""
        path = "/api/1.0/projects/list/events/"
        found = [
            trackers.freedesktop_event(n, 1, f"2024-01-01T12:00:00.{n:06}")
            for n in range(250, 0, -1)
        ]
        pages = [found[:100], found[99:199], found[198:]]

        def shifting(asked):
            page = int(asked.parameters.get("page", ["1"])[0])
            following = f"?page={page + 1}" if page < 3 else None
            return Answer({"count": 250, "next": following, "results": pages[page - 1]})

        freedesktop.when(path, shifting)
        polled = [json.loads(line)["series"] for line in pw("poll-events").stdout.splitlines()]
        assert polled == list(range(1, 251))

    def test_what_nobody_has_read_comes_again(self, freedesktop, clone, environment):
        found = [trackers.freedesktop_event(n, 1, "2024-01-01T12:00:00") for n in range(9000)]
        trackers.freedesktop_list(freedesktop, "/api/1.0/projects/list/events/", found)
        ended = subprocess.run(
            ["bash", "-c", "set -o pipefail; git-pw poll-events | head -n 1"],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (141, "")
        assert ended.stdout.count("\n") == 1
        assert not (clone / ".git-pw.list.poll.timestamp").exists()

    def test_the_other_dialect_in_the_same_shape(self, getpatchwork, clone, pw):
        (event,) = [json.loads(line) for line in pw("poll-events").stdout.splitlines()]
        assert event == {
            "series": 7,
            "parameters": {"revision": 1},
            "name": "series-new-revision",
            "event_time": "2024-01-01T12:03:00",
            "patch": None,
            "user": None,
        }
        assert pw("poll-events").stdout == ""
        first, second = pw("poll-events", "-n", "*").stdout.splitlines()
        assert json.loads(first) == event
        assert json.loads(second) == {
            "series": None,
            "parameters": {"previous_state": "new", "new_state": "accepted"},
            "name": "patch-state-change",
            "event_time": "2024-01-02T10:00:00",
            "patch": 71,
            "user": 4,
        }

    def test_a_damaged_position_is_told(self, freedesktop, clone, pw):
        (clone / ".git-pw.list.poll.timestamp").write_text("garbage\n")
        assert pw("poll-events").stderr.startswith("fatal: 'garbage' is no date")

    def test_without_a_project(self, freedesktop, clone, pw):
        gits.git(clone, "config", "--unset", "patchwork.default.project")
        assert pw("poll-events").stderr == (
            "fatal: no project is set: git config patchwork.default.project <its link name>\n"
        )


@pytest.fixture
def with_token(clone):
    gits.git(clone, "config", "patchwork.default.token", "sesame")


class TestResults:
    def test_of_a_series(self, freedesktop, pw, with_token):
        assert pw("post-result", "7", "checkpatch.pl", "pending").returncode == 0
        path = "/api/1.0/series/7/revisions/2/test-results/"
        (asked,) = freedesktop.requests("POST", path)
        assert asked.document == {"test_name": "checkpatch.pl", "state": "pending"}
        assert asked.headers["Authorization"] == "Token sesame"

    def test_with_everything(self, freedesktop, clone, pw, with_token):
        (clone / "results.txt").write_text("1 error\n")
        pw(
            *("post-result", "-r", "1", "7", "checkpatch.pl", "failure"),
            *("-u", "https://ci.example.org/7", "--summary-from-file", "results.txt"),
        )
        pw("post-result-patch", "71", "build", "warning", "-s", "slow")
        pw("post-result-patch", "71", "build", "fail", "--summary-from-file=-", text="a log")
        assert freedesktop.written() == [
            (
                "POST",
                "/api/1.0/series/7/revisions/1/test-results/",
                {
                    "test_name": "checkpatch.pl",
                    "state": "failure",
                    "url": "https://ci.example.org/7",
                    "summary": "1 error\n",
                },
            ),
            (
                "POST",
                "/api/1.0/patches/71/test-results/",
                {"test_name": "build", "state": "warning", "summary": "slow"},
            ),
            (
                "POST",
                "/api/1.0/patches/71/test-results/",
                {"test_name": "build", "state": "failure", "summary": "a log"},
            ),
        ]

    def test_are_checks_of_every_patch_in_the_other_dialect(self, getpatchwork, pw, with_token):
        result = ("failure", "-s", "bad", "-u", "https://ci/1")
        assert pw("post-result", "7", "check-patch_PL", *result).stderr == ""
        check = {
            "context": "check-patch_PL",
            "state": "fail",
            "target_url": "https://ci/1",
            "description": "bad",
        }
        assert getpatchwork.written() == [
            ("POST", "/api/patches/71/checks/", check),
            ("POST", "/api/patches/72/checks/", check),
        ]

    def test_a_name_that_the_other_dialect_does_not_take(self, getpatchwork, pw, with_token):
        ended = pw("post-result", "7", "a b.c", "success")
        (context,) = {document["context"] for _, _, document in getpatchwork.written()}
        assert context == names.context_of("a b.c")
        assert ended.stderr == f"The getpatchwork dialect calls the test {context}.\n"

    @pytest.mark.parametrize(
        "name",
        [
            *("build", "Build_2", "a b.c", "C++", "C", "-x-", "_ y _", "Pr\xfcfung", "\xbd"),
            *(
                "\u65e5\u672c",
                "\u212bngstr\xf6m -- x",
                " blanks  and\ttabs ",
                "x" * 256,
                "a/" * 300,
            ),
        ],
    )
    def test_a_test_is_called_as_the_server_would_call_it(self, git_pw, name):
        assert git_pw.context_of(name) == names.context_of(name)

    def test_a_summary_that_cannot_be_read(self, freedesktop, pw, with_token):
        ended = pw("post-result", "7", "x", "success", "--summary-from-file=missing")
        assert ended.stderr == "fatal: missing: No such file or directory\n"

    def test_an_unknown_state(self, freedesktop, pw):
        ended = pw("post-result", "7", "x", "Success")
        assert ended.returncode == 1
        assert ended.stderr.startswith("fatal: argument STATE: invalid choice: 'Success'")

    def test_two_summaries(self, freedesktop, pw, with_token):
        arguments = ("-s", "", "--summary-from-file", "missing")
        ended = pw("post-result", "7", "x", "success", *arguments)
        assert ended.returncode == 1
        assert ended.stderr.startswith("fatal: there can be one summary: ")
        assert freedesktop.asked == []

    def test_letters_of_the_world_stay_as_they_are(self, freedesktop, pw, with_token):
        """Escapes would be twice as long, and the servers have limits."""
        summary = "caf\xe9 \u65e5\u672c" * 1000
        pw("post-result", "7", "x", "success", "--summary-from-file=-", text=summary)
        (asked,) = freedesktop.requests("POST")
        assert asked.document["summary"] == summary
        assert int(asked.headers["Content-Length"]) < len(summary.encode()) + 100
        assert asked.headers["Content-Type"] == "application/json"

    def test_bytes_that_are_no_letters(self, freedesktop, pw, with_token):
        pw("post-result", "7", "x", "success", "-s", "caf\udce9")
        assert freedesktop.requests("POST")[0].document["summary"] == "caf?"

    def test_a_refusal_is_one_line_in_the_servers_words(self, freedesktop, pw, with_token):
        path = "/api/1.0/series/7/revisions/2/test-results/"
        words = {"url": ["Enter a valid URL."], "state": ["\x1b[2J is bad.", "Really."]}
        freedesktop.at(path, words, "POST", status=400)
        ended = pw("post-result", "7", "x", "success", "-u", "nonsense")
        assert ended.stderr == (
            f"fatal: {freedesktop.url}{path}: 400 Bad Request:"
            " url: Enter a valid URL.; state: \N{REPLACEMENT CHARACTER}[2J is bad. Really.\n"
        )


class TestUpdates:
    def test_a_patch(self, both, pw, with_token):
        ended = pw(
            *("patch", "update", "71", "72", "--state", "Under Review", "--delegate=mel"),
            *("--archived", "--commit", "0123abc"),
        )
        assert ended.returncode == 0, ended.stderr
        changes = {
            "state": "under-review",
            "delegate": 4,
            "archived": True,
            "commit_ref": "0123abc",
        }
        assert both.written() == [
            ("PATCH", "/api/patches/71/", changes),
            ("PATCH", "/api/patches/72/", changes),
        ]
        assert ended.stdout.splitlines()[1].startswith("71  under-review")

    @pytest.mark.parametrize("style", ["table", "json"])
    def test_what_was_changed_is_told_and_what_was_not(self, both, pw, with_token, style):
        forbidden = {"detail": "Not yours."}
        both.at("/api/patches/36/", forbidden, "PATCH", status=403)
        update = ("patch", "update", "71", "36", "99", "72", "--state=new", "--format", style)
        ended = pw(*update)
        assert ended.returncode == 1
        assert ended.stderr == (
            f"fatal: not changed: 36: {both.url}/api/patches/36/: 403 Forbidden: Not yours.\n"
            f"fatal: not changed: 99: {both.url}/api/patches/99/: 404 Not Found: Not found.\n"
        )
        if style == "json":
            assert [patch["id"] for patch in json.loads(ended.stdout)] == [71, 72]
        else:
            assert [line.split()[0] for line in ended.stdout.splitlines()] == ["ID", "71", "72"]

    @pytest.mark.parametrize("status", [400, 401, 500])
    def test_what_would_meet_all_patches_ends_it(self, both, pw, with_token, status):
        both.at("/api/patches/36/", {"detail": "No."}, "PATCH", status=status)
        ended = pw("patch", "update", "71", "36", "72", "--state=new")
        assert ended.returncode == 1
        assert ended.stderr.startswith("fatal: not changed: 36, 72: http")
        assert ended.stderr.count("\n") == 1
        assert ended.stdout.splitlines()[1].startswith("71  new")
        assert [path for _, path, _ in both.written()] == ["/api/patches/71/", "/api/patches/36/"]

    def test_nothing_to_change(self, both, pw, with_token):
        assert pw("patch", "update", "71").stderr.startswith("fatal: nothing to change")

    def test_nobody_called_so(self, both, pw, with_token):
        ended = pw("patch", "update", "71", "--delegate=nobody")
        assert "knows no account called nobody" in ended.stderr
        assert both.written() == []

    def test_nobody_at_all(self, both, pw, with_token):
        pw("patch", "update", "71", "--delegate=", "--no-archived")
        assert both.written()[0][2] == {"delegate": None, "archived": False}

    def test_a_server_that_cannot(self, freedesktop, pw, with_token):
        ended = pw("patch", "update", "71", "--state=accepted")
        assert "in the freedesktop dialect, which cannot do that" in ended.stderr


class TestReviewing:
    def test_somebody_is_asked(self, both, pw, with_token):
        ended = pw("review", "7", "mel")
        assert both.written() == [("PATCH", "/api/1.0/series/7/", {"reviewer": 4})]
        assert both.requests("PATCH")[0].headers["Authorization"] == "Token sesame"
        assert ended.stdout.splitlines()[1] == "7   2         in progress  Mel       Be friendly"

    def test_nobody_is_asked(self, freedesktop, pw, with_token):
        shown = json.loads(pw("review", "7", "--nobody", "--format=json").stdout)
        assert (shown[0]["id"], shown[0]["reviewer"]) == (7, "")
        assert freedesktop.written() == [("PATCH", "/api/1.0/series/7/", {"reviewer": None})]

    def test_a_number_needs_no_list_of_accounts(self, freedesktop, pw, with_token):
        assert "Mel" in pw("review", "7", "4").stdout
        assert "freedesktop dialect, which cannot do that" in pw("review", "7", "mel").stderr

    @pytest.mark.parametrize("arguments", [["7"], ["7", "mel", "--nobody"], ["7", ""]])
    def test_it_has_to_be_said_who(self, freedesktop, pw, arguments):
        ended = pw("review", *arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("fatal: who is to review it?")
        assert freedesktop.written() == []

    def test_tested_again(self, freedesktop, pw, with_token):
        for arguments in (["7"], ["-r", "2", "7"]):
            ended = pw("rerun", *arguments)
            assert ended.stdout == "Series 7 is to be tested again, as revision 3.\n"
        path = "/api/1.0/series/7/revisions/2/newrevision/"
        assert freedesktop.written() == [("POST", path, {})] * 2

    @pytest.mark.parametrize("arguments", [["review", "7", "mel"], ["rerun", "7"]])
    def test_a_server_that_cannot(self, getpatchwork, pw, arguments):
        assert "getpatchwork dialect, which cannot do that" in pw(*arguments).stderr

    def test_addresses_that_are_written_to_end_in_a_slash(self, both, pw, with_token):
        """Without one, servers send elsewhere, and what is written does not follow."""
        for line in (
            *("review 7 mel", "rerun 7", "post-result 7 x success", "post-result-patch 71 x info"),
            "patch update 71 --state new",
        ):
            pw(*line.split())
        assert len(both.written()) == 5
        assert all(path.endswith("/") for _, path, _ in both.written())


class TestDialects:
    def test_a_server_is_asked_once_a_day(self, both, pw, environment):
        pw("list")
        pw("show", "7")
        assert len(both.requests("GET", "/api/1.0/projects/")) == 1
        assert len(both.requests("GET", "/api/projects/")) == 1
        known = Path(environment["HOME"], ".cache", "git-pw", "servers.json")
        memory = json.loads(known.read_text())
        assert memory[both.url].keys() == {"freedesktop", "getpatchwork", "until"}
        memory[both.url]["until"] -= 2 * 24 * 3600
        known.write_text(json.dumps(memory))
        pw("list")
        assert len(both.requests("GET", "/api/1.0/projects/")) == 2

    def test_it_is_asked_again_after_something_was_not_there(self, both, pw):
        pw("list")
        pw("show", "99")
        pw("list")
        assert len(both.requests("GET", "/api/1.0/projects/")) == 2

    @pytest.mark.parametrize("garbage", ["", "[]", '{"%s": 3}', '{"%s": {"until": "x"}}', "\0"])
    def test_a_damaged_memory_is_no_harm(self, freedesktop, pw, environment, garbage):
        memory = f"{environment['HOME']}/.cache/git-pw"
        os.makedirs(memory)
        with open(f"{memory}/servers.json", "w") as file:
            file.write(garbage.replace("%s", freedesktop.url))
        assert pw("list").returncode == 0

    def test_a_home_that_cannot_be_written(self, freedesktop, pw):
        assert pw("list", XDG_CACHE_HOME="/dev/null").returncode == 0

    def test_the_freedesktop_dialect_elsewhere(self, getpatchwork, pw):
        """Where an operator has given /api/1.0/ to the other dialect."""
        trackers.speak_freedesktop(getpatchwork, "/fdo/api/1.0/")
        assert json.loads(pw("list", "--format=json").stdout)[0]["revision"] == 2

    @pytest.mark.parametrize("path", ["/", "/api", "/api/", "/api/1.0/", "/api/1.4"])
    def test_the_address_may_point_to_the_api(self, freedesktop, clone, pw, path):
        gits.git(clone, "config", "patchwork.default.url", freedesktop.url + path)
        assert pw("list").returncode == 0

    def test_no_patchwork_at_all(self, tracker, pw):
        assert "is no Patchwork server" in pw("list").stderr
        tracker.at("/api/1.0/projects/", b"<html>", headers={"Content-Type": "text/html"})
        ended = pw("list")
        assert ended.stderr == (
            f"fatal: {tracker.url}/api/1.0/projects/ answers, but not in JSON:"
            " is this a Patchwork server?\n"
        )


class TestConfiguration:
    def test_the_server_is_not_set(self, tmp_path, pw):
        ended = pw("list", directory=tmp_path)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            "fatal: no server is set:"
            " git config patchwork.default.url https://patchwork.example.org\n"
        )

    def test_by_name(self, freedesktop, clone, pw):
        gits.git(clone, "config", "patchwork.Work.url", freedesktop.url)
        gits.git(clone, "config", "patchwork.Work.project", "other")
        path = "/api/1.0/projects/other/series/"
        trackers.freedesktop_list(freedesktop, path, [])
        assert pw("-c", "Work", "list").returncode == 0
        gits.git(clone, "config", "patchwork.defaultconfig", "Work")
        assert pw("list").returncode == 0
        assert len(freedesktop.requests("GET", path)) == 2
        assert "patchwork.nowhere.url" in pw("-c", "nowhere", "list").stderr

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "patchwork.example.org",
            "http://",
            "https://me:pw@host/",
            "http://h:x/",
        ],
    )
    def test_an_address_that_is_none(self, clone, pw, url):
        gits.git(clone, "config", "patchwork.default.url", url)
        ended = pw("list")
        assert ended.returncode == 1
        assert ended.stderr.startswith("fatal: patchwork.default.url ")
        assert ended.stderr.count("\n") == 1

    def test_user_and_password(self, freedesktop, clone, pw):
        gits.git(clone, "config", "patchwork.default.user", "mel")
        gits.git(clone, "config", "patchwork.default.password", "open:s\xe9same")
        pw("post-result", "7", "x", "success")
        header = freedesktop.requests("POST")[0].headers["Authorization"]
        assert base64.b64decode(header.removeprefix("Basic ")).decode() == "mel:open:s\xe9same"

    def test_the_password_from_gits_helper(self, freedesktop, clone, pw, tmp_path):
        """It is kept when the server takes it, and dropped when it does not."""
        log = tmp_path / "helped"
        helper = tmp_path / "helper"
        helper.write_text(
            f'#!/bin/sh\necho "$1" >> {log}\ngrep -v "^$" >> {log}\n'
            '[ "$1" = get ] && printf "username=mel\\npassword=helped\\n"\nexit 0\n'
        )
        helper.chmod(0o755)
        gits.git(clone, "config", "credential.helper", str(helper))
        pw("post-result", "7", "x", "success")
        header = freedesktop.requests("POST")[0].headers["Authorization"]
        assert base64.b64decode(header.removeprefix("Basic ")) == b"mel:helped"
        assert "store\n" in log.read_text()
        path = "/api/1.0/series/7/revisions/2/test-results/"
        freedesktop.at(path, {"detail": "Invalid username/password."}, "POST", status=401)
        ended = pw("post-result", "7", "x", "success")
        assert ended.stderr.endswith("401 Unauthorized: Invalid username/password.\n")
        assert "erase\n" in log.read_text()

    def test_nobody_to_ask(self, freedesktop, pw):
        ended = pw("post-result", "7", "x", "success")
        assert ended.returncode == 1
        assert "git config patchwork.default.token <your API token>" in ended.stderr
        assert freedesktop.requests("POST") == []

    def test_reading_needs_no_credentials(self, freedesktop, clone, pw, with_token):
        pw("list")
        pw("show", "7")
        assert all("Authorization" not in asked.headers for asked in freedesktop.asked)

    def test_a_server_for_members_only(self, freedesktop, clone, pw, with_token):
        def members_only(asked):
            if asked.headers.get("Authorization") != "Token sesame":
                return Answer({"detail": "Who are you?"}, 401)
            return Answer({"count": 0, "next": None, "results": []})

        freedesktop.when("/api/1.0/projects/list/series/", members_only)
        assert pw("list", "--format=json").stdout == "[]\n"

    def test_ones_own_series(self, freedesktop, pw, with_token):
        pw("list", "--submitter=self")
        (asked,) = freedesktop.requests("GET", "/api/1.0/projects/list/series/")
        assert asked.headers["Authorization"] == "Token sesame"


class TestTrouble:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["list", "--nonsense"], "unrecognized arguments: --nonsense"),
            ([], "the following arguments are required: COMMAND"),
            (["apply", "seven"], "argument ID: invalid number value: 'seven'"),
            (["patch", "nonsense"], "argument COMMAND: invalid choice: 'nonsense'"),
        ],
    )
    def test_a_call_that_makes_no_sense(self, pw, arguments, words):
        ended = pw(*arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"fatal: {words}")
        assert re.search(r" \(git-pw( \w+)? --help tells more\)\n$", ended.stderr)
        assert ended.stderr.count("\n") == 1

    def test_nobody_answers(self, clone, pw):
        with serving() as gone:
            gits.git(clone, "config", "patchwork.default.url", gone.url)
        ended = pw("list")
        assert ended.returncode == 1
        assert ended.stderr == f"fatal: {gone.url}/api/1.0/projects/: Connection refused\n"

    def test_a_server_that_is_silent(self, freedesktop, git_pw, monkeypatch, clone, tmp_path):
        over = threading.Event()
        freedesktop.when("/api/1.0/projects/", lambda asked: (over.wait(30), Answer([]))[1])
        monkeypatch.setattr(git_pw, "TIMEOUT", 0.05)
        settings = git_pw.Settings("x", str(clone), freedesktop.url, "list", "", "", "")
        with pytest.raises(git_pw.Fatal, match=r"no answer within 0\.05 seconds"):
            git_pw.Connection(settings).read(f"{freedesktop.url}/api/1.0/projects/")
        over.set()

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_in_trouble(self, freedesktop, pw, status):
        freedesktop.at("/api/1.0/projects/list/series/", b"<html>\n<p>oh", status=status)
        ended = pw("list")
        assert ended.returncode == 1
        assert re.fullmatch(rf"fatal: http\S+: {status} [A-Z][A-Za-z ]+\n", ended.stderr)

    def test_an_answer_that_lacks_something(self, freedesktop, pw):
        path = "/api/1.0/projects/list/series/"
        trackers.freedesktop_list(freedesktop, path, [{"id": 1, "name": "x"}])
        assert pw("list").stderr == (
            "fatal: the server's answer does not tell 'version': is this a Patchwork server?\n"
        )
        freedesktop.at(path, {"error": "what?"})
        assert "but not with a list" in pw("list").stderr

    def test_redirects_that_go_round(self, freedesktop, pw):
        path = "/api/1.0/projects/list/series/"
        freedesktop.at(path, {}, status=302, headers={"Location": path})
        ended = pw("list")
        assert ended.returncode == 1
        assert re.fullmatch(r"fatal: .*infinite loop.*\n", ended.stderr)

    def test_reading_follows_and_the_token_stays(self, freedesktop, clone, pw, with_token):
        with serving() as other:
            trackers.speak_freedesktop(other)
            path = "/api/1.0/projects/list/series/"
            freedesktop.at(path, {}, status=302, headers={"Location": f"{other.url}{path}"})
            ended = pw("list", "--submitter=self")
            assert "Be friendly" in ended.stdout
            assert freedesktop.asked[-1].headers["Authorization"] == "Token sesame"
            assert "Authorization" not in other.asked[-1].headers

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_reading_follows_with_the_token_on_one_host(self, freedesktop, pw, with_token, status):
        path = "/api/1.0/projects/list/series/"
        trackers.freedesktop_list(freedesktop, "/moved/", [])
        freedesktop.at(path, {}, status=status, headers={"Location": "/moved/"})
        assert pw("list", "--submitter=self", "--format=json").stdout == "[]\n"
        assert freedesktop.asked[-1].headers["Authorization"] == "Token sesame"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_writing_does_not_follow(self, freedesktop, pw, with_token, status):
        with serving() as other:
            path = "/api/1.0/series/7/revisions/2/test-results/"
            elsewhere = {"Location": f"{other.url}{path}"}
            freedesktop.at(path, {}, "POST", status=status, headers=elsewhere)
            ended = pw("post-result", "7", "x", "success")
            assert ended.returncode == 1
            assert str(status) in ended.stderr or f"has moved to {other.url}{path}" in ended.stderr
            assert other.asked == []

    def test_nobody_reads_on(self, freedesktop, clone, environment):
        path = "/api/1.0/projects/list/series/"
        found = [trackers.freedesktop_series(n) for n in range(3000)]
        trackers.freedesktop_list(freedesktop, path, found)
        ended = subprocess.run(
            ["bash", "-c", "set -o pipefail; git-pw list --limit 0 | head -n 1"],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (141, "")

    def test_through_a_proxy(self, freedesktop, clone, pw):
        """The usual variables say so; the proxy is asked for the whole address."""
        url = "http://patchwork.example.org"
        gits.git(clone, "config", "patchwork.default.url", url)
        for path in ("/api/1.0/projects/", "/api/1.0/projects/list/series/"):
            trackers.freedesktop_list(freedesktop, path, [])
        ended = pw("list", "--format=json", http_proxy=freedesktop.url)
        assert ended.stdout == "[]\n", ended.stderr
        assert {asked.headers["Host"] for asked in freedesktop.asked} == {"patchwork.example.org"}


class TestTerminal:
    def test_colours_only_there(self, freedesktop, clone, pw, environment):
        assert "\033" not in pw("list").stdout
        shown = on_terminal(["list"], clone, environment)
        assert "\033[33mwarning\033[0m" in shown
        assert "\033" not in on_terminal(["list"], clone, {**environment, "NO_COLOR": "1"})

    def test_it_says_when_there_is_more(self, freedesktop, clone, environment):
        shown = on_terminal(["list", "--limit=1"], clone, environment)
        assert "There are more than 1: see --limit." in shown
        assert "Older" not in shown

    HOSTILE = "\x1b]0;owned\x07\x1b[31mred\r\n\u202egnp.exe\x9b2J"

    @pytest.mark.parametrize("style", ["table", "csv", "json"])
    def test_subjects_do_not_steer_it(self, freedesktop, clone, environment, style, pw):
        series = trackers.freedesktop_series(
            name=self.HOSTILE, submitter={"id": 1, "name": self.HOSTILE}
        )
        trackers.freedesktop_list(freedesktop, "/api/1.0/projects/list/series/", [series])
        freedesktop.at("/api/1.0/series/7/", series)
        hidden = {**environment, "NO_COLOR": "1"}
        shown = on_terminal(["list", "--format", style], clone, hidden)
        shown += on_terminal(["show", "7", "--format", style], clone, hidden)
        shown += pw("apply", "7").stdout
        assert not set(shown) & set("\x1b\x07\x9b\u202e")

    def test_mails_do_not_steer_it(self, freedesktop, clone, environment, pw):
        mail = b"From x\nSubject: \x1b[2J\n\n\tbody\n"
        freedesktop.at("/api/1.0/patches/71/mbox/", mail)
        assert "\x1b" not in on_terminal(["mbox-patch", "71"], clone, environment)
        assert pw("mbox-patch", "71").stdout == mail.decode()

    def test_wide_letters_and_long_names_fit(self, git_pw):
        assert git_pw.width_of("\u65e5\u672c") == 4
        assert git_pw.shortened("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c\N{HORIZONTAL ELLIPSIS}"
        assert git_pw.width_of("e\N{COMBINING ACUTE ACCENT}") == 1

    def test_a_long_download_tells_how_far_it_is(self, freedesktop, clone, environment):
        freedesktop.at("/api/1.0/patches/71/mbox/", b"x" * 4_000_000)
        shown = on_terminal(["patch", "download", "71", "-o", "big"], clone, environment)
        assert "(100 %)" in shown
        assert (clone / "big").stat().st_size == 4_000_000


class TestFile:
    """One file, for old Pythons, that starts quickly and says what it can."""

    def test_python_3_9_reads_it(self):
        ast.parse(GIT_PW.read_text(encoding="utf-8"), feature_version=(3, 9))

    @pytest.mark.parametrize("way", ["copy", "link"])
    def test_alone_in_the_path(self, way, freedesktop, clone, environment, tmp_path):
        place = tmp_path / "elsewhere"
        place.mkdir()
        (shutil.copy if way == "copy" else os.symlink)(GIT_PW, place / "git-pw")
        ended = subprocess.run(
            ["git", "pw", "list", "--format=json"],
            cwd=clone,
            env={**environment, "PATH": f"{place}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert json.loads(ended.stdout)[0]["id"] == 7

    def test_little_is_imported_before_it_is_needed(self):
        """What costs many milliseconds waits until a server is really asked."""
        ended = subprocess.run(
            [sys.executable, "-IS", "-X", "importtime", GIT_PW, "completion", "fish"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
        assert "argparse" in imported
        assert not imported & {
            *("urllib.request", "http.client", "ssl", "email", "json", "subprocess"),
            *("tempfile", "csv", "datetime", "dataclasses", "inspect", "asyncio", "unicodedata"),
        }

    def test_only_the_standard_library(self):
        tree = ast.parse(GIT_PW.read_text(encoding="utf-8"))
        roots = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert roots <= set(sys.stdlib_module_names)

    def test_every_command_helps_with_examples(self, git_pw, capsys):
        for command in git_pw.commands():
            with pytest.raises(SystemExit) as ended:
                git_pw.parser().parse_args([*command.name.split(), "--help"])
            assert ended.value.code == 0
            shown = capsys.readouterr().out
            assert "Examples:\n  git" in shown
            assert f" {command.name}" in shown

    def test_every_example_is_understood(self, git_pw):
        import shlex

        for command in git_pw.commands():
            for example in command.examples:
                words = shlex.split(re.sub(r"\$\([^)]*\)", "HEAD", example), comments=False)
                words = words[1:] if words[0] == "git-pw" else words[2:]
                ends = [words.index(each) for each in ("|", ">") if each in words]
                asked = git_pw.parser().parse_args(words[: min(ends, default=None)])
                assert asked.run is command.run, example

    def test_the_manual_page_tells_every_command_and_option(self, git_pw):
        page = (GIT_PW.parent / "git-pw.1").read_text(encoding="utf-8")
        plain = page.replace("\\-", "-").replace("\\ ", " ")
        sections = dict(
            re.findall(r"^\.SS (.+?)\n(.*?)(?=^\.S[HS] )", plain, re.MULTILINE | re.DOTALL)
        )
        assert sections.keys() == {command.name for command in git_pw.commands()}
        for command in git_pw.commands():
            options = {
                name for each in command.arguments for name in each.names if name.startswith("-")
            }
            told = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", sections[command.name]))
            assert options == told, command.name
        for each in git_pw.GLOBAL:
            assert all(f"{name}" in plain for name in each.names)

    def test_the_manual_page_is_sound(self):
        if not shutil.which("groff"):
            pytest.skip("groff is not installed")
        ended = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", GIT_PW.parent / "git-pw.1"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")

    def test_one_version(self, git_pw):
        import tomllib

        package = tomllib.loads((ROOT / "git-pw" / "pyproject.toml").read_text(encoding="utf-8"))
        server = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        assert package["project"]["version"] == server["project"]["version"] == git_pw.VERSION

    @pytest.mark.slow
    def test_its_own_package_installs_it_and_the_manual_page(self, tmp_path):
        source = tmp_path / "git-pw"
        shutil.copytree(
            ROOT / "git-pw", source, ignore=shutil.ignore_patterns("build", "*.egg-info")
        )
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
                *("--no-build-isolation", "--prefix", tmp_path / "usr", source),
            ],
            check=True,
            timeout=120,
        )
        (module,) = (tmp_path / "usr" / "lib").glob("python*/site-packages/git_pw.py")
        assert module.read_bytes() == GIT_PW.read_bytes()
        assert list(module.parent.glob("__pycache__/git_pw.*.pyc"))
        ended = subprocess.run(
            [tmp_path / "usr" / "bin" / "git-pw", "list", "--nonsense"],
            env={**os.environ, "PYTHONPATH": str(module.parent)},
            capture_output=True,
            text=True,
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("fatal: unrecognized arguments: --nonsense")
        assert (tmp_path / "usr" / "share" / "man" / "man1" / "git-pw.1").is_file()


IN_BASH = """
source <(git-pw completion bash)
COMP_WORDS=({words}) COMP_CWORD={last}
_git_pw
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
IN_ZSH = """
compadd() {{ shift; print -l -- "$@"; }}
zstyle() {{ }}
words=({words}) CURRENT=$(({last} + 1))
while [[ $words[1] != (git-pw|pw) ]]; do shift words; ((CURRENT--)); done
source <(git-pw completion zsh)
"""
"""What zsh's completion of git does before it asks us."""
IN_FISH = """
git-pw completion fish | source
complete --do-complete '{line}'
"""


class TestCompletion:
    def offered(self, environment, shell, line):
        """What a shell offers when the line ends so."""
        if not shutil.which(shell):
            pytest.skip(f"{shell} is not installed")
        words = line.split(" ")
        template = {"bash": IN_BASH, "zsh": IN_ZSH, "fish": IN_FISH}[shell]
        listed = " ".join(f"'{word}'" for word in words)
        script = template.format(words=listed, last=len(words) - 1, line=line)
        options = {"bash": ["--norc", "-eu"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
        ended = subprocess.run(
            [shell, *options, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        return {word for word in ended.stdout.split() if word.startswith(words[-1])}

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("git-pw ap", {"apply", "apply-patch"}),
            ("git pw ser", {"series"}),
            ("git -C x pw -c work ser", {"series"}),
            ("git-pw series --", {"--help"}),
            ("git-pw series list --sub", {"--submitter"}),
            ("git-pw series list apply --sub", {"--submitter"}),
            ("git-pw list --f", {"--format"}),
            ("git-pw post-result 7 build su", {"success"}),
            ("git-pw -C list patch upd", {"update"}),
            ("git-pw completion f", {"fish"}),
        ],
    )
    def test_words(self, environment, shell, line, offered):
        assert self.offered(environment, shell, line) == offered

    def test_every_option_is_offered_in_every_shell(self, git_pw, environment):
        for shell in ("bash", "zsh", "fish"):
            script = subprocess.run(
                ["git-pw", "completion", shell], env=environment, capture_output=True, text=True
            ).stdout
            for command in git_pw.commands():
                assert command.name.split()[-1] in script
                for each in command.arguments:
                    if each.names[0].startswith("-"):
                        assert all(name in script for name in each.names)
