# SPDX-License-Identifier: GPL-2.0-or-later
"""Quarantine: mail that could not be read or stored, with its bytes and the reason."""

from __future__ import annotations

from pathlib import Path

from django.db import models

from patchwork.databases import IdentifierField
from patchwork.tracking.models import RawMail


class QuarantinedMail(models.Model):
    """A mail that waits for somebody to look at it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        REPLAYED = "replayed", "replayed: it went through after a fix"
        DROPPED = "dropped", "dropped by an operator"

    sha256 = IdentifierField(max_length=64)
    msgid = IdentifierField(max_length=255, blank=True, default="")
    subject = models.CharField(max_length=255, blank=True, default="")
    reason = models.CharField(max_length=500)
    traceback = models.TextField(blank=True, default="")
    list_id = IdentifierField(
        max_length=255, blank=True, default="", help_text="The list it was delivered for, if told."
    )
    historical = models.BooleanField(default=False)
    received = models.DateTimeField()
    size = models.BigIntegerField()
    raw = models.ForeignKey(RawMail, null=True, on_delete=models.PROTECT, related_name="+")
    spool_path = models.CharField(
        max_length=1000, blank=True, default="", help_text="Where the bytes lie when not in raw."
    )
    state = IdentifierField(max_length=8, choices=State.choices, default=State.WAITING)

    class Meta:
        app_label = "patchwork"
        verbose_name = "quarantined mail"
        ordering = ["-received"]
        indexes = [models.Index(fields=["state", "received"], name="quarantine_state")]
        constraints = [models.UniqueConstraint(fields=["sha256"], name="quarantine_sha256")]

    def __str__(self) -> str:
        return f"{self.msgid or self.sha256[:12]}: {self.reason}"

    def read_bytes(self) -> bytes:
        """The mail as it came."""
        if self.raw is not None:
            return self.raw.raw
        return Path(self.spool_path).read_bytes()
