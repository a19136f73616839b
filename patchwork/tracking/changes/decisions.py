# SPDX-License-Identifier: GPL-2.0-or-later
"""What people decide about patches and series. Who may is asked of ``permissions`` by the doors.

Each function takes the project's lock, changes the rows, tells the log who did it, and brings the
series up to date; a change that changes nothing is no event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
from patchwork.projects.lock import lock
from patchwork.projects.models import State
from patchwork.projects.queries import first_state_ids
from patchwork.tracking.changes.counting import count_changed, kinds_of
from patchwork.tracking.models import Patch, PatchRelation, Revision, RevisionPatch, Series
from patchwork.tracking.standing import series_state

Actor = AbstractBaseUser | None


def set_state(patches: Iterable[Patch], state: State, actor: Actor) -> int:
    """Put patches into a state; answers how many were in another one."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, Happening]]:
        for patch in fresh:
            if patch.state_id == state.pk:
                continue
            before, patch.state = patch.state_id, state
            patch.state_set_by_human = actor is not None
            yield (
                patch,
                _happening(
                    EventKind.PATCH_STATE_CHANGED,
                    patch,
                    actor,
                    previous_state=before,
                    new_state=state.pk,
                ),
            )

    return _change(patches, change, ["state", "state_set_by_human"])


def set_delegate(patches: Iterable[Patch], delegate: AbstractBaseUser | None, actor: Actor) -> int:
    """Give patches to a maintainer, or to nobody; answers how many were with another."""
    delegate_id = delegate.pk if delegate else None

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, Happening]]:
        for patch in fresh:
            if patch.delegate_id == delegate_id:
                continue
            before, patch.delegate_id = patch.delegate_id, delegate_id
            yield (
                patch,
                _happening(
                    EventKind.PATCH_DELEGATED,
                    patch,
                    actor,
                    previous_delegate=before,
                    new_delegate=delegate_id,
                ),
            )

    return _change(patches, change, ["delegate"])


def set_archived(patches: Iterable[Patch], archived: bool, actor: Actor) -> int:
    """Put patches away, or take them out again. Neither dialect has an event for it."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, None]]:
        for patch in fresh:
            if patch.archived != archived:
                patch.archived = archived
                yield patch, None

    return _change(patches, change, ["archived"])


def set_commit(patch: Patch, commit_ref: str, actor: Actor) -> int:
    """Note the commit that a patch became."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, None]]:
        for each in fresh:
            if each.commit_ref != commit_ref:
                each.commit_ref = commit_ref
                yield each, None

    return _change([patch], change, ["commit_ref"])


def set_pull_url(patch: Patch, pull_url: str, actor: Actor) -> int:
    """Note where a patch can be pulled from."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, None]]:
        for each in fresh:
            if each.pull_url != pull_url:
                each.pull_url = pull_url
                yield each, None

    return _change([patch], change, ["pull_url"])


def relate(patches: Iterable[Patch], actor: Actor) -> int:
    """Say that patches are about the same thing; sets that touch become one."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, Happening]]:
        known = {patch.relation_id for patch in fresh if patch.relation_id}
        if len(known) == 1 and all(patch.relation_id for patch in fresh):
            return
        relation = PatchRelation.objects.create()
        joined = {patch.pk: patch for patch in Patch.objects.filter(relation_id__in=known)}
        joined |= {patch.pk: patch for patch in fresh}
        for patch in joined.values():
            before, patch.relation_id = patch.relation_id, relation.pk
            yield patch, _related(patch, actor, before)
        PatchRelation.objects.filter(pk__in=known).delete()

    return _change(patches, change, ["relation"])


def unrelate(patch: Patch, actor: Actor) -> int:
    """Take a patch out of its set; a set of one is none."""

    def change(fresh: Sequence[Patch]) -> Iterator[tuple[Patch, Happening]]:
        for each in fresh:
            relation_id = each.relation_id
            if relation_id is None:
                continue
            left = list(Patch.objects.filter(relation_id=relation_id).exclude(pk=each.pk))
            for leaving in [each, *left] if len(left) == 1 else [each]:
                leaving.relation_id = None
                yield leaving, _related(leaving, actor, relation_id)

    return _change([patch], change, ["relation"])


Change = Callable[[Sequence[Patch]], Iterable[tuple[Patch, Happening | None]]]


def _change(patches: Iterable[Patch], change: Change, fields: Sequence[str]) -> int:
    """Apply a change to the patches as they are now, under the lock of their projects."""
    wanted = {patch.pk: patch for patch in patches}

    def write() -> list[Patch]:
        now = timezone.now()
        with transaction.atomic():
            lock({patch.project_id for patch in wanted.values()})
            fresh = list(Patch.objects.filter(pk__in=wanted).order_by("pk"))
            before = kinds_of(fresh)
            changed, happenings = [], []
            for patch, happening in change(fresh):
                patch.last_updated = now
                changed.append(patch)
                if happening is not None:
                    happenings.append(happening)
            Patch.objects.bulk_update(changed, [*fields, "last_updated"])
            count_changed(before, kinds_of(fresh))
            refresh_series({patch.pk for patch in changed})
            log.record(happenings)
            return changed

    changed = until_it_passes(write)
    for patch in changed:
        if patch.pk in wanted:
            wanted[patch.pk].refresh_from_db(fields=[*fields, "last_updated"])
    return len(changed)


def refresh_series(patch_ids: Iterable[int]) -> None:
    """Tell anew how the series of these patches stand."""
    now = timezone.now()
    revisions = Revision.objects.filter(slots__patch_id__in=set(patch_ids))
    touched = list(
        Series.objects.filter(pk__in=revisions.values("series_id")).select_related("project")
    )
    first_states = first_state_ids({series.project_id for series in touched})
    standing = standing_of([series.newest_id for series in touched if series.newest_id])
    for series in touched:
        series.last_updated = now
        if series.newest_id:
            series.state = series_state(standing[series.newest_id], first_states[series.project_id])
    Series.objects.bulk_update(touched, ["last_updated", "state"])


class _Stand:
    """A patch's state, as ``series_state`` asks for it."""

    def __init__(self, state_id: int, action_required: bool) -> None:
        self.state_id = state_id
        self.action_required = action_required


def standing_of(revision_ids: Sequence[int]) -> dict[int, list[_Stand]]:
    """Revision -> how each of its patches stands."""
    standing: dict[int, list[_Stand]] = defaultdict(list)
    rows = RevisionPatch.objects.filter(revision_id__in=revision_ids).values_list(
        "revision_id", "patch__state_id", "patch__state__action_required"
    )
    for revision_id, state_id, action_required in rows:
        standing[revision_id].append(_Stand(state_id, action_required))
    return standing


def _happening(kind: EventKind, patch: Patch, actor: Actor, **parameters: object) -> Happening:
    return Happening(
        kind,
        patch.project_id,
        actor_id=actor.pk if actor else None,
        patch_id=patch.pk,
        parameters=parameters,
    )


def _related(patch: Patch, actor: Actor, before: int | None) -> Happening:
    return _happening(
        EventKind.PATCH_RELATION_CHANGED,
        patch,
        actor,
        previous_relation=before,
        current_relation=patch.relation_id,
    )
