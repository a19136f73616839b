# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails in quarantine."""

from __future__ import annotations

from collections import Counter

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from patchwork.admin.base import ReadOnlyAdmin
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import TryLater
from patchwork.ingest.replaying import drop, replay

SHOWN_LIMIT = 100_000


@admin.register(QuarantinedMail)
class QuarantinedMailAdmin(ReadOnlyAdmin):
    """What could not be read or stored. Fix the reason, then replay."""

    list_display = ["received", "state", "reason", "subject", "msgid", "size"]
    list_filter = ["state", "historical"]
    search_fields = ["msgid__exact", "reason__icontains", "subject__icontains"]
    actions = ["replay", "replay_as_new", "drop"]
    ordering = ["-received"]
    fields = [
        "received",
        "state",
        "reason",
        "traceback",
        "msgid",
        "subject",
        "list_id",
        "historical",
        "size",
        "sha256",
        "mail",
    ]
    readonly_fields = ["mail"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedMail]:
        return super().get_queryset(request).defer("traceback")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("patchwork.change_quarantinedmail")

    @admin.display(description="The mail as it came")
    def mail(self, row: QuarantinedMail) -> str:
        """Shown as text, whatever it holds: the template escapes it."""
        try:
            raw = row.read_bytes()
        except OSError as error:
            return f"Its bytes cannot be read: {error}"
        shown = raw[:SHOWN_LIMIT].decode("utf-8", "replace")
        left = len(raw) - SHOWN_LIMIT
        return f"{shown}\n[{left:,} more bytes]" if left > 0 else shown

    @admin.action(description="Replay: take them in again", permissions=["replay"])
    def replay(self, request: HttpRequest, rows: QuerySet[QuarantinedMail]) -> None:
        self._replay(request, rows, as_new=False)

    @admin.action(
        description="Replay as new: give them Message-IDs of their own", permissions=["replay"]
    )
    def replay_as_new(self, request: HttpRequest, rows: QuerySet[QuarantinedMail]) -> None:
        self._replay(request, rows, as_new=True)

    @admin.action(description="Drop: nobody needs them", permissions=["replay"])
    def drop(self, request: HttpRequest, rows: QuerySet[QuarantinedMail]) -> None:
        messages.success(request, f"{drop(rows)} dropped. Their bytes stay.")

    def _replay(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMail], *, as_new: bool
    ) -> None:
        fates: Counter[Fate] = Counter()
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
            row = QuarantinedMail.objects.get(pk=pk)
            try:
                fates[replay(row, as_new=as_new).fate] += 1
            except (TryLater, OSError) as error:
                messages.error(request, f"{row}: {error}")
        for fate, count in fates.items():
            bad = fate in (Fate.QUARANTINED, Fate.NO_PROJECT)
            level = messages.WARNING if bad else messages.SUCCESS
            messages.add_message(request, level, f"{count} replayed: {fate.value}")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_replay_permission(request)
