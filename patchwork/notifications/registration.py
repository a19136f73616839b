# SPDX-License-Identifier: GPL-2.0-or-later
"""What this room wants to hear of, and what it does again and again."""

from __future__ import annotations

from datetime import timedelta

from patchwork.events import consumers
from patchwork.events.models import EventKind
from patchwork.jobs import periodic
from patchwork.notifications.noting import note
from patchwork.notifications.results import tell
from patchwork.notifications.telling import tell_changes


def register_all() -> None:
    consumers.register("notifications.states", note, [EventKind.PATCH_STATE_CHANGED])
    consumers.register(
        "notifications.results", tell, [EventKind.CHECK_CREATED, EventKind.REVISION_TESTED]
    )
    periodic.register("notifications.states", tell_changes, every=timedelta(minutes=1))
