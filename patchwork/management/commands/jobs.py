# SPDX-License-Identifier: GPL-2.0-or-later
"""Look after jobs: what waits, what failed, and what to do about it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.core.management.base import CommandError, CommandParser

from patchwork.jobs import changes, queries
from patchwork.jobs.models import Job, JobState
from patchwork.management.acting import ALL, OPEN, ActingCommand
from patchwork.management.showing import WithExamples, at, reader_may_leave, spelled, table
from patchwork.management.trouble import database_trouble_told

ERROR_LIMIT = 200

EXAMPLES = """Examples:
  jobs stats
  jobs list
  jobs list --state dead --task deliver --error "timed out"
  jobs list --correlation 5f0c3d2e9a417b66 --state all --format json
  jobs show 4711
  jobs retry 4711 4712
  jobs retry --state dead --task deliver --all
  jobs drop --key pr:17 --state open --all"""


class Command(ActingCommand):
    filters = ("task", "queue", "key", "correlation", "error")
    refusal = changes.CannotDo
    help = (
        "Look after jobs: see what waits and why, run again what failed for good, or drop what "
        "nobody needs. Exit codes: 0 done; 1 something could not be done, or there is no such job."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog, parser.formatter_class = EXAMPLES, WithExamples
        todo = parser.add_subparsers(dest="todo", required=True, metavar="what")
        listing = todo.add_parser("list", help="show jobs, the newest last")
        self.add_filters(listing, OPEN)
        self.add_listing(listing, "jobs")
        show = todo.add_parser("show", help="show all there is to know about a job")
        show.add_argument("id", type=int, metavar="ID")
        again = todo.add_parser(
            "retry", help="run jobs again, with as many attempts as new ones have"
        )
        self.add_selection(again)
        dropping = todo.add_parser(
            "drop", help="never run them; those of their keys that they held up go on"
        )
        self.add_selection(dropping)
        todo.add_parser("stats", help="count jobs by queue and task, and show who works")

    def add_filters(self, parser: Any, state: str) -> None:
        parser.add_argument(
            "--state",
            choices=[OPEN, *JobState.values, ALL],
            default=state,
            help="only jobs in this state; open are those that wait, run or are dead "
            "(default: %(default)s)",
        )
        parser.add_argument("--queue", default="", metavar="NAME", help="only jobs of this queue")
        parser.add_argument(
            "--task", default="", metavar="NAME", help="only this task: its name, or the end of it"
        )
        parser.add_argument("--key", default="", metavar="KEY", help="only jobs of this key")
        parser.add_argument(
            "--correlation",
            default="",
            metavar="ID",
            help="only what the mail or the webhook with this id has caused",
        )
        parser.add_argument(
            "--error", default="", metavar="TEXT", help="only jobs with this in their error"
        )

    def add_selection(self, parser: Any) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        self.add_filters(parser, JobState.DEAD.value)
        self.add_all(parser)

    @database_trouble_told()
    def handle(self, *, todo: str, **options: Any) -> None:
        {
            "list": self.show_list,
            "show": self.show,
            "retry": self.retry,
            "drop": self.drop,
            "stats": self.show_stats,
        }[todo](options)

    @reader_may_leave()
    def show_list(self, options: dict[str, Any]) -> None:
        self.show_rows(
            options,
            queries.select_jobs(selection(options)).defer("traceback"),
            facts,
            ("id", "state", "attempts", "queued", "task", "key", "error"),
            lambda job: (
                str(job.pk),
                job.state,
                job.attempts,
                f"{job.created:%Y-%m-%d %H:%M}",
                job.name,
                job.key or "-",
                job.error.partition("\n")[0][:ERROR_LIMIT] or "-",
            ),
        )

    @reader_may_leave()
    def show(self, options: dict[str, Any]) -> None:
        job = self.find(options["id"])
        told = {
            "task": job.name,
            "state": job.get_state_display(),
            "queue": job.queue,
            "key": job.key or "-",
            "correlation": job.correlation or "-",
            "only once as": job.idempotency_key or "-",
            "attempts": str(job.attempts),
            "worker": job.worker or "-",
            "queued": at(job.created),
            "not before": at(job.run_after),
            "due": at(job.due),
            "started": at(job.started),
            "finished": at(job.finished),
        }
        self.tell_facts(told)
        self.tell_text("arguments", json.dumps(job.arguments, indent=2, ensure_ascii=False))
        if job.result is not None:
            self.tell_text("result", json.dumps(job.result, indent=2, ensure_ascii=False))
        if job.key:
            self.tell_text("line of its key", line_told(queries.line_of(job.key)))
        self.tell_text("error", job.error)
        self.tell_text("traceback", job.traceback)

    def retry(self, options: dict[str, Any]) -> None:
        ids = self.chosen(options, queries.select_jobs(selection(options)))
        self.act(ids, changes.retry, "will be run again")

    def drop(self, options: dict[str, Any]) -> None:
        ids = self.chosen(options, queries.select_jobs(selection(options)))
        # The last ones first, so that none begins because the one before it is dropped.
        self.act(sorted(ids, reverse=True), changes.drop, "dropped")

    @reader_may_leave()
    def show_stats(self, options: dict[str, Any]) -> None:
        self.tell(
            *table(
                (
                    *("queue", "task", "queued", "blocked", "running", "retry", "dead"),
                    *("oldest", "late", "done", "average"),
                ),
                standing_rows(),
            ),
            "",
        )
        workers = queries.workers()
        if not workers:
            self.tell("No worker is there: nothing is run, except by manage.py cron.")
            return
        self.tell(
            *table(
                ("worker", "runner", "queues", "lanes", "since", "seen"),
                [
                    (
                        worker.name,
                        worker.runner,
                        worker.queues or "all",
                        worker.concurrency,
                        at(worker.started),
                        at(worker.seen) + ("  not heard of since" if worker.is_silent else ""),
                    )
                    for worker in workers
                ],
            )
        )

    def find(self, job_id: int) -> Job:
        try:
            return Job.objects.get(pk=job_id)
        except Job.DoesNotExist:
            raise CommandError(f"There is no job {job_id}: see jobs list --state all.") from None


def selection(options: dict[str, Any]) -> queries.Selection:
    return queries.Selection(
        states_of(options["state"]), **{name: options[name] for name in Command.filters}
    )


def states_of(choice: str) -> Collection[JobState]:
    if choice == OPEN:
        return queries.OPEN
    return list(JobState) if choice == ALL else [JobState(choice)]


def facts(job: Job) -> dict[str, Any]:
    """A job as programs read it."""
    names = (
        *("id", "name", "queue", "state", "key", "correlation", "idempotency_key", "arguments"),
        *("attempts", "worker", "created", "run_after", "due", "started", "finished", "error"),
    )
    return {name: getattr(job, name) for name in names}


def line_told(line: queries.Line) -> str:
    jobs = [line.head, *line.followers] if line.head else line.followers
    told = [f"{job} ({job.get_state_display()})" for job in jobs]
    if line.count > len(line.followers):
        told.append(f"and {line.count - len(line.followers):,} more")
    if line.head and line.head.state == JobState.DEAD and line.count:
        told.append("The first one is dead, and holds up the others.")
    return "\n".join(told) or "nobody"


def standing_rows() -> list[tuple[str | int, ...]]:
    """A row for each queue and task with open jobs, then for the other tasks that were done."""
    counts: dict[tuple[str, str], dict[JobState, queries.Standing]] = defaultdict(dict)
    for standing in queries.standings():
        counts[standing.queue, standing.name][standing.state] = standing
    done = {
        tallied.name: tallied for tallied in queries.tallied() if tallied.outcome == JobState.DONE
    }
    idle = sorted(done.keys() - {name for _, name in counts})
    states = (JobState.QUEUED, JobState.BLOCKED, JobState.RUNNING, JobState.RETRY, JobState.DEAD)
    rows: list[tuple[str | int, ...]] = []
    for queue, name in [*sorted(counts), *(("-", name) for name in idle)]:
        found = counts.get((queue, name), {})
        oldest = max((standing.oldest for standing in found.values()), default=None)
        late = max((standing.late for standing in found.values()), default=0)
        tallied = done.get(name)
        rows.append(
            (
                *(queue, name),
                *(found[state].count if state in found else 0 for state in states),
                "-" if oldest is None else spelled(oldest),
                spelled(late) if late else "-",
                tallied.count if tallied else 0,
                spelled(tallied.seconds / tallied.count) if tallied else "-",
            )
        )
    return rows
