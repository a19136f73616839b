# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of a benchmark: its parts, on the databases that somebody wants to see."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks import machine
from benchmarks.machine import Figure
from benchmarks.servers import MariaDB, PostgreSQL, Server, Sqlite, Unreachable

DATABASES = ("sqlite", "postgresql", "mariadb")

Bench = TypeVar("Bench")


class LeftOut(Exception):
    """Raised by a part that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Benchmark(Generic[Bench]):
    """A program that measures."""

    name: str
    about: str
    parts: Mapping[str, Callable[[Bench], Iterator[Figure]]]

    def parser(self) -> argparse.ArgumentParser:
        """With the options that all benchmarks have."""
        width = max(map(len, self.parts)) + 2
        parts = "\n".join(
            f"  {name:<{width}}{inspect.getdoc(part)}" for name, part in self.parts.items()
        )
        made = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}",
            description=f"{self.about}\n\nparts:\n{parts}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add = made.add_argument
        add("parts", nargs="*", metavar="part", help="what to measure (default: all)")
        add("--database", choices=[*DATABASES, "all"], default="sqlite", help="default: sqlite")
        add("--repeat", type=int, default=3, metavar="N", help="runs of cheap parts (default: 3)")
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

    def options(
        self, parser: argparse.ArgumentParser, arguments: Sequence[str] | None
    ) -> argparse.Namespace:
        options = parser.parse_args(arguments)
        unknown = set(options.parts) - self.parts.keys()
        if unknown:
            parser.error(f"no such part: {', '.join(sorted(unknown))}")
        return options

    def measure(
        self,
        options: argparse.Namespace,
        directory: Path,
        bench: Callable[[Server], Bench],
        subject: str,
    ) -> None:
        """Print the figures of all parts that were asked for."""
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}")
        servers: dict[str, Server] = {
            "sqlite": Sqlite(directory),
            "postgresql": PostgreSQL(options.postgresql),
            "mariadb": MariaDB(options.mariadb),
        }
        for name in DATABASES if options.database == "all" else [options.database]:
            try:
                print(f"\n{servers[name].version()}, {subject}")
            except Unreachable as error:
                print(f"\n{name}: left out, {error}")
                continue
            given = bench(servers[name])
            for part in self.parts:
                if not options.parts or part in options.parts:
                    self._measure_part(part, given, options)

    def _measure_part(self, part: str, bench: Bench, options: argparse.Namespace) -> None:
        before = machine.wait_until_quiet(options.quiet_below, options.patience)
        print(f"{part:<10} (load {before:.1f})")
        try:
            for figure in self.parts[part](bench):
                print(f"           {figure.name + ':':<28} {figure.value}", flush=True)
        except LeftOut as error:
            print(f"           left out: {error}")
