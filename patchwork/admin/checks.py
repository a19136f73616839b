# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results."""

from __future__ import annotations

from django.contrib import admin

from patchwork.admin.base import ReadOnlyAdmin
from patchwork.checks.models import CheckResult


@admin.register(CheckResult)
class CheckResultAdmin(ReadOnlyAdmin):
    """Appended by those who test; a wrong one is corrected by a newer one."""

    list_display = ["date", "state", "test_name", "project", "user", "patch_id", "revision_id"]
    list_select_related = ["project", "user"]
    list_filter = ["state", "is_latest", "project"]
    search_fields = ["context__startswith", "test_name__icontains"]
    raw_id_fields = ["patch", "revision", "user"]
    ordering = ["-pk"]
