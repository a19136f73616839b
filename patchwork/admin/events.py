# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened, and who has read how far."""

from __future__ import annotations

from django.contrib import admin

from patchwork.admin.base import ReadOnlyAdmin
from patchwork.events.models import Consumer, Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = [
        "event_time",
        "kind",
        "project",
        "actor",
        "series_id",
        "revision_id",
        "patch_id",
        "historical",
    ]
    list_select_related = ["project", "actor"]
    list_filter = ["kind", "project", "historical"]
    search_fields = ["=patch__id", "=series__id"]
    search_help_text = "The id of a patch or of a series."


@admin.register(Consumer)
class ConsumerAdmin(ReadOnlyAdmin):
    """A consumer that failed shows the error; it tries again by itself."""

    list_display = ["name", "position", "last_error"]
