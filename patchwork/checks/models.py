# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results: one record for what one dialect calls a check and the other a test result."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from patchwork.checks import addresses
from patchwork.checks.names import LONGEST
from patchwork.databases import IdentifierField

DESCRIPTION_LIMIT = 64 * 1024
"""Characters that the getpatchwork family's clients can say of a result."""


class ResultState(models.TextChoices):
    """How a test ended, mildest first."""

    PENDING = "pending"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class CheckResult(models.Model):
    """One result on a patch or on a revision. Appended, never changed; the latest one counts:
    of each account, by the test's name.
    """

    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    patch = models.ForeignKey(
        "patchwork.Patch", null=True, on_delete=models.CASCADE, related_name="results"
    )
    revision = models.ForeignKey(
        "patchwork.Revision", null=True, on_delete=models.CASCADE, related_name="results"
    )
    context = IdentifierField(
        max_length=LONGEST, help_text="The test's label, made of letters, digits, - and _ only."
    )
    test_name = IdentifierField(max_length=LONGEST)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = IdentifierField(max_length=8, choices=ResultState.choices)
    date = models.DateTimeField()
    url = models.CharField(max_length=addresses.LONGEST, blank=True, default="")
    summary = models.TextField(blank=True, default="")
    is_latest = models.BooleanField(default=True)

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.CheckConstraint(
                name="result_on_one_thing",
                condition=models.Q(patch__isnull=False, revision__isnull=True)
                | models.Q(patch__isnull=True, revision__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.test_name}: {self.state}"


class MailRecipients(models.TextChoices):
    """Who is told of a test's results."""

    NONE = "none", "none"
    SUBMITTER = "submitter", "submitter"
    MAILING_LIST = "mailing list", "mailing list"
    RECIPIENT_LIST = "recipient list", "recipient list"


class MailCondition(models.TextChoices):
    """Which results are told."""

    ALWAYS = "always", "always"
    ON_FAILURE = "on failure", "on failure"
    """Warnings as well."""
    ON_FAILURE_ONLY = "on failure only", "on failure only"


class TestMail(models.Model):
    """Whether the results of one test are told by mail. Made by the test's first result."""

    __test__ = False  # not for pytest

    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="test_mails", db_index=False
    )
    test_name = IdentifierField(max_length=LONGEST)
    recipients = IdentifierField(
        "email recipient(s)",
        max_length=16,
        choices=MailRecipients.choices,
        default=MailRecipients.NONE,
    )
    to = models.TextField(
        "Mail To: list", blank=True, default="", help_text="Addresses, separated by commas."
    )
    cc = models.TextField(
        "Mail Cc list", blank=True, default="", help_text="Addresses, separated by commas."
    )
    condition = IdentifierField(
        "when to send",
        max_length=16,
        choices=MailCondition.choices,
        default=MailCondition.ALWAYS,
    )

    class Meta:
        app_label = "patchwork"
        verbose_name = "test"
        constraints = [
            models.UniqueConstraint(fields=["project", "test_name"], name="test_mail_once")
        ]

    def __str__(self) -> str:
        return self.test_name
