# SPDX-License-Identifier: GPL-2.0-or-later
"""Write a project's mails into an archive."""

from __future__ import annotations

import gzip
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from patchwork.databases import without_query_log
from patchwork.management.by_project import chosen
from patchwork.management.progress import ProgressBar, duration
from patchwork.tracking.archive import Archive

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Write all mails of a project, the oldest first, as an mbox that parsearchive, mutt and "
        "public-inbox read. Each stands there as it came, kept ones included; those that were "
        "deleted, or moved to another project, are left out. A file appears under its name when it "
        "is complete. Taken into an empty database, the archive gives the same series; a project "
        "whose mails came without its List-Id needs parsearchive --list-id."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's link name")
        parser.add_argument(
            "-o",
            "--output",
            default="-",
            metavar="FILE",
            help="where to write; compressed when it ends in .gz (default: '-', standard output)",
        )
        parser.add_argument(
            "--since", type=moment, metavar="DATE", help="mails of this date (UTC) and later ones"
        )
        parser.add_argument(
            "--until", type=moment, metavar="DATE", help="mails before this date (UTC)"
        )
        parser.add_argument("--quiet", action="store_true", help="do not show how far it has come")

    @without_query_log()
    def handle(self, *, project: str, output: str, **options: Any) -> None:
        archive = Archive(chosen([project])[0], options["since"], options["until"])
        quiet = options["quiet"] or options["verbosity"] == 0
        bar = ProgressBar(sys.stderr, 0, "mails", quiet=quiet)
        try:
            with self.opened(output) as out:
                for entry in archive.entries():
                    out.write(entry)
                    bar.update(0, 1, output)
        except KeyboardInterrupt:
            bar.finish()
            self.stderr.write("Interrupted: nothing was written under that name.")
            sys.exit(INTERRUPTED)
        except OSError as error:
            raise CommandError(f"{output}: {error}") from error
        bar.finish()
        if not quiet:
            self.stderr.write(f"{bar.count:,} mails in {duration(bar.elapsed)}", lambda text: text)

    @contextmanager
    def opened(self, file: str) -> Iterator[BinaryIO]:
        if file == "-":
            stream: TextIO = getattr(self.stdout, "_out", sys.stdout)
            yield stream.buffer
            stream.buffer.flush()
            return
        path = Path(file)
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            with unfinished.open("wb") as plain:
                if path.suffix == ".gz":
                    with gzip.GzipFile("", "wb", fileobj=plain) as compressed:
                        yield cast(BinaryIO, compressed)
                else:
                    yield plain
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def moment(text: str) -> datetime:
    """2024-05-01, or 2024-05-01T12:00; UTC unless it says otherwise."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2024-05-01") from None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said
