# SPDX-License-Identifier: GPL-2.0-or-later
"""Results on patches, with the names that a program wants to see beside them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from patchwork.checks.models import CheckResult
from patchwork.tracking.models import Patch

Row = dict[str, Any]

_SHOWN = (
    *("pk", "date", "patch_id", "patch__name", "user_id", "user__username"),
    *("state", "url", "summary", "context"),
)


def results(wanted: Q) -> QuerySet[CheckResult]:
    """Results on patches, the oldest first."""
    return CheckResult.objects.filter(wanted, patch__isnull=False).order_by("pk")


def latest(patch: Patch) -> QuerySet[CheckResult]:
    """The latest of each test and each account."""
    return results(Q(patch=patch, is_latest=True))


def rows(found: QuerySet[CheckResult]) -> list[Row]:
    return list(found.values(*_SHOWN))
