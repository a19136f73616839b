# SPDX-License-Identifier: GPL-2.0-or-later
"""Hash diffs anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patchwork.ingest.pacing import Pace
from patchwork.interrupts import uninterrupted
from patchwork.management.by_project import ProjectCommand
from patchwork.management.progress import ProgressBar
from patchwork.projects.models import Project
from patchwork.tracking import changes
from patchwork.tracking.changes import upkeep


class Command(ProjectCommand):
    help = (
        "Compute the hash of every patch anew from its diff. Clients find a patch by it: run this "
        "when a new version of Patchwork hashes otherwise, or after diffs were changed by hand. It "
        "can be interrupted, and run again, at any time. Exit codes: 0 done; 75 the database did "
        "not answer; 130 interrupted."
    )
    noun = "patches"
    changed = 0

    def run(
        self, projects: Iterable[Project], pace: Pace, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        for project in projects:
            for handful in upkeep.patch_ids(project, lambda: pace.size):
                with uninterrupted(), pace.batch(len(handful)):
                    self.changed += changes.rehash(project, handful)
                bar.update(0, len(handful), project.linkname)

    def summary(self) -> Iterable[str]:
        yield f"{self.changed:>9,}  had another hash"
