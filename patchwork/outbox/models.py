# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails on their way out, whom they are for, and what came back."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from patchwork import correlation
from patchwork.databases import IdentifierField
from patchwork.outbox import secrecy

WORDS_LIMIT = 500


class Kind(models.TextChoices):
    """What a mail is for, which decides what may be done with it."""

    LIST = "list", "to a list"
    """Said in public, for ever: never sent twice without an operator."""
    NOTICE = "notice", "notice"
    """Tells somebody something; better twice than not at all."""
    ACCOUNT = "account", "about an account"
    """Holds secrets, as links that open an account: encrypted, and not kept."""


class MailState(models.TextChoices):
    """How far a mail has come."""

    HELD = "held", "waits for another mail"
    QUEUED = "queued", "queued"
    LEASED = "leased", "being given away"
    """The mail server is about to have it. Who finds a mail so, and does not give it away
    himself, cannot know whether it was sent."""
    RETRY = "retry", "to be tried again"
    UNKNOWN = "unknown", "sent, or not: nobody knows"
    SENT = "sent", "sent"
    DEAD = "dead", "not sent"
    DROPPED = "dropped", "dropped"


class RecipientState(models.TextChoices):
    """How far a mail has come to one of those it is for."""

    WAITING = "waiting", "waiting"
    RETRY = "retry", "put off by the server"
    """The others may have got the mail; this one is tried again alone."""
    SENT = "sent", "sent"
    REFUSED = "refused", "refused"
    BOUNCED = "bounced", "bounced"
    DROPPED = "dropped", "dropped"


class OutgoingMail(models.Model):
    """One mail, exactly as it goes out."""

    msgid = IdentifierField(max_length=255, unique=True)
    kind = IdentifierField(max_length=8, choices=Kind.choices)
    state = IdentifierField(max_length=8, choices=MailState.choices)
    author = models.CharField(max_length=255, help_text="What its From says.")
    subject = models.CharField(max_length=255)
    size = models.PositiveIntegerField(help_text="In bytes.")
    packed = models.BinaryField(
        help_text="The bytes, compressed; of a mail about an account encrypted, and soon wiped."
    )
    depends_on = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="followers",
        help_text="The mail that has to be sent before.",
    )
    answers = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="replies",
        help_text="One more that has to be sent before: the mail that this one replies to.",
    )
    turn = models.PositiveIntegerField(
        default=0, help_text="Of several jobs for this mail, the one with this number counts."
    )
    attempts = models.PositiveIntegerField(default=0)
    words = models.CharField(
        max_length=WORDS_LIMIT,
        blank=True,
        default="",
        help_text="What the mail server said last, or we.",
    )
    correlation = IdentifierField(max_length=correlation.MAX_LENGTH, blank=True, default="")
    created = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField(
        null=True, help_text="When something is done with it next, unless it is at once."
    )
    ended = models.DateTimeField(null=True, help_text="When it was sent, or given up.")
    returned = models.DateTimeField(
        null=True, help_text="When a copy of it came in, as lists send them: so it was sent."
    )
    bounced = models.DateTimeField(null=True, help_text="When it came back last.")

    class Meta:
        app_label = "patchwork"
        verbose_name = "outgoing mail"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "due"], name="outgoing_state_due"),
            models.Index(fields=["state", "ended"], name="outgoing_state_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.msgid} {self.subject}"

    def read_bytes(self) -> bytes:
        """The mail as it goes out; empty when it has been wiped."""
        return secrecy.unpacked(self.packed, secret=self.is_secret)

    @property
    def is_secret(self) -> bool:
        """Whether nobody but its recipients may read it."""
        return self.kind == Kind.ACCOUNT


class Recipient(models.Model):
    """Somebody a mail is for."""

    mail = models.ForeignKey(OutgoingMail, on_delete=models.CASCADE, related_name="recipients")
    address = IdentifierField(max_length=254)
    state = IdentifierField(
        max_length=8, choices=RecipientState.choices, default=RecipientState.WAITING
    )
    words = models.CharField(
        max_length=WORDS_LIMIT,
        blank=True,
        default="",
        help_text="What was said about this one last.",
    )

    class Meta:
        app_label = "patchwork"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.address}: {self.state}"


class Bounce(models.Model):
    """A mail that came back to the return address of one of ours, as it came."""

    mail = models.ForeignKey(
        OutgoingMail, null=True, on_delete=models.SET_NULL, related_name="bounces"
    )
    sha256 = IdentifierField(max_length=64, unique=True)
    received = models.DateTimeField(default=timezone.now)
    said = models.CharField(max_length=WORDS_LIMIT, help_text="What it says, in short.")
    packed = models.BinaryField(
        help_text="The bytes, compressed; of a mail about an account encrypted, and soon wiped."
    )
    secret = models.BooleanField(help_text="It may hold a mail about an account.")

    class Meta:
        app_label = "patchwork"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.said

    def read_bytes(self) -> bytes:
        """The bounce as it came; empty when it has been wiped."""
        return secrecy.unpacked(self.packed, secret=self.secret)
