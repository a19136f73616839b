# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patchwork.tests import gits
from patchwork.tests.clients import trackers
from patchwork.tests.clients.trackers import Tracker

ROOT = Path(__file__).resolve().parents[3]
GIT_PW = ROOT / "git-pw" / "git-pw"

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """A server that does not speak yet."""
    with trackers.serving() as server:
        yield server


@pytest.fixture
def freedesktop(tracker: Tracker) -> Tracker:
    """A server that speaks this dialect alone."""
    trackers.speak_freedesktop(tracker)
    return tracker


@pytest.fixture
def getpatchwork(tracker: Tracker) -> Tracker:
    """A server that speaks this dialect alone."""
    trackers.speak_old_getpatchwork(tracker)
    return tracker


@pytest.fixture
def both(tracker: Tracker) -> Tracker:
    """A server that speaks both."""
    trackers.speak_getpatchwork(tracker)
    trackers.speak_freedesktop(tracker)
    return tracker


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a command finds: a home of its own, and nobody at the keyboard."""
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "git-pw").symlink_to(GIT_PW)
    return {
        "PATH": f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Tests",
        "GIT_AUTHOR_EMAIL": "tests@example.org",
        "GIT_COMMITTER_NAME": "Tests",
        "GIT_COMMITTER_EMAIL": "tests@example.org",
    }


@pytest.fixture
def clone(tmp_path: Path, tracker: Tracker) -> Path:
    """A repository that is set up for the server."""
    repository = tmp_path / "clone"
    repository.mkdir()
    gits.init(repository, trackers.TREE)
    gits.git(repository, "config", "patchwork.default.url", tracker.url)
    gits.git(repository, "config", "patchwork.default.project", "list")
    return repository


@pytest.fixture
def pw(clone: Path, environment: dict[str, str]) -> Callable[..., Ended]:
    """``git pw`` with these arguments, in the repository."""

    def run(*arguments: str, text: str = "", directory: Path = clone, **more: str) -> Ended:
        return subprocess.run(
            ["git", "pw", *arguments],
            cwd=directory,
            env={**environment, **more},
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
