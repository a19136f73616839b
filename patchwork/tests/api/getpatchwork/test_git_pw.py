# SPDX-License-Identifier: GPL-2.0-or-later
"""The git-pw that this family's users have, unchanged, against the server itself.

It lives in an environment of its own, which is made once and kept with pytest's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from patchwork.bundles.models import Bundle
from patchwork.ingest.receiving import receive_many
from patchwork.people import tokens
from patchwork.people.models import Scope
from patchwork.tests import gits
from patchwork.tests.api.getpatchwork.conftest import Tracked, patch_of
from patchwork.tests.letters import patch as patch_mail
from patchwork.tracking.models import Patch

CLIENT = "git-pw==2.9.0"
TREE = {"file.c": "context\ncontext\n"}

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

GitPw = Callable[..., str]


@pytest.fixture(scope="module")
def client_path(pytestconfig: pytest.Config) -> Path:
    """Where git-pw is."""
    assert pytestconfig.cache is not None
    home = pytestconfig.cache.mkdir("peers") / CLIENT
    program = home / "bin" / "git-pw"
    commands: tuple[list[str | Path], ...] = (
        [sys.executable, "-m", "venv", home],
        [home / "bin" / "python", "-m", "pip", "install", "--quiet", CLIENT],
    )
    for command in commands:
        if not program.exists():
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode != 0:
                pytest.skip(f"{CLIENT} cannot be installed here: {made.stderr[-500:]}")
    return program


@pytest.fixture
def git_pw(client_path: Path, live_server, tracked: Tracked, tmp_path: Path) -> GitPw:
    """Runs git-pw in a repository, as the project's maintainer."""
    work = tmp_path / "work"
    work.mkdir()
    gits.init(work, TREE)
    _, secret = tokens.issue(tracked.maintainer, "git-pw", scope=Scope.WRITE)
    environment = {
        **os.environ,
        "PW_SERVER": f"{live_server.url}/api/1.2",
        "PW_PROJECT": tracked.project.linkname,
        "PW_TOKEN": secret,
        "HOME": str(tmp_path),
        "GIT_AUTHOR_NAME": "Maria",
        "GIT_AUTHOR_EMAIL": "maria@example.org",
        "GIT_COMMITTER_NAME": "Maria",
        "GIT_COMMITTER_EMAIL": "maria@example.org",
    }

    def run(*arguments: object) -> str:
        ended = subprocess.run(
            [client_path, *map(str, arguments)],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def listed(output: str) -> list[int]:
    """The ids of a list in the form called simple."""
    return [int(line.split()[0]) for line in output.splitlines()[2:] if line.strip()]


def test_lists(git_pw: GitPw, tracked: Tracked):
    simple = ("--format", "simple")
    waiting = {tracked.two.pk, tracked.fix.pk}
    assert set(listed(git_pw("patch", "list", "--state", "new", *simple))) == waiting
    found = listed(git_pw("patch", "list", "--state", "New", "--delegate", "MARIA", *simple))
    assert found == [tracked.two.pk]
    found = listed(git_pw("patch", "list", "--state", "new", "--state", "accepted", *simple))
    assert set(found) == waiting | {tracked.one.pk}
    hashes = ("--hash", tracked.two.hash, "--hash", tracked.fix.hash)
    assert set(listed(git_pw("patch", "list", *hashes, *simple))) == waiting
    found = listed(git_pw("patch", "list", "--submitter", "carl@example.org", *simple))
    assert found == [tracked.fix.pk]
    assert listed(git_pw("patch", "list", "--delegate", "maria", *simple)) == [tracked.two.pk]
    assert listed(git_pw("patch", "list", *simple, "it")) == [tracked.fix.pk]
    assert len(listed(git_pw("series", "list", "--limit", "1", *simple))) == 1
    assert listed(git_pw("series", "list", *simple, "feature")) == [tracked.series.pk]
    assert listed(git_pw("bundle", "list", *simple)) == [tracked.bundle.pk]


def test_one_thing(git_pw: GitPw, tracked: Tracked):
    shown = git_pw("patch", "show", tracked.one.pk)
    for part in ("[1/2] One", "Alice", "accepted", "Feature"):
        assert part in shown
    shown = git_pw("series", "show", tracked.series.pk)
    for part in ("Feature", "[0/2] Feature", "[1/2] One", "[2/2] Two"):
        assert part in shown
    assert "For you" in git_pw("bundle", "show", tracked.bundle.pk)


def test_patches_are_applied(git_pw: GitPw, tracked: Tracked, tmp_path: Path):
    receive_many([patch_mail("[PATCH] Apply me", msgid="<apply@example.org>")])
    git_pw("patch", "apply", patch_of("apply").pk)
    log = gits.git(tmp_path / "work", "log", "-1", "--format=%an: %s")
    assert log.strip() == "Alice: Apply me"
    series = patch_of("apply").mail.posting_id
    gits.git(tmp_path / "work", "reset", "--quiet", "--hard", "HEAD~1")
    git_pw("series", "apply", series)
    log = gits.git(tmp_path / "work", "log", "-1", "--format=%an: %s")
    assert log.strip() == "Alice: Apply me"


def test_patches_are_downloaded(git_pw: GitPw, tracked: Tracked, tmp_path: Path):
    """Under the name that the server gives."""
    saved = tmp_path / "saved"
    saved.mkdir()
    for kind, pk, name in (
        ("patch", tracked.one.pk, "1-2-One.patch"),
        ("series", tracked.series.pk, "Feature-rev1.mbox"),
        ("bundle", tracked.bundle.pk, "For-you.mbox"),
    ):
        git_pw(kind, "download", pk, saved)
        assert "[1/2] One" in (saved / name).read_text()


def test_patches_are_changed(git_pw: GitPw, tracked: Tracked):
    git_pw("patch", "update", "--state", "under-review", "--archived", "true", tracked.two.pk)
    git_pw("patch", "update", "--delegate", "maria", "--commit-ref", "abc123", tracked.fix.pk)
    two, fix = Patch.objects.get(pk=tracked.two.pk), Patch.objects.get(pk=tracked.fix.pk)
    assert (two.state.slug, two.archived) == ("under-review", True)
    assert (fix.delegate, fix.commit_ref) == (tracked.maintainer, "abc123")


def test_bundles(git_pw: GitPw, tracked: Tracked, tmp_path: Path):
    git_pw("bundle", "create", "--public", "Mine", tracked.one.pk, tracked.two.pk)
    bundle = Bundle.objects.get(name="Mine")
    assert bundle.public
    git_pw("bundle", "add", bundle.pk, tracked.fix.pk)
    git_pw("bundle", "remove", bundle.pk, tracked.one.pk)
    entries = bundle.entries.order_by("order").values_list("patch_id", flat=True)
    assert set(entries) == {tracked.two.pk, tracked.fix.pk}
    git_pw("bundle", "update", "--name", "Ours", "--private", bundle.pk)
    bundle.refresh_from_db()
    assert (bundle.name, bundle.public) == ("Ours", False)
    file = tmp_path / "bundle.mbox"
    git_pw("bundle", "download", bundle.pk, file)
    assert "Fix it" in file.read_text()
    git_pw("bundle", "delete", bundle.pk)
    assert not Bundle.objects.filter(pk=bundle.pk).exists()
