# SPDX-License-Identifier: GPL-2.0-or-later
"""Events as programs read them that name the kinds they know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from patchwork.events.models import Event


class EventRecord(NamedTuple):
    """One thing that happened, and the ids of what it is about."""

    id: int
    kind: str
    event_time: datetime
    project_id: int
    actor_id: int | None
    revision_id: int | None
    patch_id: int | None
    cover_id: int | None
    comment_id: int | None
    parameters: dict[str, Any]


def event_records(event_ids: Sequence[int]) -> list[EventRecord]:
    """In the order of the ids."""
    found = Event.objects.filter(pk__in=event_ids).order_by().values_list(*EventRecord._fields)
    by_id = {row[0]: EventRecord._make(row) for row in found}
    return [by_id[event_id] for event_id in event_ids if event_id in by_id]
