# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of what happened, its clock, and who has read how far."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from patchwork import correlation
from patchwork.databases import IdentifierField


class EventKind(models.TextChoices):
    """What can happen. One log serves both API dialects.

    The freedesktop dialect calls ``patch-state-changed`` "patch-state-change".
    """

    COVER_CREATED = "cover-created"
    PATCH_CREATED = "patch-created"
    PATCH_COMPLETED = "patch-completed"
    PATCH_STATE_CHANGED = "patch-state-changed"
    PATCH_DELEGATED = "patch-delegated"
    PATCH_RELATION_CHANGED = "patch-relation-changed"
    CHECK_CREATED = "check-created"
    REVISION_TESTED = "revision-tested"
    """The same for a revision; neither dialect has an event for it."""
    SERIES_CREATED = "series-created"
    SERIES_COMPLETED = "series-completed"
    COVER_COMMENT_CREATED = "cover-comment-created"
    PATCH_COMMENT_CREATED = "patch-comment-created"
    SERIES_NEW_REVISION = "series-new-revision"
    PULL_REQUEST_NEW = "pull-request-new"


class Event(models.Model):
    """One thing that happened. Written by ``log.record`` alone, never changed."""

    kind = IdentifierField(max_length=32, choices=EventKind.choices)
    event_time = models.DateTimeField(
        unique=True, help_text="Unique, and rising in the order in which transactions commit."
    )
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The account that did it; empty for mail and for the system itself.",
    )
    series = models.ForeignKey(
        "patchwork.Series", null=True, on_delete=models.CASCADE, related_name="+"
    )
    revision = models.ForeignKey(
        "patchwork.Revision",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    patch = models.ForeignKey(
        "patchwork.Patch", null=True, on_delete=models.CASCADE, related_name="+"
    )
    cover = models.ForeignKey(
        "patchwork.Cover", null=True, on_delete=models.CASCADE, related_name="+"
    )
    comment = models.ForeignKey(
        "patchwork.Comment",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    parameters = models.JSONField(default=dict)
    correlation = IdentifierField(
        max_length=correlation.MAX_LENGTH,
        blank=True,
        db_default="",
        help_text="Of the mail or webhook that made it happen.",
    )
    historical = models.BooleanField(
        default=False, help_text="Of an import: consumers and lists pass it over."
    )

    class Meta:
        app_label = "patchwork"
        ordering = ["-event_time"]
        indexes = [
            models.Index(fields=["project", "event_time"], name="event_project_time"),
            models.Index(fields=["kind", "historical", "event_time"], name="event_kind_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.event_time}"


class EventClock(models.Model):
    """The single row that gives event times out, in microseconds since 1970."""

    last = models.BigIntegerField(default=0)

    class Meta:
        app_label = "patchwork"


class Consumer(models.Model):
    """How far one reader of the log has come."""

    name = IdentifierField(max_length=100, primary_key=True)
    position = models.DateTimeField(help_text="Time of the last event that it has dealt with.")
    last_error = models.TextField(blank=True, default="")

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return self.name
