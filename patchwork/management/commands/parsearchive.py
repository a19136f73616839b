# SPDX-License-Identifier: GPL-2.0-or-later
"""Take in archives: years of mail of a list at once."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentTypeError, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from patchwork.databases import without_query_log
from patchwork.ingest.archive import Import, Summary
from patchwork.ingest.bookmark import Bookmark
from patchwork.ingest.pacing import Pace
from patchwork.ingest.receiving import TryLater
from patchwork.ingest.sources import NoSource, Source, find
from patchwork.interrupts import told_to_stop
from patchwork.management.progress import ProgressBar, duration

EX_TEMPFAIL = 75
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Take in the mails of archives: mbox files, files with one mail, Maildirs, directories of "
        "them, or '-' for standard input; compressed with gzip, xz or bzip2 if they like. Mails "
        "that are here already are left alone, so an archive can be taken in again at any time. "
        "Nobody is notified of what is imported. Exit codes: 0 every mail is in safe hands "
        "(those that could not be read are in quarantine); 1 a path could not be read to its "
        "end; 75 the database could not be reached; 130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="path", help="an archive, or '-'")
        parser.add_argument(
            "--list-id",
            metavar="ID",
            help="take the mails for the project with this list id, whatever their headers say",
        )
        parser.add_argument(
            "--resume",
            action="store_true",
            help="go on where an import of the same archives was interrupted",
        )
        parser.add_argument(
            "--batch",
            type=positive,
            default=settings.INGEST_BATCH_SIZE,
            metavar="N",
            help="at most so many mails in one transaction (default: %(default)s)",
        )
        parser.add_argument(
            "--historical",
            action=BooleanOptionalAction,
            default=True,
            help="whether the mails are old ones of which nobody is to be notified (default), "
            "or just missed ones that are to be treated like arriving mail",
        )
        parser.add_argument(
            "--quiet", action="store_true", help="show the summary only, not how far it has come"
        )

    @without_query_log()
    def handle(self, *, paths: list[str], **options: Any) -> None:
        # It would keep the text of the last 9,000 statements, with a batch of mails in each.
        settings.DEBUG = False
        sources = self.sources(paths)
        summary = Summary()
        bar = ProgressBar(
            sys.stderr,
            sum(source.size for source in sources),
            "mails",
            quiet=options["quiet"] or options["verbosity"] == 0,
        )
        try:
            with told_to_stop():
                self.take_in(sources, summary, bar, options)
        except KeyboardInterrupt:
            self.stopped(summary, bar, "interrupted", options)
            sys.exit(INTERRUPTED)
        except TryLater as error:
            self.stopped(summary, bar, f"the database cannot be reached: {error}", options)
            sys.exit(EX_TEMPFAIL)
        self.summarise(summary, bar, options)
        if summary.problems:
            raise CommandError("\n".join(summary.problems))

    def sources(self, paths: list[str]) -> list[Source]:
        """All of them, before the first mail is stored: a typing mistake costs no time."""
        try:
            findings = [find(path) for path in paths]
        except NoSource as error:
            raise CommandError(str(error)) from error
        for path in (path for finding in findings for path in finding.skipped):
            self.stderr.write(f"{path}: skipped, neither an mbox nor a mail")
        return [source for finding in findings for source in finding.sources]

    def take_in(
        self, sources: list[Source], summary: Summary, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        pace = Pace(connection, options["batch"])
        bookmarks = [self.bookmark(source, options) for source in sources]
        before = 0
        for source, bookmark in zip(sources, bookmarks, strict=True):

            def stored(
                position: int, count: int, before: int = before, name: str = source.name
            ) -> None:
                bar.update(before + position, count, name)

            job = Import(pace, summary, options["list_id"], options["historical"], stored)
            job.run(source, bookmark, resume=options["resume"])
            before += source.size
        for bookmark in filter(None, bookmarks):
            bookmark.remove()

    def bookmark(self, source: Source, options: dict[str, Any]) -> Bookmark | None:
        if source.identity is None:
            return None
        return Bookmark(Path(settings.SPOOL_DIR), source.identity, options["list_id"])

    def stopped(
        self, summary: Summary, bar: ProgressBar, why: str, options: dict[str, Any]
    ) -> None:
        self.summarise(summary, bar, options)
        words = sys.argv[1:] if "--resume" in sys.argv else [*sys.argv[1:], "--resume"]
        self.stderr.write(f"Stopped: {why}. Go on with:\n  manage.py {shlex.join(words)}")

    def summarise(self, summary: Summary, bar: ProgressBar, options: dict[str, Any]) -> None:
        bar.finish()
        if options["verbosity"] == 0:
            return
        self.stdout.write(
            f"{bar.count:,} mails in {duration(bar.elapsed)} ({bar.rate:,.0f} a second)"
        )
        if summary.total != bar.count:
            self.stdout.write(f"with those of the interrupted run: {summary.total:,}")
        for fate, count in summary.fates.most_common():
            self.stdout.write(f"{count:>9,}  {fate.value}")
        for line in summary.quarantined:
            self.stdout.write(f"quarantined: {line}")


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a number of mails")
    return int(text)
