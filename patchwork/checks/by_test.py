# SPDX-License-Identifier: GPL-2.0-or-later
"""Results by their tests: the latest of each, whoever reported it."""

from __future__ import annotations

from django.db.models import QuerySet

from patchwork.checks.models import CheckResult
from patchwork.tracking.models import Patch, Revision


def results_on(target: Patch | Revision) -> QuerySet[CheckResult]:
    """All that was ever said of it."""
    if isinstance(target, Patch):
        return CheckResult.objects.filter(patch=target)
    return CheckResult.objects.filter(revision=target)


def latest_by_test(target: Patch | Revision) -> list[CheckResult]:
    """The latest result of each test, by the test's name."""
    named = results_on(target).order_by("pk").values_list("test_name", "pk")
    latest = dict(named)
    found = CheckResult.objects.filter(pk__in=latest.values())
    return sorted(found, key=lambda result: result.test_name)


def latest_of(target: Patch | Revision, test_name: str) -> CheckResult | None:
    return results_on(target).filter(test_name=test_name).order_by("-pk").first()
