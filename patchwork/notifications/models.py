# SPDX-License-Identifier: GPL-2.0-or-later
"""What has changed and has not been told yet."""

from __future__ import annotations

from django.db import models


class PatchNotification(models.Model):
    """A patch whose state has changed: told when it has been left alone for a while."""

    patch = models.OneToOneField(
        "patchwork.Patch", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    original_state = models.ForeignKey(
        "patchwork.State", on_delete=models.CASCADE, related_name="+"
    )
    changed = models.DateTimeField(db_index=True, help_text="When it changed last.")

    class Meta:
        app_label = "patchwork"

    def __str__(self) -> str:
        return str(self.patch)
