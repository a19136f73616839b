# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading the log: each consumer at its own pace, each event once.

A consumer is a function that turns events into rows (mails to send, jobs to run). It runs in one
transaction with the move of its cursor, so that an event is dealt with once or not at all. A
consumer that fails holds back only itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from patchwork.events.models import Consumer, Event, EventKind

logger = logging.getLogger(__name__)

Handler = Callable[[Sequence[Event]], None]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Registration:
    """A consumer by name: what it wants to see, and what it does with it."""

    name: str
    handle: Handler
    kinds: frozenset[EventKind]
    batch: int = 200


_registered: dict[str, Registration] = {}


def register(
    name: str, handle: Handler, kinds: Sequence[EventKind] | None = None, batch: int = 200
) -> Registration:
    """Add a consumer. Its name is its identity: a renamed consumer begins at the log's end."""
    registration = Registration(name, handle, frozenset(kinds or EventKind), batch)
    _registered[name] = registration
    return registration


def registered() -> tuple[Registration, ...]:
    return tuple(_registered.values())


def run_all() -> int:
    """Let every registered consumer catch up; answers how many events were dealt with."""
    return sum(catch_up(registration) for registration in registered())


def catch_up(registration: Registration) -> int:
    """Hand over all that the consumer has not seen; a failure is kept and ends its turn."""
    seen = 0
    while True:
        try:
            events = hand_over(registration)
        except Exception as error:
            logger.exception("consumer %s failed", registration.name)
            Consumer.objects.filter(pk=registration.name).update(last_error=f"{error!r}"[:5000])
            return seen
        if events is None:
            return seen
        seen += events


def hand_over(registration: Registration) -> int | None:
    """One batch, in one transaction with the cursor's move; None when there is nothing new.

    A consumer that is new begins with what happens from now on.
    """
    if not _is_behind(registration):
        return None
    with transaction.atomic():
        cursor = Consumer.objects.select_for_update().get(pk=registration.name)
        events = list(
            Event.objects.filter(event_time__gt=cursor.position)
            .order_by("event_time")
            .select_related("project")[: registration.batch]
        )
        if not events:
            return None
        wanted = [
            event for event in events if not event.historical and event.kind in registration.kinds
        ]
        if wanted:
            registration.handle(wanted)
        cursor.position = events[-1].event_time
        cursor.last_error = ""
        cursor.save()
        return len(wanted)


def _is_behind(registration: Registration) -> bool:
    """Whether there is anything new; asked often, so without a lock."""
    row = Consumer.objects.filter(pk=registration.name).first()
    if row is None:
        end = _last_event_time()
        row, _ = Consumer.objects.get_or_create(name=registration.name, defaults={"position": end})
    return Event.objects.filter(event_time__gt=row.position).exists()


def _last_event_time() -> datetime:
    latest = Event.objects.order_by("-event_time").values_list("event_time", flat=True).first()
    return latest or _BEGINNING
