# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of how many patches there are: by project, state, and whether they are put away.

Within the caller's transaction, under the project's lock, so that nobody waits for a counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.db.models import Count

from patchwork.databases import increase
from patchwork.projects.models import Project
from patchwork.tracking.models import Patch, PatchCount

COUNTED = ("project", "state", "archived")
Kind = tuple[int, int, bool]


def kinds_of(patches: Iterable[Patch]) -> Counter[Kind]:
    return Counter((patch.project_id, patch.state_id, patch.archived) for patch in patches)


def count_new(project: Project, state_ids: Iterable[int]) -> None:
    """New patches in these states."""
    _write(Counter((project.pk, state_id, False) for state_id in state_ids))


def count_changed(before: Counter[Kind], after: Counter[Kind]) -> None:
    """Patches that were of these kinds are of those now."""
    difference = Counter(after)
    difference.subtract(before)
    _write(difference)


@contextmanager
def counted(patch_ids: Collection[int]) -> Iterator[None]:
    """Around what changes these patches or deletes them."""
    before = _kinds(patch_ids)
    yield
    count_changed(before, _kinds(patch_ids))


def count_anew(project: Project) -> int:
    """Count a project's patches one by one; answers how many were counted wrongly."""
    patches = Patch.objects.filter(project=project)
    counted = PatchCount.objects.filter(project=project)
    right = _grouped(patches.values_list(*COUNTED).annotate(Count("pk")).order_by())
    known = _grouped(counted.values_list(*COUNTED, "count"))
    count_changed(known, right)
    return max((right - known).total(), (known - right).total())


def _kinds(patch_ids: Collection[int]) -> Counter[Kind]:
    if not patch_ids:
        return Counter()
    patches = Patch.objects.filter(pk__in=patch_ids)
    return _grouped(patches.values_list(*COUNTED).annotate(Count("pk")).order_by())


def _grouped(rows: Iterable[tuple[int, int, bool, int]]) -> Counter[Kind]:
    return Counter(
        {(project_id, state_id, archived): count for project_id, state_id, archived, count in rows}
    )


def _write(difference: Counter[Kind]) -> None:
    increase(PatchCount, COUNTED, {kind: by for kind, by in difference.items() if by})
