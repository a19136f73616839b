# SPDX-License-Identifier: GPL-2.0-or-later
"""Sort stored mails anew."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from patchwork.ingest.pacing import Pace
from patchwork.ingest.retriage import Report, Retriage, Step
from patchwork.interrupts import uninterrupted
from patchwork.management.by_project import ProjectCommand
from patchwork.management.progress import ProgressBar
from patchwork.projects.lock import lock
from patchwork.projects.models import Project
from patchwork.projects.queries import for_ingest
from patchwork.tracking.changes import upkeep


class Command(ProjectCommand):
    help = (
        "Sort the stored mails anew, by the settings and rules of today: after changing a "
        "project's List-Id, address or subject pattern, after adding a project, and when a new "
        "version of Patchwork groups mails better. Mails that belong to another project are taken "
        "in there and leave this one, with what people decided about them; kept mails may turn "
        "out to be patches, cover letters or comments; patches are grouped into series anew. What "
        "people pinned or deleted stays so, and so do the numbers and patches of announced "
        "revisions. Mails that no project claims stay where they are. It can be interrupted, and "
        "run again, at any time. Exit codes: 0 done; 75 the database did not answer; 130 "
        "interrupted."
    )
    project_help = (
        "only the mails of this project, by its link name; may be given more than once "
        "(default: all)"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="do it all and undo it, to see what would become of it; mail that comes in has "
            "to wait meanwhile",
        )
        parser.add_argument(
            "--only",
            action="append",
            choices=[step.value for step in Step],
            help="'moves' to other projects, 'kept' mails, or 'series'; may be given more than "
            "once (default: all three)",
        )
        parser.add_argument(
            "--historical",
            action=BooleanOptionalAction,
            default=True,
            help="whether nobody is to be notified of what turns up (default), or it is to be "
            "treated like mail that just came",
        )

    def run(
        self, projects: Iterable[Project], pace: Pace, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        self.dry = options["dry_run"]
        self.report = Report()
        steps = frozenset(Step(name) for name in options["only"] or Step)
        everyone = for_ingest()
        with undone(everyone) if self.dry else nullcontext():
            for project in projects:
                retriage = Retriage(project, everyone, steps, historical=options["historical"])
                for roots, count in upkeep.threads(project, lambda: pace.size):
                    with uninterrupted(), pace.batch(count):
                        report = retriage.run(roots)
                    self.report.add(report)
                    bar.update(0, count, project.linkname)
                    for line in report.lines if options["verbosity"] > 1 else ():
                        self.stdout.write(line)

    def summary(self) -> Iterable[str]:
        report = self.report
        for linkname, count in report.moved.most_common():
            yield f"{count:>9,}  went to {linkname}"
        for linkname, count in report.copied.most_common():
            yield f"{count:>9,}  are in {linkname} as well"
        for why, count in report.stayed.most_common():
            yield f"{count:>9,}  belong elsewhere and stay: {why}"
        for kind, count in report.found.most_common():
            yield f"{count:>9,}  turned out to be: {kind}"
        yield f"{report.regrouped:>9,}  are in another series or revision"
        if self.dry:
            yield "Nothing was changed: this was a dry run."


@contextmanager
def undone(projects: Iterable[Project]) -> Iterator[None]:
    """All in one transaction, with all locks at once: taken one by one they might cross others'."""
    with transaction.atomic():
        lock(project.pk for project in projects)
        yield
        transaction.set_rollback(True)
