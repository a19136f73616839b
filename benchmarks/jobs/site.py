# SPDX-License-Identifier: GPL-2.0-or-later
"""Installations whose jobs are done by real workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks import site as sites
from benchmarks.servers import Server
from benchmarks.site import ROOT, Failed, installed

SETTLING_SECONDS = 2
"""Workers that wait for jobs look for what recurs first, and do that."""


@dataclass(frozen=True)
class Site(sites.Site):
    inside: ClassVar[str] = "benchmarks.jobs.inside"

    @contextmanager
    def workers(self, count: int) -> Iterator[None]:
        """So many of the built-in ones, idle."""
        command = [sys.executable, str(ROOT / "manage.py"), "worker"]
        with ExitStack() as stack:
            for process in [stack.enter_context(self.process(command)) for _ in range(count)]:
                assert process.stdout is not None
                if "is waiting for jobs" not in process.stdout.readline():
                    raise Failed(f"a worker does not work: {self.log()}")
            time.sleep(SETTLING_SECONDS)
            yield

    @contextmanager
    def process(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """One that runs beside us; told to stop, it has half a minute to leave in good order."""
        with (
            (self.directory / "processes.log").open("a") as log,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                process.wait(30)
            finally:
                process.kill()

    def log(self) -> str:
        """The end of what these processes have said."""
        return (self.directory / "processes.log").read_text()[-4000:]


@contextmanager
def site(server: Server, copy_of: Site | None = None, **settings: Any) -> Iterator[Site]:
    """A new installation without jobs, or with those of another one where databases are copied."""
    with installed(Site, server, copy_of, settings) as (made, copied):
        if not copied:
            made.ask("prepare")
        yield made
