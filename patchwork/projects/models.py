# SPDX-License-Identifier: GPL-2.0-or-later
"""Projects, and what a project decides about its patches."""

from __future__ import annotations

from typing import Any

import regex
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from patchwork.databases import IdentifierField


def is_a_pattern(value: str) -> None:
    """Refuse a regular expression that does not compile."""
    try:
        regex.compile(value)
    except regex.error as error:
        raise ValidationError(f"Not a regular expression: {error}") from error


class State(models.Model):
    """What can become of a patch. States are shared; a project chooses which it shows."""

    name = models.CharField(max_length=100, unique=True)
    slug = IdentifierField(max_length=100, unique=True)
    ordering = models.IntegerField(unique=True)
    action_required = models.BooleanField(
        default=True, help_text="A patch in this state still waits for somebody."
    )

    class Meta:
        app_label = "patchwork"
        ordering = ["ordering"]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A trailer worth counting: Acked-by, Reviewed-by, Tested-by."""

    name = models.CharField(max_length=50, unique=True)
    pattern = models.CharField(
        max_length=100,
        validators=[is_a_pattern],
        help_text="A regular expression, matched at the start of a trailer line, without case.",
    )
    abbrev = models.CharField(max_length=4, unique=True, help_text="One to four letters.")
    show_column = models.BooleanField(default=True, help_text="Show its count in lists.")

    class Meta:
        app_label = "patchwork"
        ordering = ["abbrev"]

    def __str__(self) -> str:
        return self.name


class Project(models.Model):
    """A project with a mailing list."""

    linkname = IdentifierField(
        max_length=255, unique=True, help_text="Its name in addresses and subject prefixes."
    )
    name = models.CharField(max_length=255, unique=True)
    listid = IdentifierField(
        "List-Id", max_length=255, help_text="What stands in the List-Id header, without brackets."
    )
    listemail = models.EmailField(max_length=200, help_text="Where patches are sent.")
    subject_match = models.CharField(
        max_length=64,
        blank=True,
        default="",
        validators=[is_a_pattern],
        help_text=(
            "Several projects on one list: a regular expression that the subject must match. "
            "Empty takes what no other project of the list took."
        ),
    )
    web_url = models.CharField(max_length=2000, blank=True, default="")
    scm_url = models.CharField(max_length=2000, blank=True, default="")
    webscm_url = models.CharField(max_length=2000, blank=True, default="")
    list_archive_url = models.CharField(max_length=2000, blank=True, default="")
    list_archive_url_format = models.CharField(
        max_length=2000,
        blank=True,
        default="",
        help_text="Address of a mail in the list's archive; {} stands for its Message-ID.",
    )
    commit_url_format = models.CharField(
        max_length=2000,
        blank=True,
        default="",
        help_text="Address of a commit; {} stands for its hash.",
    )
    send_notifications = models.BooleanField(
        default=False, help_text="Tell submitters when the state of their patches changes."
    )
    use_tags = models.BooleanField(default=True, help_text="Count trailers such as Acked-by.")
    show_dependencies = models.BooleanField(
        default=True, help_text="Show what a series says it depends on."
    )
    supersede_older = models.BooleanField(
        default=True,
        help_text="A complete new revision supersedes the patches that it replaces.",
    )
    trust_unauthenticated = models.BooleanField(
        default=False,
        help_text=(
            "Obey X-Patchwork-State and X-Patchwork-Delegate headers although nothing proves who "
            "sent the mail. Otherwise an Authentication-Results header of the server named in "
            "AUTHSERV_ID has to pass for the sender's domain."
        ),
    )
    states = models.ManyToManyField(
        State, blank=True, related_name="+", help_text="What it shows; none chosen means all."
    )
    initial_state = models.ForeignKey(
        State,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Where its patches start; the first state unless chosen.",
    )
    superseded_state = models.ForeignKey(
        State,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Where replaced patches go; the state called Superseded unless chosen.",
    )

    class Meta:
        app_label = "patchwork"
        ordering = ["linkname"]
        constraints = [
            models.UniqueConstraint(
                fields=["listid", "subject_match"], name="project_list_and_subject"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.listid = bare_list_id(self.listid)
        super().save(*args, **kwargs)


def bare_list_id(written: str) -> str:
    """``list.example.org``, also out of a header's ``The list <list.example.org>``."""
    before, bracket, rest = written.rpartition("<")
    return (rest.partition(">")[0] if bracket else before or rest).strip()


class ProjectLock(models.Model):
    """The row that writers of a project take turns on where the database has nothing better.

    Locking the project's own row would block every insert that refers to it.
    """

    project = models.OneToOneField(
        Project, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        app_label = "patchwork"


class DelegationRule(models.Model):
    """Patches that touch matching files are delegated to a maintainer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="delegation_rules")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(
        max_length=255,
        help_text="A file name pattern such as drivers/net/*; every file of the patch is tried.",
    )
    priority = models.IntegerField(default=0, help_text="The highest matching rule wins.")

    class Meta:
        app_label = "patchwork"
        ordering = ["-priority", "path"]
        constraints = [
            models.UniqueConstraint(fields=["project", "path"], name="delegation_project_path")
        ]

    def __str__(self) -> str:
        return f"{self.path} -> {self.user}"
