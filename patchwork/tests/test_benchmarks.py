# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks still run. What they measure is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def benchmark(name: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ingest", "The whole archive into an empty database"),
        ("jobs", "One job at a time for an idle worker"),
        ("api", "Words in names"),
    ],
)
def test_help_tells_the_parts(name, words):
    assert words in benchmark(name, "--help")


def test_an_archive_that_is_not_there_is_said_to_be_so():
    assert "--synthetic" in benchmark("ingest", "--archive", "/nowhere.mbox", "archive")


@pytest.mark.slow
def test_small_archives_can_be_measured():
    said = benchmark(
        "ingest",
        *("--synthetic", "60", "--repeat", "1", "--mails", "20"),
        *("archive", "single", "lmtp"),
    )
    assert "10 of 10" in said
    assert "40 of 40" in said


@pytest.mark.slow
def test_a_few_jobs_can_be_measured():
    said = benchmark(
        "jobs",
        *("--repeat", "1", "--jobs", "40", "--singles", "3", "--mails", "5"),
        *("--fill", "100", "--blocked", "20", "--worn", "20"),
        *("enqueue", "latency", "full", "mails"),
    )
    assert "1,000 by enqueue_many, keyed" in said
    assert "3 jobs" in said
    assert "100 done" in said
    assert "mails/s" in said


def test_a_broker_that_is_not_there_is_said_to_be_so():
    said = benchmark("jobs", "--brokers", "amqp://127.0.0.1:1//", "--", "celery")
    assert "left out: nobody answers at amqp://127.0.0.1:1//" in said


@pytest.mark.slow
def test_programs_can_be_answered():
    said = benchmark("api", "--patches", "300", "--requests", "2")
    assert "patches, last by cursor" in said
    assert "bundle of 50" in said
    assert "events, all names" in said
