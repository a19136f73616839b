# SPDX-License-Identifier: GPL-2.0-or-later
"""Results by their tests: the latest of each, whoever reported it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from django.db.models import QuerySet

from patchwork.checks.models import CheckResult
from patchwork.tracking.models import Patch, Revision


class Reported(Protocol):
    """What is said of a test."""

    @property
    def id(self) -> int: ...
    @property
    def test_name(self) -> str: ...


Result = TypeVar("Result", bound=Reported)


def last_of_each(results: Iterable[Result]) -> list[Result]:
    """Of results on one thing the last one of each test, by the test's name."""
    by_name = {result.test_name: result for result in sorted(results, key=lambda one: one.id)}
    return [by_name[name] for name in sorted(by_name)]


def results_on(target: Patch | Revision) -> QuerySet[CheckResult]:
    """All that was ever said of it."""
    if isinstance(target, Patch):
        return CheckResult.objects.filter(patch=target)
    return CheckResult.objects.filter(revision=target)


def latest_by_test(target: Patch | Revision) -> list[CheckResult]:
    """The latest result of each test, by the test's name."""
    return last_of_each(results_on(target).filter(is_latest=True))


def latest_of(target: Patch | Revision, test_name: str) -> CheckResult | None:
    return results_on(target).filter(test_name=test_name).order_by("-pk").first()
