# SPDX-License-Identifier: GPL-2.0-or-later
"""Installations that are measured: a database, a spool and a socket, and real processes on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ingest.servers import Server

ROOT = Path(__file__).resolve().parents[2]
PARSEMAIL = ROOT / "patchwork" / "bin" / "parsemail.sh"
ACCOUNT = "benchmark"
PASSWORD = "benchmark"


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

    @property
    def socket(self) -> Path:
        return self.directory / "lmtpd.sock"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "benchmarks.ingest.settings",
            "DATABASE_URL": self.server.url(self.database),
            "PW_BENCHMARK_DIRECTORY": str(self.directory),
            "PATCHWORK_LMTP_SOCKET": str(self.socket),
        }

    def manage(self, *arguments: str) -> Ended:
        """A management command, from its start to its end."""
        return self.run([sys.executable, str(ROOT / "manage.py"), *arguments])

    def ask(self, question: str, **arguments: Any) -> Any:
        """What ``inside`` answers, in a process of its own."""
        command = [sys.executable, "-m", "benchmarks.ingest.inside", question]
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

    def parsemail(self, raw: bytes) -> float:
        """What an MTA does for a mail; answers the seconds it took."""
        began = time.perf_counter()
        done = subprocess.run(
            [str(PARSEMAIL)], input=raw, env=self.environment, capture_output=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise Failed(f"parsemail: {done.returncode}: {done.stderr.decode()}")
        return seconds

    @contextmanager
    def daemon(self) -> Iterator[int]:
        """A running lmtpd; its process id."""
        command = [sys.executable, str(ROOT / "manage.py"), "lmtpd", "--verbosity", "0"]
        with subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                if not process.stdout.readline().startswith("listening on"):
                    raise Failed("lmtpd does not listen")
                yield process.pid
            finally:
                process.terminate()
                process.communicate()


@contextmanager
def site(server: Server, copy_of: Site | None = None) -> Iterator[Site]:
    """A new installation with an empty project, or with the content of another one."""
    directory = Path(tempfile.mkdtemp(prefix="pw-benchmark-"))
    try:
        with server.database(copy_of.database if copy_of else None) as (database, copied):
            made = Site(server, database, directory)
            (directory / "static").mkdir()
            if not copied:
                made.ask("prepare", account=ACCOUNT, password=PASSWORD)
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def peak_mb(pid: int) -> float:
    """The most memory that a running process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
