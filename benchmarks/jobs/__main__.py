# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure how fast work is done that was put off. Prints figures; judges none of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import Benchmark
from benchmarks.jobs import crowded, mailing, messaging, working
from benchmarks.jobs.bench import Bench
from benchmarks.servers import Server

BENCHMARK: Benchmark[Bench] = Benchmark(
    "jobs",
    __doc__,
    {
        "enqueue": working.enqueue,
        "throughput": working.throughput,
        "latency": working.latency,
        "full": crowded.full,
        "celery": messaging.celery,
        "mails": mailing.mails,
    },
)


def parser() -> argparse.ArgumentParser:
    made = BENCHMARK.parser()
    add = made.add_argument
    add("--jobs", type=int, default=5000, metavar="N", help="done at a stretch (default: 5000)")
    add("--singles", type=int, default=200, metavar="N", help="in latency (default: 200)")
    add("--fill", type=int, default=1_000_000, metavar="N", help="in full (default: 1000000)")
    add("--blocked", type=int, default=20_000, metavar="N", help="in full (default: 20000)")
    add("--worn", type=int, default=100_000, metavar="N", help="in full (default: 100000)")
    add("--mails", type=int, default=1000, metavar="N", help="in mails (default: 1000)")
    add(
        "--brokers",
        nargs="+",
        default=["amqp://127.0.0.1//", "redis://127.0.0.1:6379/9"],
        metavar="URL",
        help="in celery (default: %(default)s)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = BENCHMARK.options(parser(), arguments)
    with tempfile.TemporaryDirectory(prefix="pw-benchmark-") as directory:

        def bench(server: Server) -> Bench:
            return Bench(
                server,
                options.repeat,
                options.jobs,
                options.singles,
                options.fill,
                options.blocked,
                options.mails,
                options.brokers,
                options.worn,
            )

        BENCHMARK.measure(options, Path(directory), bench, f"{options.jobs:,} jobs at a stretch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
