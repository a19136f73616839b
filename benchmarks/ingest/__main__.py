# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure how fast mail comes in. Prints figures; judges none of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import Benchmark
from benchmarks.ingest import delivering, importing, serving
from benchmarks.ingest.bench import Bench
from benchmarks.ingest.mails import synthetic_archive
from benchmarks.servers import Server
from benchmarks.site import ROOT

CORPUS = ROOT.parent / "shared" / "corpus" / "corpus-5k.mbox.xz"

BENCHMARK: Benchmark[Bench] = Benchmark(
    "ingest",
    __doc__,
    {
        "archive": importing.archive,
        "single": importing.single,
        "lmtp": delivering.lmtp,
        "parsemail": delivering.parsemail,
        "parallel": delivering.parallel,
        "full": importing.full,
        "web": serving.web,
    },
)


def parser() -> argparse.ArgumentParser:
    made = BENCHMARK.parser()
    add = made.add_argument
    add("--archive", type=Path, default=CORPUS, metavar="PATH", help="default: %(default)s")
    add("--synthetic", type=int, metavar="N", help="make an archive of N mails instead")
    add("--mails", type=int, default=1500, metavar="N", help="in single, lmtp (default: 1500)")
    add("--connections", type=int, default=4, metavar="N", help="in lmtp (default: 4)")
    add("--fill", type=int, default=100_000, metavar="N", help="patches in full (default: 100000)")
    add("--seconds", type=float, default=30, metavar="N", help="in web, at most (default: 30)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = BENCHMARK.options(parser(), arguments)
    with tempfile.TemporaryDirectory(prefix="pw-benchmark-") as name:
        directory = Path(name)
        if options.synthetic:
            options.archive = synthetic_archive(directory / "synthetic.mbox", options.synthetic)
        if not options.archive.exists():
            print(f"{options.archive} is not there; name another --archive, or --synthetic 5000")
            return 0

        def bench(server: Server) -> Bench:
            return Bench(
                server,
                options.archive.absolute(),
                options.repeat,
                options.mails,
                options.connections,
                options.fill,
                options.seconds,
            )

        BENCHMARK.measure(options, directory, bench, options.archive.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
