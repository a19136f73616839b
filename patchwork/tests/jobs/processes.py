# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers as they are in real life: processes, which can be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patchwork.jobs.models import UNFINISHED, Job
from patchwork.tests.ingest.installation import PATIENCE, ROOT, Installation

MANAGE = (sys.executable, str(ROOT / "manage.py"))
_UNFINISHED = ", ".join(f"'{state.value}'" for state in UNFINISHED)


def unfinished(installation: Installation) -> int:
    return installation.count(Job, f"state IN ({_UNFINISHED})")


def start_worker(installation: Installation, *arguments: str) -> subprocess.Popen[str]:
    """A worker that looks for jobs already."""
    worker = subprocess.Popen(
        [*MANAGE, "worker", *arguments],
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=(installation.path / "worker.log").open("a"),
        text=True,
        # So that it can be killed with all that it has started.
        start_new_session=True,
    )
    assert worker.stdout
    assert "is waiting for jobs" in worker.stdout.readline(), log_of(installation)
    return worker


@contextmanager
def worker(installation: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A worker for a while; it leaves in good order, unless it is gone by then."""
    process = start_worker(installation, *arguments)
    with process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        finally:
            process.kill()


def log_of(installation: Installation) -> str:
    return (installation.path / "worker.log").read_text()


class Trace:
    """What jobs have said that they did, in the order in which they did it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()]

    def tell(self) -> None:
        """Let ``chores.leave_trace_when_told`` come to its end."""
        Path(f"{self.path}.told").touch()

    def ended(self) -> int:
        """How many different jobs have come to their end."""
        return len({number for word, _, number in self.lines() if word == "end"})

    def has_ended(self, jobs: int) -> bool:
        return self.ended() >= jobs

    def doubles(self) -> int:
        """How often a job was begun that had been begun before."""
        begun = [number for word, _, number in self.lines() if word == "begin"]
        return len(begun) - len(set(begun))

    def disorder(self) -> list[str]:
        """Where, within a key, a job ran beside another one, or after one that was queued later."""
        last: dict[str, tuple[str, int]] = defaultdict(lambda: ("end", -1))
        wrong = []
        for word, key, number in self.lines():
            before, latest = last[key]
            # One that was killed begins again; any other one waits for the end of the latest.
            fine = (
                int(number) == latest
                if word == "end" or before == "begin"
                else int(number) >= latest
            )
            if not fine:
                wrong.append(f"key {key}: {word} {number} after {before} {latest}")
            last[key] = (word, int(number))
        return wrong
