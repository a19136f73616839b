# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from patchwork.admin.base import TableAdmin
from patchwork.bundles.models import Bundle, BundlePatch

if TYPE_CHECKING:
    EntriesInline = admin.TabularInline[BundlePatch, Bundle]
else:
    EntriesInline = admin.TabularInline


class BundlePatchInline(EntriesInline):
    model = BundlePatch
    extra = 0
    raw_id_fields = ["patch"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BundlePatch]:
        entries = super().get_queryset(request).select_related("patch")
        return entries.defer("patch__content", "patch__diff")


@admin.register(Bundle)
class BundleAdmin(TableAdmin):
    list_display = ["name", "owner", "project", "public"]
    list_select_related = ["owner", "project"]
    list_filter = ["public", "project"]
    search_fields = ["name", "owner__username"]
    autocomplete_fields = ["owner"]
    inlines = [BundlePatchInline]
    ordering = ["-pk"]
