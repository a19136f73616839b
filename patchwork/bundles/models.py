# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles: lists of patches that a user keeps."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Bundle(models.Model):
    """A named, ordered list of patches of one project."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bundles"
    )
    project = models.ForeignKey(
        "patchwork.Project", on_delete=models.CASCADE, related_name="bundles"
    )
    name = models.CharField(max_length=50)
    public = models.BooleanField(default=False, help_text="Others may see it.")

    class Meta:
        app_label = "patchwork"
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="bundle_owner_name")]

    def __str__(self) -> str:
        return self.name


class BundlePatch(models.Model):
    """A patch's place in a bundle."""

    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="entries")
    patch = models.ForeignKey(
        "patchwork.Patch", on_delete=models.CASCADE, related_name="bundle_entries"
    )
    order = models.IntegerField()

    class Meta:
        app_label = "patchwork"
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["bundle", "patch"], name="bundle_patch_once")
        ]
