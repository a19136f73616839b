# SPDX-License-Identifier: GPL-2.0-or-later
"""Real git repositories to apply patches to, deaf to whatever the machine has configured."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Tests",
    "GIT_AUTHOR_EMAIL": "tests@example.org",
    "GIT_COMMITTER_NAME": "Tests",
    "GIT_COMMITTER_EMAIL": "tests@example.org",
}


def git(repository: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """What git answers. A command that fails shows what git said."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env=os.environ | _ALONE,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.stdout.decode().strip()


def init(repository: Path, tree: Mapping[str, str]) -> Path:
    """A repository with one commit that holds this tree."""
    git(repository, "init", "--quiet", "--initial-branch=main")
    for path, content in tree.items():
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=base")
    return repository


def am(repository: Path, mbox: bytes) -> None:
    """Apply an mbox as anybody would: without three-way merging, without mercy."""
    git(repository, "am", "--quiet", stdin=mbox)
