# SPDX-License-Identifier: GPL-2.0-or-later
"""What has changed and has not been told yet."""

from __future__ import annotations

from django.db import models

from patchwork import correlation
from patchwork.databases import IdentifierField


class PatchNotification(models.Model):
    """A patch whose state has changed: told when it has been left alone for a while.

    Both states are the log's, so that what is told next begins where this ended.
    """

    patch = models.OneToOneField(
        "patchwork.Patch", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    original_state = models.ForeignKey(
        "patchwork.State", on_delete=models.CASCADE, related_name="+"
    )
    state = models.ForeignKey("patchwork.State", on_delete=models.CASCADE, related_name="+")
    changed = models.DateTimeField(db_index=True, help_text="When it changed last.")
    correlation = IdentifierField(max_length=correlation.MAX_LENGTH, blank=True, default="")

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return str(self.patch)
