# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that go through projects, handful by handful."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Collection, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from patchwork.databases import without_query_log
from patchwork.ingest.pacing import Pace
from patchwork.ingest.receiving import NOT_THE_MAILS_FAULT, TryLater
from patchwork.interrupts import told_to_stop
from patchwork.management.progress import ProgressBar, duration
from patchwork.projects.models import Project
from patchwork.projects.queries import for_ingest

EX_TEMPFAIL = 75
INTERRUPTED = 130
SIZE = 200


class ProjectCommand(BaseCommand):
    """Every handful is a transaction: whatever stops the command, what is done is done, and
    running it again goes over the rest. Exit codes: 0 done; 75 the database could not be reached;
    130 interrupted.
    """

    noun = "mails"
    project_help = "only this project, by its link name; may be given more than once (default: all)"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-p",
            "--project",
            action="append",
            default=[],
            dest="projects",
            metavar="LINKNAME",
            help=self.project_help,
        )
        parser.add_argument(
            "--quiet", action="store_true", help="show the summary only, not how far it has come"
        )

    @without_query_log()
    def handle(self, **options: Any) -> None:
        projects = chosen(options["projects"])
        bar = ProgressBar(
            sys.stderr,
            0,
            self.noun,
            quiet=options["quiet"] or options["verbosity"] == 0,
        )
        try:
            with told_to_stop():
                self.run(projects, Pace(connection, SIZE), bar, options)
        except KeyboardInterrupt:
            self.stopped(bar, "interrupted", options)
            sys.exit(INTERRUPTED)
        except (TryLater, *NOT_THE_MAILS_FAULT) as error:
            self.stopped(bar, f"the database does not answer: {error}", options)
            sys.exit(EX_TEMPFAIL)
        self.summarise(bar, options)

    def run(
        self, projects: Iterable[Project], pace: Pace, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        """Go through the projects."""
        raise NotImplementedError

    def summary(self) -> Iterable[str]:
        """What became of it, a line each."""
        raise NotImplementedError

    def stopped(self, bar: ProgressBar, why: str, options: dict[str, Any]) -> None:
        self.summarise(bar, options)
        self.stderr.write(f"Stopped: {why}. What is done is done; run it again for the rest.")

    def summarise(self, bar: ProgressBar, options: dict[str, Any]) -> None:
        bar.finish()
        if options["verbosity"] == 0:
            return
        self.stdout.write(f"{bar.count:,} {self.noun} in {duration(bar.elapsed)}")
        for line in self.summary():
            self.stdout.write(line)


def chosen(linknames: Collection[str]) -> list[Project]:
    """The projects of these names, all when there are none; each as ingest wants it."""
    known = {project.linkname: project for project in for_ingest()}
    unknown = [name for name in linknames if name not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise CommandError(f"There is no project {unknown[0]!r}. There are: {names}.")
    return [known[name] for name in dict.fromkeys(linknames)] or list(known.values())


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a number above zero")
    return int(text)
