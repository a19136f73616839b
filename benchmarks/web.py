# SPDX-License-Identifier: GPL-2.0-or-later
"""The web server of an installation, as the documentation advises it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.site import ROOT, Failed, Site

HOST = "127.0.0.1"


@contextmanager
def gunicorn(place: Site, application: str = "patchwork.wsgi") -> Iterator[int]:
    """Two processes on a free port, which is answered."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    (place.directory / "static").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "gunicorn", f"{application}:application"]
    options = ["--workers=2", "--worker-class=gthread", "--threads=4", f"--bind={HOST}:{port}"]
    with subprocess.Popen(
        [*command, *options, "--log-level=warning"], cwd=ROOT, env=place.environment
    ) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with socket.create_connection((HOST, port)):
                return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise Failed("gunicorn does not answer")
