# SPDX-License-Identifier: GPL-2.0-or-later
"""One round of everything that is due, for sites that have a crontab and no worker."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from patchwork.databases import without_query_log
from patchwork.events import consumers
from patchwork.jobs import periodic
from patchwork.jobs.worker import Crew
from patchwork.management.commands.worker import positive, show_jobs, stop_on_signals
from patchwork.management.trouble import database_trouble_told


class Command(BaseCommand):
    help = (
        "Does what is due, once, and ends: what recurs, then all jobs and mails that wait. For "
        "crontab, every few minutes, where no worker runs; beside workers it does no harm. Two "
        "of them at once share the work."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--concurrency",
            type=positive,
            default=1,
            metavar="N",
            help="how many jobs may run at once (default: 1)",
        )

    @without_query_log()
    def handle(self, **options: Any) -> None:
        # What a crontab prints is mailed to somebody: say what went wrong, and no more.
        show_jobs(options["verbosity"] - 1)
        with database_trouble_told():
            periodic.provide()
            consumers.run_all()
            periodic.queue_due()
            crew = Crew(concurrency=options["concurrency"], until_idle=True)
            stop_on_signals(crew)
            crew.run()
