# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about the log: what happened, and how far its readers are behind.

What an import brought is not told: nobody was waiting for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from patchwork.events.consumers import registered
from patchwork.events.models import Consumer, Event, EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsWanted:
    """Which of a project's events; what is not said does not matter."""

    project_id: int
    kinds: frozenset[EventKind] = frozenset()
    since: datetime | None = None
    """Later than this, so that the time of the last event that was seen asks for the next one."""
    series_id: int | None = None
    series_patch_ids: Collection[int] = ()
    """What happened to one of these counts as of the series: not every event of them names it."""
    patch_id: int | None = None


def events_wanted(wanted: EventsWanted) -> QuerySet[Event]:
    rows = Event.objects.filter(project_id=wanted.project_id, historical=False)
    if wanted.kinds:
        rows = rows.filter(kind__in=sorted(wanted.kinds))
    if wanted.since is not None:
        rows = rows.filter(event_time__gt=wanted.since)
    if wanted.series_id is not None:
        of_series = Q(series_id=wanted.series_id)
        if wanted.series_patch_ids:
            of_series |= Q(patch_id__in=sorted(wanted.series_patch_ids))
        rows = rows.filter(of_series)
    if wanted.patch_id is not None:
        rows = rows.filter(patch_id=wanted.patch_id)
    return rows


def event_rows(events: QuerySet[Event]) -> list[dict[str, Any]]:
    columns = ("kind", "event_time", "series_id", "patch_id", "actor_id", "parameters")
    return list(events.values(*columns))


@dataclass(frozen=True, slots=True)
class Reader:
    """How a consumer keeps up with what happens."""

    name: str
    behind: float
    """Seconds since the first thing happened that it has not dealt with; 0 if there is none."""
    is_failing: bool


def readers() -> list[Reader]:
    """Those that are in use, in one statement. One that never ran yet is not among them."""
    unseen = Event.objects.filter(event_time__gt=OuterRef("position")).order_by("event_time")
    rows = (
        Consumer.objects.filter(name__in=[consumer.name for consumer in registered()])
        .annotate(next=Subquery(unseen.values("event_time")[:1]), now=Now())
        .order_by("name")
    )
    return [
        Reader(
            row.name,
            behind=max(0.0, (row.now - row.next).total_seconds()) if row.next else 0.0,
            is_failing=bool(row.last_error),
        )
        for row in rows
    ]
