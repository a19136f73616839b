# SPDX-License-Identifier: GPL-2.0-or-later
"""Installations that are measured: a database, a directory, and real processes on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from benchmarks.servers import Server

ROOT = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """A process did not do its work; the message is what it said."""


@dataclass(frozen=True)
class Ended:
    """What a process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


@dataclass(frozen=True)
class Site:
    """An installation."""

    server: Server
    database: str
    directory: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What is not as ``benchmarks.settings`` says."""

    inside: ClassVar[str]
    """The module that answers questions in a process of its own."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "DATABASE_URL": self.server.url(self.database),
            "PW_BENCHMARK_DIRECTORY": str(self.directory),
            "PW_BENCHMARK_SETTINGS": json.dumps(dict(self.settings)),
        }

    def manage(self, *arguments: str) -> Ended:
        """A management command, from its start to its end."""
        return self.run([sys.executable, str(ROOT / "manage.py"), *arguments])

    def ask(self, question: str, **arguments: Any) -> Any:
        """What ``inside`` answers."""
        command = [sys.executable, "-m", self.inside, question]
        return json.loads(self.run([*command, json.dumps(arguments)]).output.splitlines()[-1])

    def run(self, command: list[str]) -> Ended:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            began = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=errors
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            if process.returncode:
                raise Failed(f"{command}: {errors.read().decode('utf-8', 'replace')[-4000:]}")
            cpu = usage.ru_utime + usage.ru_stime
            return Ended(seconds, cpu, usage.ru_maxrss / 1024, output.read().decode())


AnySite = TypeVar("AnySite", bound=Site)


@contextmanager
def installed(
    kind: type[AnySite],
    server: Server,
    copy_of: AnySite | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[tuple[AnySite, bool]]:
    """A new installation, and whether it has the content of the other one; else it has none."""
    directory = Path(tempfile.mkdtemp(prefix="pw-benchmark-"))
    try:
        with server.database(copy_of.database if copy_of else None) as (database, copied):
            yield kind(server, database, directory, settings or {}), copied
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def peak_mb(pid: int) -> float:
    """The most memory that a running process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
