# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails: who wrote what in answer to what. Everything else hangs on them."""

from __future__ import annotations

import zlib

from django.db import models

from patchwork.databases import IdentifierField
from patchwork.tracking.pieces import Claim


class RawMail(models.Model):
    """The bytes of a mail, for ever. No list reads this table."""

    sha256 = IdentifierField(max_length=64)
    size = models.PositiveIntegerField(help_text="Of the mail, before compression.")
    compressed = models.BinaryField()

    class Meta:
        app_label = "patchwork"
        constraints = [models.UniqueConstraint(fields=["sha256"], name="raw_mail_sha256")]

    def __str__(self) -> str:
        return self.sha256

    @property
    def raw(self) -> bytes:
        return zlib.decompress(bytes(self.compressed))


class MailKind(models.TextChoices):
    """What a mail turned out to be."""

    PATCH = "patch"
    COVER = "cover"
    COMMENT = "comment"
    KEPT = "kept", "kept: answers nothing that is tracked (yet)"
    GONE = "gone", "gone: deleted or moved by hand; the row keeps it from coming back"


class Mail(models.Model):
    """One received message of one project."""

    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    msgid = IdentifierField(max_length=255, help_text="With angle brackets.")
    in_reply_to = IdentifierField(
        max_length=255, blank=True, default="", help_text="The nearest reference, seen or not."
    )
    references = models.TextField(
        blank=True, default="", help_text="All references, oldest first, separated by blanks."
    )
    thread_root = IdentifierField(
        max_length=255, help_text="The oldest mail of its thread that is known of, seen or not."
    )
    answers = IdentifierField(
        max_length=255,
        blank=True,
        default="",
        help_text="The nearest patch or cover letter above it that has been seen.",
    )
    kind = IdentifierField(max_length=8, choices=MailKind.choices)
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="mails", db_index=False
    )
    date = models.DateTimeField()
    received = models.DateTimeField(help_text="When it came in here.")
    subject = models.CharField(max_length=255)
    raw = models.ForeignKey(RawMail, on_delete=models.PROTECT, related_name="mails")
    went_to = models.CharField(max_length=255, blank=True, default="")

    posting = models.ForeignKey(
        "patchwork.Revision",
        null=True,
        on_delete=models.SET_NULL,
        related_name="mails",
        help_text="The revision that it was sent for, when it is a patch or a cover letter.",
    )
    name = models.CharField(max_length=255, blank=True, default="")
    key = IdentifierField(
        max_length=255,
        blank=True,
        default="",
        help_text="The name for comparing, when it names a series.",
    )
    number = models.PositiveIntegerField(null=True, help_text="The x of x/n.")
    total = models.PositiveIntegerField(null=True, help_text="The n of x/n.")
    version = models.PositiveIntegerField(null=True, help_text="The version marker.")
    has_claims = models.BooleanField(
        default=False, help_text="It says what it continues, or a person pinned it."
    )

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.UniqueConstraint(fields=["project", "msgid"], name="mail_project_msgid")
        ]
        indexes = [
            models.Index(fields=["project", "thread_root"], name="mail_thread"),
            models.Index(fields=["project", "key", "submitter"], name="mail_project_key"),
            models.Index(fields=["project", "date"], name="mail_project_date"),
        ]

    def __str__(self) -> str:
        return f"{self.msgid} {self.subject}"


class MailReference(models.Model):
    """Some mail refers to a mail that has not been seen yet."""

    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    msgid = IdentifierField(max_length=255)
    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "patchwork"
        indexes = [models.Index(fields=["project", "msgid"], name="reference_project_msgid")]


class MailTrailer(models.Model):
    """A trailer line that a mail gives to the patch or cover letter it is or answers."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="trailers")
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    target = IdentifierField(
        max_length=255, help_text="Message-ID of the patch or cover letter that it is about."
    )
    line = models.CharField(max_length=500)

    class Meta:
        app_label = "patchwork"
        indexes = [models.Index(fields=["project", "target"], name="trailer_project_target")]


class PostingClaim(models.Model):
    """A patch or cover letter says outright what it continues."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="claims")
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = IdentifierField(max_length=16, choices=[(claim.value, claim.value) for claim in Claim])
    value = IdentifierField(max_length=255)

    class Meta:
        app_label = "patchwork"
        indexes = [models.Index(fields=["project", "kind", "value"], name="claim_value")]


class Pin(models.Model):
    """What a person decided about a mail's posting or its series; goes before every rule."""

    mail = models.OneToOneField(Mail, on_delete=models.CASCADE, related_name="pin")
    posting_of = IdentifierField(
        max_length=255, blank=True, default="", help_text="Belongs to the posting of this mail."
    )
    stands_alone = models.BooleanField(
        default=False, help_text="Its posting begins a series of its own."
    )
    continues = IdentifierField(
        max_length=255,
        blank=True,
        default="",
        help_text="Its posting continues this mail's series.",
    )

    class Meta:
        app_label = "patchwork"
