# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks still run. What they measure is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def benchmark(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.ingest", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_tells_the_parts():
    assert "The whole archive into an empty database" in benchmark("--help")


def test_an_archive_that_is_not_there_is_said_to_be_so():
    assert "--synthetic" in benchmark("--archive", "/nowhere.mbox", "archive")


@pytest.mark.slow
def test_small_archives_can_be_measured():
    said = benchmark(
        *("--synthetic", "60", "--repeat", "1", "--mails", "20"), "archive", "single", "lmtp"
    )
    assert "10 of 10" in said
    assert "40 of 40" in said
