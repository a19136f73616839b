# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about bundles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, QuerySet

from patchwork.bundles.models import Bundle, BundlePatch


def bundles_of(user: AbstractBaseUser) -> QuerySet[Bundle]:
    """All that somebody keeps, by their names, each with its ``patch_count``."""
    rows = Bundle.objects.filter(owner_id=user.pk)
    return rows.annotate(patch_count=Count("entries")).order_by("name", "pk")


def patch_ids_in(bundle_ids: Collection[int]) -> defaultdict[int, list[int]]:
    """Bundle id -> its patches, in their order."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    entries = BundlePatch.objects.filter(bundle_id__in=bundle_ids).order_by("order", "pk")
    for bundle_id, patch_id in entries.values_list("bundle_id", "patch_id"):
        found[bundle_id].append(patch_id)
    return found
