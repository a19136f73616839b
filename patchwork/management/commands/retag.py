# SPDX-License-Identifier: GPL-2.0-or-later
"""Read trailers anew."""

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
        "Read the trailers (Acked-by, Reviewed-by, ...) of all patches, cover letters and comments "
        "anew from the stored mails, and count them by the tags of today. Run it after changing a "
        "tag, after switching the counting on for a project, or when a new version of Patchwork "
        "reads trailers better. It can be interrupted, and run again, at any time. Exit codes: 0 "
        "done; 75 the database did not answer; 130 interrupted."
    )
    changed = 0

    def run(
        self, projects: Iterable[Project], pace: Pace, bar: ProgressBar, options: dict[str, Any]
    ) -> None:
        for project in projects:
            for handful in upkeep.mail_ids(project, lambda: pace.size):
                with uninterrupted(), pace.batch(len(handful)):
                    self.changed += changes.retag(project, handful)
                bar.update(0, len(handful), project.linkname)

    def summary(self) -> Iterable[str]:
        yield f"{self.changed:>9,}  said something else than before"
