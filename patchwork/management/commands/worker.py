# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs jobs: the built-in runner."""

from __future__ import annotations

import logging
import os
import signal
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from patchwork.databases import without_query_log
from patchwork.events import consumers
from patchwork.jobs.worker import Crew
from patchwork.management.trouble import database_trouble_told


class Command(BaseCommand):
    help = (
        "Runs jobs until it is told to stop: sends mails and does whatever else was put off. "
        "Any number of workers may run, on any machines that share the database. SIGTERM and "
        "Ctrl+C let the jobs that are running end; a second one does not wait for them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queues",
            type=names,
            default=(),
            metavar="NAME[,NAME...]",
            help="work on these queues only, such as mail,default (default: on all)",
        )
        parser.add_argument(
            "--concurrency",
            type=positive,
            default=1,
            metavar="N",
            help="how many jobs may run at once in this process (default: 1)",
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            default=30.0,
            metavar="SECONDS",
            help="how long a running job may take to end when the worker is told to stop; "
            "another worker then does it again (default: 30)",
        )

    @without_query_log()
    def handle(self, **options: Any) -> None:
        if settings.JOB_RUNNER != "worker":
            raise CommandError(
                f"JOB_RUNNER is {settings.JOB_RUNNER!r}: jobs are run by that, not by this command."
            )
        show_jobs(options["verbosity"])
        crew = Crew(
            options["queues"],
            concurrency=options["concurrency"],
            grace=options["grace"],
            chore=consumers.run_all if consumers.registered() else None,
        )
        stop_on_signals(crew)
        self.stdout.write(f"worker {crew.name} is waiting for jobs")
        self.stdout.flush()
        with database_trouble_told():
            crew.run()
        self.stdout.write("stopped")


def stop_on_signals(crew: Crew) -> None:
    def stop(number: int, frame: object) -> None:
        if crew.stop.is_set():
            os._exit(128 + number)
        crew.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def show_jobs(verbosity: int) -> None:
    """A line for each job on standard error, unless the settings log them elsewhere."""
    jobs = logging.getLogger("patchwork")
    if verbosity > 0 and jobs.getEffectiveLevel() > logging.INFO:
        jobs.setLevel(logging.INFO)
    if not jobs.hasHandlers():
        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")


def names(text: str) -> tuple[str, ...]:
    """mail,default"""
    found = tuple(filter(None, (name.strip() for name in text.split(","))))
    if not found:
        raise ArgumentTypeError("name at least one queue")
    return found


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 86_400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds up to a day")
    return value


def positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise ArgumentTypeError(f"{text!r} is not a number between 1 and 1000")
    return int(text)
