# SPDX-License-Identifier: GPL-2.0-or-later
"""Installations that mail comes in to: over a socket, and through a pipe."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks import site as sites
from benchmarks.servers import Server
from benchmarks.site import ROOT, Failed, installed

PARSEMAIL = ROOT / "patchwork" / "bin" / "parsemail.sh"
ACCOUNT = "benchmark"
PASSWORD = "benchmark"


@dataclass(frozen=True)
class Site(sites.Site):
    inside: ClassVar[str] = "benchmarks.ingest.inside"

    @property
    def socket(self) -> Path:
        return self.directory / "lmtpd.sock"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"PATCHWORK_LMTP_SOCKET": str(self.socket)}

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
    with installed(Site, server, copy_of) as (made, copied):
        (made.directory / "static").mkdir()
        if not copied:
            made.ask("prepare", account=ACCOUNT, password=PASSWORD)
        yield made
