# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about the log: how far its readers are behind."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from patchwork.events.consumers import registered
from patchwork.events.models import Consumer, Event


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
