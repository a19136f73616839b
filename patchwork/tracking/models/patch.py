# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches, cover letters and comments: each one mail, seen by what it is for."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from patchwork.databases import IdentifierField
from patchwork.tracking.models.mail import Mail


class PatchRelation(models.Model):
    """A set of patches that are about the same thing."""

    class Meta:
        app_label = "patchwork"


class Patch(models.Model):
    """A change somebody asks to have taken."""

    mail = models.OneToOneField(Mail, on_delete=models.CASCADE, related_name="patch")
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="patches", db_index=False
    )
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="patches"
    )
    date = models.DateTimeField()
    name = models.CharField(max_length=255, help_text="With its prefixes: [v2,1/3] name.")
    content = models.TextField(blank=True, default="", help_text="The commit message.")
    diff = models.TextField(null=True)
    hash = IdentifierField(max_length=40, blank=True, default="")
    pull_url = models.CharField(max_length=255, blank=True, default="")
    commit_ref = IdentifierField(max_length=255, blank=True, default="")
    state = models.ForeignKey("patchwork.State", on_delete=models.PROTECT, related_name="patches")
    state_set_by_human = models.BooleanField(
        default=False, help_text="The system does not change what a person decided."
    )
    delegate = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="delegated_patches",
    )
    archived = models.BooleanField(default=False)
    last_updated = models.DateTimeField()
    relation = models.ForeignKey(
        PatchRelation, null=True, blank=True, on_delete=models.SET_NULL, related_name="patches"
    )

    class Meta:
        app_label = "patchwork"
        verbose_name_plural = "patches"
        indexes = [
            models.Index(fields=["project", "id"], name="patch_project_id"),
            models.Index(fields=["project", "date"], name="patch_project_date"),
            models.Index(fields=["project", "last_updated"], name="patch_project_updated"),
            models.Index(fields=["date", "id"], name="patch_date"),
            models.Index(fields=["last_updated"], name="patch_updated"),
            models.Index(fields=["name"], name="patch_name"),
            # For pages far behind, and for words in names: rows of this table are long.
            models.Index(fields=["id", "name"], name="patch_id_name"),
            models.Index(fields=["hash"], name="patch_hash"),
        ]

    def __str__(self) -> str:
        return self.name


class PatchCount(models.Model):
    """How many patches of a project are in a state, put away or not.

    Written in the transaction that changes it, under the project's lock.
    """

    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    state = models.ForeignKey("patchwork.State", on_delete=models.CASCADE, related_name="+")
    archived = models.BooleanField()
    count = models.IntegerField()

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "state", "archived"], name="patch_count_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.count)


class Cover(models.Model):
    """The letter that introduces a series."""

    mail = models.OneToOneField(Mail, on_delete=models.CASCADE, related_name="cover")
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="covers", db_index=False
    )
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="covers"
    )
    date = models.DateTimeField()
    name = models.CharField(max_length=255)
    content = models.TextField(blank=True, default="")

    class Meta:
        app_label = "patchwork"
        indexes = [
            models.Index(fields=["project", "date"], name="cover_project_date"),
            models.Index(fields=["project", "id"], name="cover_project_id"),
            models.Index(fields=["date"], name="cover_date"),
        ]

    def __str__(self) -> str:
        return self.name


class Comment(models.Model):
    """What somebody said about a patch or a cover letter."""

    mail = models.OneToOneField(Mail, on_delete=models.CASCADE, related_name="comment")
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    patch = models.ForeignKey(Patch, null=True, on_delete=models.CASCADE, related_name="comments")
    cover = models.ForeignKey(Cover, null=True, on_delete=models.CASCADE, related_name="comments")
    submitter = models.ForeignKey(
        "patchwork.Person", on_delete=models.PROTECT, related_name="comments"
    )
    date = models.DateTimeField()
    content = models.TextField(blank=True, default="")
    addressed = models.BooleanField(null=True, help_text="Empty: nobody asked for it.")

    class Meta:
        app_label = "patchwork"
        constraints = [
            models.CheckConstraint(
                name="comment_on_one_thing",
                condition=models.Q(patch__isnull=False, cover__isnull=True)
                | models.Q(patch__isnull=True, cover__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class PatchTag(models.Model):
    """How many different trailers of a kind a patch has."""

    patch = models.ForeignKey(
        Patch, on_delete=models.CASCADE, related_name="tag_counts", db_index=False
    )
    tag = models.ForeignKey("patchwork.Tag", on_delete=models.CASCADE, related_name="+")
    count = models.PositiveIntegerField()

    class Meta:
        app_label = "patchwork"
        constraints = [models.UniqueConstraint(fields=["patch", "tag"], name="patch_tag_once")]
