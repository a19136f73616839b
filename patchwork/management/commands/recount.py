# SPDX-License-Identifier: GPL-2.0-or-later
"""Count patches anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patchwork.ingest.pacing import Pace
from patchwork.interrupts import uninterrupted
from patchwork.management.by_project import ProjectCommand
from patchwork.management.progress import ProgressBar
from patchwork.projects.models import Project
from patchwork.tracking import changes


class Command(ProjectCommand):
    help = (
        "Count anew how many patches each project has in which state, archived or not: what lists "
        "say about their length. Every change counts by itself; run this after rows were changed "
        "by hand, in SQL. A project waits while its patches are counted. Exit codes: 0 done; 75 "
        "the database did not answer; 130 interrupted."
    )
    noun = "projects"
    changed = 0

    def run(
        self, projects: Iterable[Project], pace: Pace, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        for project in projects:
            with uninterrupted(), pace.batch(1):
                self.changed += changes.recount_patches(project)
            bar.update(0, 1, project.linkname)

    def summary(self) -> Iterable[str]:
        yield f"{self.changed:>9,}  patches were counted wrongly"
