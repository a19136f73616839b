# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of test results."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from patchwork.checks.by_test import latest_by_test, latest_of, results_on
from patchwork.checks.models import CheckResult, ResultState, TestMail
from patchwork.checks.names import context_of, is_test_name, may_stand_for_another
from patchwork.databases import until_it_passes
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import Event, EventKind
from patchwork.projects.lock import lock
from patchwork.tracking.changes.results import set_test_state
from patchwork.tracking.models import Patch, Revision

SEVERITY = [state.value for state in ResultState]


def record_result(
    *,
    target: Patch | Revision,
    test_name: str,
    state: str,
    user: AbstractBaseUser,
    url: str | None = "",
    summary: str | None = "",
) -> CheckResult:
    """Append a result. It replaces the user's earlier one of that test, which stays to be seen.

    With None for ``url`` or ``summary`` the test's latest result here, whoever reported it, lends
    its own. Raises ValueError for a state that there is not, and for a name that can be no test's.
    """
    if not is_test_name(test_name):
        raise ValueError(f"no name of a test: {test_name!r}")
    result = CheckResult(
        project_id=target.project_id,
        patch=target if isinstance(target, Patch) else None,
        revision=target if isinstance(target, Revision) else None,
        context=context_of(test_name),
        test_name=test_name,
        user_id=user.pk,
        state=ResultState(state).value,
    )
    until_it_passes(lambda: _append(result, target, url, summary))
    return result


def hand_over(project_id: int, patches: Mapping[int, int], revisions: Mapping[int, int]) -> None:
    """Results of patches and revisions (old id -> new one) go with them to another project.

    Within the caller's transaction, under the project's lock.
    """
    for before, after in patches.items():
        CheckResult.objects.filter(patch_id=before).update(patch_id=after, project_id=project_id)
    for before, after in revisions.items():
        moved = CheckResult.objects.filter(revision_id=before)
        if moved.update(revision_id=after, project_id=project_id):
            revision = Revision.objects.get(pk=after)
            set_test_state(revision, combined_state(revision))
            told = Event.objects.filter(kind=EventKind.REVISION_TESTED, revision_id=before)
            told.update(revision_id=after, series_id=revision.series_id, project_id=project_id)


def note_test(project_id: int, test_name: str) -> None:
    """A test's first result makes the row that says whether its results are told by mail."""
    if not TestMail.objects.filter(project_id=project_id, test_name=test_name).exists():
        TestMail.objects.get_or_create(project_id=project_id, test_name=test_name)


def _append(
    result: CheckResult, target: Patch | Revision, url: str | None, summary: str | None
) -> None:
    with transaction.atomic():
        lock([result.project_id])
        if may_stand_for_another(result.test_name):
            result.test_name = _name_behind(target, result.test_name)
        before = latest_of(target, result.test_name) if None in (url, summary) else None
        result.url = url if url is not None else before.url if before else ""
        result.summary = (
            summary.strip() if summary is not None else before.summary if before else ""
        )
        note_test(result.project_id, result.test_name)
        results_on(target).filter(
            test_name=result.test_name, user=result.user_id, is_latest=True
        ).update(is_latest=False)
        result.date = timezone.now()
        result.save(force_insert=True)
        if isinstance(target, Revision):
            set_test_state(target, combined_state(target))
        log.record([_recorded(result)])


def _name_behind(target: Patch | Revision, label: str) -> str:
    """Who reads checks knows a test by its label, and reports by it."""
    known = results_on(target).filter(context=label).order_by("-pk")
    return known.values_list("test_name", flat=True).first() or label


def combined_state(revision: Revision) -> str | None:
    """The most severe of its tests' latest results; info counts as success."""
    states = {result.state for result in latest_by_test(revision)}
    worst = max(states, key=SEVERITY.index, default=None)
    return ResultState.SUCCESS.value if worst == ResultState.INFO else worst


def _recorded(result: CheckResult) -> Happening:
    return Happening(
        EventKind.CHECK_CREATED if result.patch_id else EventKind.REVISION_TESTED,
        result.project_id,
        actor_id=result.user_id,
        revision_id=result.revision_id,
        patch_id=result.patch_id,
        parameters={"check": result.pk},
    )
