# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure how fast programs are answered. Prints figures; judges none of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.api import asking
from benchmarks.api.bench import Bench
from benchmarks.api.site import filled
from benchmarks.command import Benchmark
from benchmarks.servers import Server
from benchmarks.web import gunicorn

BENCHMARK: Benchmark[Bench] = Benchmark(
    "api",
    __doc__,
    {
        "lists": asking.lists,
        "pages": asking.pages,
        "details": asking.details,
        "mboxes": asking.mboxes,
        "search": asking.search,
        "freedesktop": asking.freedesktop,
    },
)


def parser() -> argparse.ArgumentParser:
    made = BENCHMARK.parser()
    add = made.add_argument
    add("--patches", type=int, default=100_000, metavar="N", help="there are (default: 100000)")
    add("--requests", type=int, default=100, metavar="N", help="of a kind (default: 100)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = BENCHMARK.options(parser(), arguments)
    with tempfile.TemporaryDirectory(prefix="pw-benchmark-") as directory, ExitStack() as stack:

        def bench(server: Server) -> Bench:
            # The database before it is done with.
            stack.close()
            site = stack.enter_context(filled(server, options.patches))
            port = stack.enter_context(gunicorn(site, "benchmarks.api.wsgi"))
            return Bench(port, options.requests, options.patches)

        BENCHMARK.measure(options, Path(directory), bench, f"{options.patches:,} patches")
    return 0


if __name__ == "__main__":
    sys.exit(main())
