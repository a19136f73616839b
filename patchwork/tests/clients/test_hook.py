# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook for git servers: real pushes, real commits, and a server that is asked for patches."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from patchwork.mail import diff, reading
from patchwork.tests import gits
from patchwork.tests.clients import trackers
from patchwork.tests.clients.conftest import ROOT
from patchwork.tests.clients.trackers import Answer, Asked, Tracker

HOOK = ROOT / "tools" / "post-receive.hook"

COUNTED = "".join(f"{number}\n" for number in range(1, 41))
CHANGES: dict[str, dict[str, str | bytes | None]] = {
    "one line": {"numbers": COUNTED.replace("20\n", "twenty\n")},
    "two hunks in two files": {
        "numbers": COUNTED.replace("3\n", "x\n", 1).replace("38\n", ""),
        "greeting.txt": "hello\nworld\nagain\n",
    },
    "a new file in a directory": {"a/deep/place": "first\n"},
    "a file goes": {"greeting.txt": None},
    "the last line of a hunk is blank": {"blanks": "top\n\n\n\nbottom\n"},
    "no newline at the end": {"greeting.txt": "hello\nworld"},
    "carriage returns": {"greeting.txt": "hello\r\nworld\r\n"},
    "lines that look like names of files": {"odd": "keep\n++ b\n"},
    "removed lines that look like names": {"dashes": "- 1\n--\n"},
    "letters of the world": {"\u65e5\u672c\u8a9e": "gr\u00fc\u00df\u00a0\u65e5\u672c\n"},
    "white space at the ends of lines": {"greeting.txt": "hello  \nworld\t\n"},
    "a name with blanks": {"my file": "content\n"},
    "a renamed file": {"greeting.txt": None, "hello.txt": "hello\nworld\n"},
    "bytes": {"image": bytes(range(256)) * 4},
    "an empty file": {"empty": ""},
}
TREE = {
    **trackers.TREE,
    "numbers": COUNTED,
    "blanks": "head\n\n\n\nbottom\n",
    "dashes": "- 1\n-- foo/bar\n--\n",
}
FOREIGN_GIT_PW = """#!/bin/sh
if [ "$*" = --version ]; then
    echo "git-pw, version 2.9.0"
else
    echo "Error: No such option '-c'." >&2
    exit 2
fi
"""


def commit(work: Path, name: str, tree: dict[str, str | bytes | None]) -> str:
    """The commit that puts these contents there; None takes a file away."""
    for path, content in tree.items():
        file = work / path
        if content is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    gits.git(work, "add", "--all")
    gits.git(work, "commit", "--quiet", "--allow-empty", f"--message={name}")
    return gits.git(work, "rev-parse", "HEAD")


def mailed_hash(work: Path, name: str) -> str | None:
    """What the server makes of the commit when it is mailed."""
    mail = subprocess.run(
        ["git", "format-patch", "--stdout", "-1", name], cwd=work, capture_output=True, check=True
    ).stdout.partition(b"\n")[2]
    found = reading.read(b"Message-Id: <1@example.org>\n" + mail).diff
    return None if found is None else diff.hash(found)


class Patches:
    """What the server knows: patches by hash, which change as they are told."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.known: dict[str, dict[str, object]] = {}
        trackers.speak_old_getpatchwork(tracker)
        tracker.when("/api/patches/", self.found)

    def add(self, hash: str | None, **details: object) -> int:
        assert hash is not None
        number = 100 + len(self.known)
        name = f'[{number}] "id": 5, }}]{{ \\ \u00fc'
        patch = trackers.getpatchwork_patch(self.tracker, 71, id=number, hash=hash, name=name)
        patch.update(details)
        self.known[hash] = patch
        self.tracker.when(
            f"/api/patches/{number}/", lambda asked: self.change(patch, asked), "PATCH"
        )
        return number

    def found(self, asked: Asked) -> Answer:
        assert asked.parameters["project"] == ["list"]
        patch = self.known.get(asked.parameters["hash"][0])
        return Answer([patch] if patch else [])

    def change(self, patch: dict[str, object], asked: Asked) -> Answer:
        if asked.headers.get("Authorization") != "Token sesame":
            return Answer({"detail": "Who are you?"}, 403)
        patch.update(asked.document)
        return Answer(patch)

    def asked_for(self) -> list[str]:
        return [
            asked.parameters["hash"][0] for asked in self.tracker.requests("GET", "/api/patches/")
        ]

    def accepted(self) -> dict[object, object]:
        """Commits of the patches that are."""
        return {
            patch["id"]: patch["commit_ref"]
            for patch in self.known.values()
            if patch["state"] == "accepted"
        }


@pytest.fixture
def patches(tracker: Tracker) -> Patches:
    return Patches(tracker)


@pytest.fixture
def server(tmp_path: Path, tracker: Tracker) -> Path:
    """A repository to push to."""
    bare = tmp_path / "server.git"
    bare.mkdir()
    gits.git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    gits.git(bare, "config", "patchwork.default.url", f"{tracker.url}/")
    gits.git(bare, "config", "patchwork.default.project", "list")
    gits.git(bare, "config", "patchwork.default.token", "sesame")
    return bare


@pytest.fixture
def work(tmp_path: Path, server: Path, patches: Patches) -> Path:
    """A clone whose first commit was on the server before the hook."""
    clone = tmp_path / "work"
    clone.mkdir()
    gits.init(clone, TREE)
    gits.git(clone, "remote", "add", "origin", str(server))
    gits.git(clone, "push", "--quiet", "origin", "main")
    shutil.copy(HOOK, server / "hooks" / "post-receive")
    return clone


@pytest.fixture
def push(work, environment):
    """Push, wait for what the hook says, and give it back."""

    def run(*arguments: str, **more: str) -> str:
        ended = subprocess.run(
            ["git", "push", "origin", *arguments],
            cwd=work,
            env={**environment, "BACKGROUND": "no", "CLIENT": "curl", **more},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        # git fills up what the other side says with blanks.
        lines = (line.removeprefix("remote: ").rstrip() for line in ended.stderr.splitlines())
        return "".join(f"{line}\n" for line in lines)

    return run


class TestHashes:
    @pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox"])
    def test_are_those_of_the_server(self, patches, work, push, environment, awk):
        """Whatever awk there is, and whatever git is told about diffs."""
        if not (found := shutil.which(awk)):
            pytest.skip(f"{awk} is not installed")
        with_awk = Path(environment["HOME"], "bin", "awk")
        if awk == "busybox":
            with_awk.write_text(f'#!/bin/sh\nexec {found} awk "$@"\n')
            with_awk.chmod(0o755)
        else:
            with_awk.symlink_to(found)
        server = work.parent / "server.git"
        gits.git(server, "config", "diff.algorithm", "patience")
        gits.git(server, "config", "diff.noprefix", "true")
        gits.git(server, "config", "color.ui", "always")
        expected = {}
        for name, tree in CHANGES.items():
            gits.git(work, "reset", "--quiet", "--hard", "origin/main")
            expected[mailed_hash(work, commit(work, name, tree))] = name
            gits.git(work, "branch", f"case-{len(expected)}")
        gits.git(work, "reset", "--quiet", "--hard", "origin/main")
        push("--all", STATE_MAP="refs/heads/main:Accepted\nrefs/heads/case-*:Accepted")
        found_by = [expected.get(hash, f"{hash} is unexpected") for hash in patches.asked_for()]
        assert sorted(found_by) == sorted(CHANGES)


class TestPushes:
    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_patches_become_accepted(self, patches, work, push, client):
        first = commit(work, "one", {"numbers": COUNTED.replace("20\n", "twenty\n")})
        unknown = commit(work, "unknown", {"greeting.txt": "bye\n"})
        second = commit(work, "two", {"count.txt": "one\n"})
        one, two = patches.add(mailed_hash(work, first)), patches.add(mailed_hash(work, second))
        said = push("main", CLIENT=client)
        assert patches.accepted() == {one: first, two: second}
        assert f"{first}: patch {one} is Accepted now" in said
        assert f"{unknown}: no patch has this diff" in said

    def test_it_finds_a_client_by_itself(self, patches, work, push):
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main", CLIENT="")
        assert patches.accepted() == {number: first}

    @pytest.mark.parametrize(("own", "client"), [(True, "git-pw"), (False, "curl")])
    def test_another_program_named_git_pw(
        self, patches, work, push, environment, tracker, own, client
    ):
        """It goes by other options: what is meant is ours, or else curl."""
        if not own:
            foreign = Path(environment["HOME"], "bin", "git-pw")
            foreign.unlink()
            foreign.write_text(FOREIGN_GIT_PW)
            foreign.chmod(0o755)
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main", CLIENT="")
        assert patches.accepted() == {number: first}
        (change,) = tracker.requests("PATCH")
        assert change.headers["User-Agent"].partition("/")[0] == client

    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_the_second_time_nothing_is_changed(self, patches, work, push, client, tracker):
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first), state="accepted", commit_ref=first)
        said = push("main", CLIENT=client)
        assert f"{first}: patch {number} is Accepted already" in said
        assert tracker.requests("PATCH") == []

    def test_a_rebased_commit_is_still_the_patch(self, patches, work, push):
        ours = commit(work, "ours", {"numbers": COUNTED.replace("30\n", "thirty\n")})
        number = patches.add(mailed_hash(work, ours))
        gits.git(work, "reset", "--quiet", "--hard", "origin/main")
        commit(work, "theirs", {"numbers": f"0\n0\n{COUNTED}"})
        gits.git(work, "cherry-pick", ours)
        rebased = gits.git(work, "rev-parse", "HEAD")
        push("main")
        assert patches.accepted() == {number: rebased}

    def test_the_branch_decides_the_state(self, patches, work, push):
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        states = "refs/heads/next:Under Review\nrefs/heads/stable-*:Accepted\nrefs/heads/*:Rejected"
        push("main:next", STATE_MAP=states)
        assert [patch["state"] for patch in patches.known.values()] == ["under-review"]
        push("main:stable-1", STATE_MAP="refs/heads/stable-*:Accepted")
        assert patches.accepted() == {number: first}

    def test_other_branches_and_tags_do_nothing(self, patches, work, push):
        commit(work, "one", {"count.txt": "one\n"})
        gits.git(work, "tag", "v1")
        push("main:topic", "v1")
        assert patches.asked_for() == []

    def test_what_was_on_a_topic_branch_counts_when_it_is_merged(self, patches, work, push):
        gits.git(work, "checkout", "--quiet", "-b", "topic")
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("topic")
        gits.git(work, "checkout", "--quiet", "main")
        commit(work, "aside", {"greeting.txt": "bye\n"})
        gits.git(work, "merge", "--no-edit", "topic")
        push("main")
        assert patches.accepted() == {number: first}
        assert len(patches.asked_for()) == 2

    def test_a_new_branch_brings_only_what_is_new(self, patches, work, push):
        commit(work, "one", {"count.txt": "one\n"})
        push("main")
        commit(work, "two", {"greeting.txt": "bye\n"})
        push("HEAD:stable", STATE_MAP="refs/heads/main:Accepted\nrefs/heads/stable:Accepted")
        assert len(patches.asked_for()) == 2

    def test_two_new_branches_at_once(self, patches, work, push):
        """What both bring is new in both, and not hidden in one by the other."""
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main:x-1", "main:x-2", STATE_MAP="refs/heads/x-*:Accepted\nrefs/heads/main:Accepted")
        assert patches.accepted() == {number: first}

    def test_a_deleted_branch(self, patches, work, push):
        push("main:stable", STATE_MAP="refs/heads/stable:Accepted")
        asked = patches.asked_for()
        push("--delete", "stable", STATE_MAP="refs/heads/stable:Accepted")
        assert patches.asked_for() == asked

    def test_a_forced_push_moves_the_commit(self, patches, work, push):
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main")
        gits.git(work, "commit", "--quiet", "--amend", "--message=better words")
        amended = gits.git(work, "rev-parse", "HEAD")
        push("--force", "main")
        assert patches.accepted() == {number: amended} != {number: first}

    def test_commits_of_others_are_passed_over(self, patches, work, push):
        gits.git(work, "checkout", "--quiet", "-b", "upstream")
        theirs = commit(work, "theirs", {"count.txt": "one\n"})
        patches.add(mailed_hash(work, theirs))
        push("upstream", STATE_MAP="refs/heads/*:Accepted")
        gits.git(work, "checkout", "--quiet", "main")
        ours = commit(work, "ours", {"greeting.txt": "bye\n"})
        number = patches.add(mailed_hash(work, ours))
        gits.git(work, "merge", "--no-edit", "upstream")
        push("main")
        assert patches.accepted() == {number: ours}

    def test_an_empty_commit(self, patches, work, push):
        empty = commit(work, "nothing", {})
        assert f"{empty}: changes nothing" in push("main")

    def test_hundreds_of_commits(self, patches, work, push, environment):
        """The import is a stream of commits, as git has them."""
        stream = "".join(
            f"commit refs/heads/main\nmark :{n + 1}\n"
            f"committer A <a@example.org> {1700000000 + n} +0000\ndata 1\nx\n"
            + ("from refs/heads/main^0\n" if n == 0 else f"from :{n}\n")
            + f"M 100644 inline file-{n}\ndata {len(str(n))}\n{n}\n"
            for n in range(200)
        )
        gits.git(work, "fast-import", "--quiet", stdin=stream.encode())
        newest = gits.git(work, "rev-parse", "main")
        number = patches.add(mailed_hash(work, newest))
        push("main")
        assert len(patches.asked_for()) == 200
        assert patches.accepted() == {number: newest}

    def test_the_import_of_a_history_changes_nothing(self, patches, work, push):
        for number in range(3):
            commit(work, "more", {"count.txt": f"{number}\n"})
        said = push("main", MOST_COMMITS="2")
        assert "refs/heads/main: more than 2 commits" in said
        assert patches.asked_for() == []


class TestTrouble:
    def test_a_push_does_not_wait(self, patches, work, push, tracker, environment):
        """It ends while the server still thinks; the log tells what came of it."""
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main", BACKGROUND="yes")
        tracker.wait_for("PATCH", f"/api/patches/{number}/")
        assert (work.parent / "server.git" / "patchwork-hook.log").exists()

    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_a_server_in_trouble_blocks_nothing(self, patches, work, push, tracker, client):
        commits = [commit(work, "more", {"count.txt": f"{number}\n"}) for number in range(5)]
        tracker.at("/api/patches/", {"detail": "\x1b[2JBusy.\n"}, status=503)
        said = push("main", CLIENT=client).splitlines()
        for line, name in zip(said[:3], commits[:3], strict=True):
            assert line.startswith(f"{name}: failed: ")
            assert "503" in line
            assert "Busy." in line
        assert [line.split(",")[0] for line in said[3:5]] == [
            f"{name}: given up" for name in commits[3:]
        ]
        assert len(patches.asked_for()) == 3
        assert gits.git(work.parent / "server.git", "rev-parse", "main") == commits[-1]

    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_a_wrong_token_is_told(self, patches, work, push, client):
        first, second = (commit(work, "more", {"count.txt": f"{n}\n"}) for n in range(2))
        number = patches.add(mailed_hash(work, first))
        gits.git(work.parent / "server.git", "config", "patchwork.default.token", "wrong")
        failed, found = push("main", CLIENT=client).splitlines()[:2]
        assert re.match(rf"{first}: failed: .*\b403\b.*Who are you\?", failed), failed
        assert found == f"{second}: no patch has this diff"
        assert patches.accepted() == {}
        assert [patch["id"] for patch in patches.known.values()] == [number]

    def test_a_page_in_html_does_not_fill_the_log(self, patches, work, push, tracker):
        first = commit(work, "one", {"count.txt": "one\n"})
        page = b"<html>\n<h1>Bad gateway</h1>\n" * 100
        tracker.at("/api/patches/", page, status=502, headers={"Content-Type": "text/html"})
        assert f"{first}: failed: the server says 502\n" in push("main")

    @pytest.mark.parametrize("client", ["curl", "git-pw"])
    def test_nobody_answers(self, patches, work, push, client):
        first = commit(work, "one", {"count.txt": "one\n"})
        with trackers.serving() as gone:
            gits.git(work.parent / "server.git", "config", "patchwork.default.url", gone.url)
        said = push("main", CLIENT=client)
        assert re.match(rf"{first}: failed: .*(connect|refused)", said), said

    def test_a_server_that_has_moved(self, patches, work, push, tracker):
        """An answer that is none is not taken for an empty list."""
        first = commit(work, "one", {"count.txt": "one\n"})
        elsewhere = {"Location": "https://patchwork.example.org/api/patches/"}
        tracker.at("/api/patches/", b"", status=301, headers=elsewhere)
        assert f"{first}: failed: the server says 301\n" in push("main")

    def test_no_configuration_at_all(self, patches, work, push):
        commit(work, "one", {"count.txt": "one\n"})
        gits.git(work.parent / "server.git", "config", "--remove-section", "patchwork.default")
        assert "patchwork.default.url is not set" in push("main")
        assert patches.asked_for() == []

    def test_pwclient_where_nothing_else_is(self, patches, work, push, environment, tmp_path):
        """It looks for the hash by itself."""
        asked = tmp_path / "asked"
        pwclient = Path(environment["HOME"], "bin", "pwclient")
        pwclient.write_text(f'#!/bin/sh\nprintf "<%s>" "$@" >> {asked}\n')
        pwclient.chmod(0o755)
        first = commit(work, "one", {"count.txt": "one\n"})
        push("main", CLIENT="pwclient")
        expected = f"<update><-p><list><-s><Accepted><-c><{first}><-h><{mailed_hash(work, first)}>"
        assert asked.read_text() == expected

    def test_the_token_is_on_no_command_line(self, patches, work, push, environment, tmp_path):
        asked = tmp_path / "asked"
        curl = Path(environment["HOME"], "bin", "curl")
        curl.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nexec {shutil.which("curl")} "$@"\n')
        curl.chmod(0o755)
        first = commit(work, "one", {"count.txt": "one\n"})
        number = patches.add(mailed_hash(work, first))
        push("main")
        assert patches.accepted() == {number: first}
        assert "sesame" not in asked.read_text()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_any_shell_can_read_it(shell):
    ended = subprocess.run([shell, "-n", HOOK], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
