# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure how fast mail comes in. Prints figures; judges none of them."""

from __future__ import annotations

import argparse
import inspect
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ingest import delivering, importing, machine, serving
from benchmarks.ingest.bench import Bench
from benchmarks.ingest.machine import Figure
from benchmarks.ingest.mails import synthetic_archive
from benchmarks.ingest.servers import MariaDB, PostgreSQL, Server, Sqlite, Unreachable
from benchmarks.ingest.site import ROOT

CORPUS = ROOT.parent / "shared" / "corpus" / "corpus-5k.mbox.xz"

PARTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "archive": importing.archive,
    "single": importing.single,
    "lmtp": delivering.lmtp,
    "parsemail": delivering.parsemail,
    "parallel": delivering.parallel,
    "full": importing.full,
    "web": serving.web,
}
DATABASES = ("sqlite", "postgresql", "mariadb")


def parser() -> argparse.ArgumentParser:
    parts = "\n".join(f"  {name:<11}{inspect.getdoc(part)}" for name, part in PARTS.items())
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest",
        description=f"{__doc__}\n\nparts:\n{parts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("parts", nargs="*", metavar="part", help="what to measure (default: all)")
    add("--database", choices=[*DATABASES, "all"], default="sqlite", help="default: sqlite")
    add("--archive", type=Path, default=CORPUS, metavar="PATH", help="default: %(default)s")
    add("--synthetic", type=int, metavar="N", help="make an archive of N mails instead")
    add("--repeat", type=int, default=3, metavar="N", help="runs of cheap parts (default: 3)")
    add("--mails", type=int, default=1500, metavar="N", help="in single, lmtp (default: 1500)")
    add("--connections", type=int, default=4, metavar="N", help="in lmtp (default: 4)")
    add("--fill", type=int, default=100_000, metavar="N", help="patches in full (default: 100000)")
    add("--seconds", type=float, default=30, metavar="N", help="in web, at most (default: 30)")
    add(
        "--quiet-below",
        type=float,
        default=1.3,
        metavar="LOAD",
        help="a part begins when the load is below it (default: 1.3)",
    )
    add(
        "--patience",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long to wait for that (default: 0)",
    )
    add(
        "--postgresql",
        default="postgresql://patchwork:password@127.0.0.1",
        metavar="URL",
        help="of a user who may create databases (default: %(default)s)",
    )
    add(
        "--mariadb",
        default="mysql://patchwork:password@127.0.0.1",
        metavar="URL",
        help="likewise (default: %(default)s)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser().error(f"no such part: {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pw-benchmark-")))
        if options.synthetic:
            options.archive = synthetic_archive(directory / "synthetic.mbox", options.synthetic)
        if not options.archive.exists():
            print(f"{options.archive} is not there; name another --archive, or --synthetic 5000")
            return 0
        measure(options, directory)
    return 0


def measure(options: argparse.Namespace, directory: Path) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}")
    servers: dict[str, Server] = {
        "sqlite": Sqlite(directory),
        "postgresql": PostgreSQL(options.postgresql),
        "mariadb": MariaDB(options.mariadb),
    }
    for name in DATABASES if options.database == "all" else [options.database]:
        try:
            print(f"\n{servers[name].version()}, {options.archive.name}")
        except Unreachable as error:
            print(f"\n{name}: left out, {error}")
            continue
        bench = Bench(
            servers[name],
            options.archive.absolute(),
            options.repeat,
            options.mails,
            options.connections,
            options.fill,
            options.seconds,
        )
        for part in PARTS:
            if not options.parts or part in options.parts:
                measure_part(bench, part, options)


def measure_part(bench: Bench, part: str, options: argparse.Namespace) -> None:
    if part == "web" and bench.server.name != "sqlite":
        print(f"{part:<10} left out: only SQLite has a lock that all writers share")
        return
    before = machine.wait_until_quiet(options.quiet_below, options.patience)
    print(f"{part:<10} (load {before:.1f})")
    for figure in PARTS[part](bench):
        print(f"           {figure.name + ':':<28} {figure.value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
