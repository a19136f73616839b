# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about jobs, for those who look after them; nothing changes.

Each answer takes a fixed number of statements. What is done stays in the table for days and may be
a million rows: only those who ask for a certain finished job have the table read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OrderBy,
    Q,
    QuerySet,
)
from django.db.models.functions import Now

from patchwork.databases import column, places, select, table
from patchwork.jobs.models import (
    UNFINISHED,
    Job,
    JobKey,
    JobState,
    JobTally,
    PeriodicJob,
    Worker,
)
from patchwork.jobs.tallies import BUCKETS

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

FINISHED = {JobState.DONE, JobState.CANCELLED}
OPEN = (*UNFINISHED, JobState.DEAD)
"""What is still to be done, and what somebody has to decide on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many jobs of a task stand in one state, and for how long."""

    queue: str
    name: str
    state: JobState
    count: int
    oldest: float
    """Seconds since the oldest of them was queued."""
    late: float
    """Seconds that one of them could have run by now and has not; 0 if none could."""


def standings() -> list[Standing]:
    """All open jobs, by queue, task and state."""
    rows = (
        Job.objects.filter(state__in=OPEN)
        .values("state", "queue", "name")
        .annotate(
            count=Count("id"),
            created=Min("created"),
            due=Min("due", filter=Q(due__lte=Now())),
            now=Max(Now()),
        )
        .order_by("state", "queue", "name")
    )
    return [
        Standing(
            row["queue"],
            row["name"],
            JobState(row["state"]),
            row["count"],
            oldest=_seconds(row["created"], row["now"]),
            late=_seconds(row["due"], row["now"]),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs somebody wants to see."""

    states: Collection[JobState] = OPEN
    queue: str = ""
    task: str = ""
    """Its name, or the end of it: ``upkeep.prune``."""
    key: str = ""
    correlation: str = ""
    error: str = ""
    """A part of what the error says, in any case."""


def select_jobs(selection: Selection) -> QuerySet[Job]:
    """The newest first."""
    rows = Job.objects.order_by(newest_first(selection.states))
    if set(selection.states) != set(JobState):
        rows = rows.filter(state__in=sorted(selection.states))
    if selection.task:
        rows = rows.filter(Q(name=selection.task) | Q(name__endswith=f".{selection.task}"))
    if selection.error:
        rows = rows.filter(error__icontains=selection.error)
    exact = {
        "queue": selection.queue,
        "key": selection.key,
        "correlation": selection.correlation,
    }
    return rows.filter(**{name: value for name, value in exact.items() if value})


def newest_first(states: Collection[str]) -> OrderBy:
    """By id. Where finished jobs are left out, not by the index of ids: MariaDB might go through a
    million of those for a page of others."""
    row_id = F("id") if FINISHED & set(states) else F("id") + 0
    return row_id.desc()


@dataclass(frozen=True, slots=True)
class Line:
    """The unfinished jobs of a key."""

    key: str
    head: Job | None
    """The one that goes first: it may be dead, and then nothing goes."""
    followers: list[Job] = field(default_factory=list)
    """The first ones of those that wait for it, in order."""
    count: int = 0
    """Of all that wait for it."""


def line_of(key: str, most: int = 20) -> Line:
    waiting = Job.objects.filter(blocked_key=key)
    head = Job.objects.filter(pk__in=JobKey.objects.filter(name=key).values("head"))
    return Line(key, head.first(), list(waiting.order_by("id")[:most]), waiting.count())


def held_up(jobs: Iterable[Job]) -> dict[int, int]:
    """Of those of the jobs that go first of their key: how many wait for them."""
    keys = {job.pk: job.key for job in jobs if job.key}
    if not keys:
        return {}
    names = sorted(set(keys.values()))
    head, name = column(JobKey, "head"), column(JobKey, "name")
    rows = select(
        f"SELECT {head}, COUNT(*) FROM {table(JobKey)} "  # noqa: S608 (names)
        f"JOIN {table(Job)} ON {column(Job, 'blocked_key')} = {name} "
        f"WHERE {name} IN {places(names)} GROUP BY {head}",
        names,
    )
    return {job_id: count for job_id, count in rows if job_id in keys}


@dataclass(frozen=True, slots=True)
class Tallied:
    """What has become of the attempts at a task that ended in one way, since the beginning."""

    name: str
    outcome: JobState
    within: tuple[int, ...]
    """How many took at most as long as each of ``tallies.BUCKETS`` says; those of the shorter
    ones are among those of the longer ones."""
    count: int
    seconds: float
    """That all of them took together."""


def tallied() -> list[Tallied]:
    """By task and outcome. Jobs that somebody dropped were not attempts."""
    counted: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    rows = JobTally.objects.order_by("name", "outcome", "bucket")
    for name, outcome, bucket, count, took in rows.values_list(
        "name", "outcome", "bucket", "count", "seconds"
    ):
        counted[name, outcome][bucket] = count
        seconds[name, outcome] += took
    return [
        Tallied(
            name,
            JobState(outcome),
            tuple(sum(n for limit, n in found.items() if limit <= bound) for bound in BUCKETS),
            sum(found.values()),
            seconds[name, outcome],
        )
        for (name, outcome), found in counted.items()
    ]


def known_tasks() -> set[str]:
    """Those of which anything has been run since the beginning."""
    return set(JobTally.objects.values_list("name", flat=True).distinct())


class Silence(TypedDict):
    is_silent: bool


def workers() -> QuerySet[WithAnnotations[Worker, Silence]]:
    """Each with ``is_silent``: not heard of for so long that others may take its jobs over."""
    latest = Now() - timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return Worker.objects.annotate(
        is_silent=ExpressionWrapper(Q(seen__lt=latest), output_field=BooleanField())
    ).order_by("name")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How something that recurs keeps to its times."""

    name: str
    late: float
    """Seconds since it should have been queued; 0 if it is not due or switched off."""


def recurrences() -> list[Recurrence]:
    rows = PeriodicJob.objects.annotate(now=Now()).order_by("name")
    return [
        Recurrence(row.name, _seconds(row.due, row.now) if row.enabled else 0.0) for row in rows
    ]


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
