# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery application of an installation with a consumer that writes down what it hears of."""

from __future__ import annotations

from collections.abc import Sequence

from patchwork.celery import app
from patchwork.events import consumers
from patchwork.events.models import Event
from patchwork.tests.jobs import chores

__all__ = ["app"]


def hear(events: Sequence[Event]) -> None:
    for event in events:
        chores.write(f"heard of {event.kind}")


consumers.register("listener", hear)
