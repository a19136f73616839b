# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of others, as people install them: each in an environment of its own, made once."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("PW_TEST_CLIENTS") or Path(tempfile.gettempdir()) / "patchwork-clients")
PATIENCE = 180


def installed(requirement: str) -> Path:
    """Where the commands of a package are; skips the test where it cannot be installed."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    place = CACHE / f"{requirement}-python{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests of other processes may want the same just now.
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            _install(requirement, place)
    return place / "bin"


def _install(requirement: str, place: Path) -> None:
    venv.create(place, clear=True, with_pip=True)
    command = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{requirement} could not be installed within {PATIENCE} seconds")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["pip says nothing"]
        pytest.skip(f"{requirement} cannot be installed: {said[-1]}")
    (place / "complete").touch()
