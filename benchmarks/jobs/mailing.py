# SPDX-License-Identifier: GPL-2.0-or-later
"""The part that sends mail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.jobs.bench import Bench
from benchmarks.jobs.site import site
from benchmarks.machine import Figure, median
from benchmarks.site import ROOT


def mails(bench: Bench) -> Iterator[Figure]:
    """Mails of the outbox to a mail server that takes all of them: one worker."""
    with sink() as port, site(bench.server, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port) as place:
        with place.workers(1):
            runs = [place.ask("mails", mails=bench.mails) for _ in range(bench.repeat)]
        costs = place.ask("mails_in_process", mails=bench.mails)
    spread = ", ".join(f"{run:,.0f}" for run in runs)
    yield Figure("1 worker", f"{median(runs):,.0f} mails/s ({spread})")
    yield Figure("a mail", f"CPU {costs['cpu']:.2f} ms, SQL {costs['statements']:.2f}")


@contextmanager
def sink() -> Iterator[int]:
    """A mail server for a while; its port."""
    command = [sys.executable, "-m", "benchmarks.jobs.sink"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()
