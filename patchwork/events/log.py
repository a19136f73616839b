# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing the log: what happened, in the transaction that did it, with the actor and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from patchwork import correlation
from patchwork.databases import insert
from patchwork.events.models import Event, EventClock, EventKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_ROW = 1
_NOW = {
    "postgresql": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    "mysql": "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}
_TICK = {
    "postgresql": "SET last = GREATEST(last + %s, {now}) WHERE id = %s RETURNING last",
    "mysql": "SET last = LAST_INSERT_ID(GREATEST(last + %s, {now})) WHERE id = %s",
    "sqlite": "SET last = MAX(last + %s, {now}) WHERE id = %s RETURNING last",
}


_COLUMNS = (
    "kind",
    "event_time",
    "project",
    "actor",
    "series",
    "revision",
    "patch",
    "cover",
    "comment",
    "parameters",
    "historical",
    "correlation",
)


@dataclass(slots=True)
class Happening:
    """An event about to be recorded."""

    kind: EventKind
    project_id: int
    actor_id: int | None = None
    series_id: int | None = None
    revision_id: int | None = None
    patch_id: int | None = None
    cover_id: int | None = None
    comment_id: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    historical: bool = False


def record(happenings: Sequence[Happening]) -> None:
    """Append to the log, in the given order.

    Call it as late in the transaction as possible: the clock's row stays locked until the end, and
    that is what makes event times rise in the order of commits. A reader who asks for everything
    since the last event it saw misses nothing.
    """
    if not happenings:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("events are recorded within a transaction")
    first = tick(len(happenings)) - len(happenings) + 1
    insert(
        Event,
        _COLUMNS,
        [
            (
                happening.kind.value,
                _EPOCH + timedelta(microseconds=first + offset),
                happening.project_id,
                happening.actor_id,
                happening.series_id,
                happening.revision_id,
                happening.patch_id,
                happening.cover_id,
                happening.comment_id,
                happening.parameters,
                happening.historical,
                correlation.current(),
            )
            for offset, happening in enumerate(happenings)
        ],
    )


def tick(count: int) -> int:
    """Lock the clock and take ``count`` microseconds off it; answers the last of them."""
    vendor = connection.vendor
    table = connection.ops.quote_name(EventClock._meta.db_table)
    statement = f"UPDATE {table} " + _TICK[vendor].format(now=_NOW[vendor])
    with connection.cursor() as cursor:
        cursor.execute(statement, [count, _CLOCK_ROW])
        if vendor == "mysql":
            if cursor.rowcount:
                return int(cursor.lastrowid)
        elif row := cursor.fetchone():
            return int(row[0])
    EventClock.objects.get_or_create(pk=_CLOCK_ROW)
    return tick(count)
