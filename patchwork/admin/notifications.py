# SPDX-License-Identifier: GPL-2.0-or-later
"""What has not been told yet."""

from __future__ import annotations

from django.contrib import admin

from patchwork.admin.base import ReadOnlyAdmin
from patchwork.notifications.models import PatchNotification


@admin.register(PatchNotification)
class PatchNotificationAdmin(ReadOnlyAdmin):
    """Told to the patch's submitter when it has been left alone for a while."""

    list_display = ["patch_id", "original_state", "state", "changed"]
    list_select_related = ["original_state", "state"]
    list_filter = ["patch__project"]
    search_fields = ["=patch__id"]
    search_help_text = "The id of a patch."
    raw_id_fields = ["patch"]
    ordering = ["-changed"]
