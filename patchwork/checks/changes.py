# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of test results."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from patchwork.checks.models import CheckResult, ResultState
from patchwork.databases import until_it_passes
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
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
    url: str = "",
    summary: str = "",
) -> CheckResult:
    """Append a result. It replaces the user's earlier one of that test, which stays to be seen.

    Raises ValueError for a state that there is not.
    """
    result = CheckResult(
        project_id=target.project_id,
        patch=target if isinstance(target, Patch) else None,
        revision=target if isinstance(target, Revision) else None,
        context=(slugify(test_name) or "default")[:255],
        test_name=test_name[:255],
        user_id=user.pk,
        state=ResultState(state).value,
        url=url,
        summary=summary.strip(),
    )
    until_it_passes(lambda: _append(result, target))
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


def _append(result: CheckResult, target: Patch | Revision) -> None:
    with transaction.atomic():
        lock([result.project_id])
        of_target = CheckResult.objects.filter(patch=result.patch, revision=result.revision)
        of_target.filter(context=result.context, user=result.user_id, is_latest=True).update(
            is_latest=False
        )
        result.date = timezone.now()
        result.save(force_insert=True)
        if isinstance(target, Revision):
            set_test_state(target, combined_state(target))
        else:
            log.record([_check_created(result)])


def combined_state(revision: Revision) -> str | None:
    """The most severe of a revision's own latest results; info counts as success."""
    states = set(
        CheckResult.objects.filter(revision=revision, is_latest=True).values_list(
            "state", flat=True
        )
    )
    worst = max(states, key=SEVERITY.index, default=None)
    return ResultState.SUCCESS.value if worst == ResultState.INFO else worst


def _check_created(result: CheckResult) -> Happening:
    return Happening(
        EventKind.CHECK_CREATED,
        result.project_id,
        actor_id=result.user_id,
        patch_id=result.patch_id,
        parameters={"check": result.pk},
    )
