# SPDX-License-Identifier: GPL-2.0-or-later
"""Series and revisions: the work, and what each posting made of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from patchwork.databases import IdentifierField
from patchwork.tracking.models.patch import Patch


class SeriesState(models.TextChoices):
    """How far the newest complete revision has come."""

    INCOMPLETE = "incomplete"
    INITIAL = "initial"
    IN_PROGRESS = "in progress"
    DONE = "done"


class Series(models.Model):
    """The work, over all its postings. Its id is the id of the revision that founded it."""

    id = models.BigIntegerField(primary_key=True)
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="series", db_index=False
    )
    name = models.CharField(
        max_length=255, blank=True, default="", help_text="Empty: it has no name of its own."
    )
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="series"
    )
    submitted = models.DateTimeField()
    last_updated = models.DateTimeField()
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reviewed_series",
    )
    newest = models.ForeignKey(
        "patchwork.Revision",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The newest complete revision.",
    )
    version = models.PositiveIntegerField(default=1, help_text="The number of that revision.")
    n_patches = models.PositiveIntegerField(default=0, help_text="Its patches.")
    state = IdentifierField(
        max_length=16, choices=SeriesState.choices, default=SeriesState.INCOMPLETE
    )
    test_state = IdentifierField(max_length=8, null=True)
    possibly_continues = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="A guess for a person to confirm.",
    )

    class Meta:
        app_label = "patchwork"
        verbose_name_plural = "series"
        indexes = [
            models.Index(fields=["project", "id"], name="series_project_id"),
            models.Index(fields=["project", "last_updated"], name="series_project_updated"),
            models.Index(fields=["last_updated"], name="series_updated"),
            models.Index(fields=["submitted"], name="series_submitted"),
            models.Index(fields=["name", "id"], name="series_name"),
            models.Index(fields=["state", "id"], name="series_state"),
        ]

    def __str__(self) -> str:
        return self.name or f"series {self.pk}"


class Revision(models.Model):
    """What one posting made of a series."""

    series = models.ForeignKey(
        Series, null=True, on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.IntegerField(help_text="1, 2, ... within the series.")
    name = models.CharField(max_length=255, blank=True, default="")
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="revisions"
    )
    date = models.DateTimeField(help_text="Of the earliest mail of its posting.")
    marker = models.PositiveIntegerField(null=True, help_text="The posting's own version marker.")
    total = models.PositiveIntegerField(help_text="How many patches were announced.")
    is_complete = models.BooleanField(default=False)
    is_late = models.BooleanField(
        default=False, help_text="It came after something newer: it has no event, is never newest."
    )
    is_resend = models.BooleanField(
        default=False, help_text="The revision before it with some patches replaced."
    )
    announced = models.BooleanField(
        default=False, help_text="Its event is recorded: its number and patches stay as they are."
    )
    rerun_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.CASCADE,
        related_name="reruns",
        help_text="A copy made to have this revision tested again.",
    )
    strange = models.TextField(blank=True, default="", help_text="What does not fit, in words.")
    test_state = IdentifierField(max_length=8, null=True)
    patches = models.ManyToManyField(
        Patch, through="patchwork.RevisionPatch", related_name="revisions"
    )

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.UniqueConstraint(fields=["series", "number"], name="revision_series_number")
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="revision_project_id"),
            models.Index(fields=["project", "date"], name="revision_project_date"),
            models.Index(fields=["date"], name="revision_date"),
            # All that a list of postings asks before it reads a row.
            models.Index(fields=["id", "rerun_of", "series"], name="revision_posted"),
        ]

    def __str__(self) -> str:
        return f"{self.name or f'revision {self.pk}'} (rev {self.number})"


class RevisionPatch(models.Model):
    """A patch's place in a revision."""

    revision = models.ForeignKey(
        Revision, on_delete=models.CASCADE, related_name="slots", db_index=False
    )
    patch = models.ForeignKey(Patch, on_delete=models.CASCADE, related_name="places")
    number = models.PositiveIntegerField()

    class Meta:
        app_label = "patchwork"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "patch"], name="revision_patch_once")
        ]


class SeriesMetadata(models.Model):
    """A fact about a series that another system keeps: a pull request's address, its branch."""

    series = models.ForeignKey(
        Series, on_delete=models.CASCADE, related_name="metadata", db_index=False
    )
    name = IdentifierField(max_length=255)
    value = models.TextField()

    class Meta:
        app_label = "patchwork"
        constraints = [models.UniqueConstraint(fields=["series", "name"], name="metadata_once")]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class SeriesDependency(models.Model):
    """A series says that it builds on another."""

    series = models.ForeignKey(
        Series, on_delete=models.CASCADE, related_name="dependencies", db_index=False
    )
    value = IdentifierField(max_length=255, help_text="A Message-ID or an address, as written.")

    class Meta:
        app_label = "patchwork"
        constraints = [models.UniqueConstraint(fields=["series", "value"], name="dependency_once")]
        indexes = [models.Index(fields=["value"], name="dependency_value")]
