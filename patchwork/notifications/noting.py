# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads which patches have changed their state, and keeps it until it is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from patchwork.events.models import Event
from patchwork.notifications.models import PatchNotification
from patchwork.people.models import email_key
from patchwork.projects.models import State


def note(events: Sequence[Event]) -> None:
    """Changes of states, in order; a patch that is back where it was has not changed.

    Nobody is told what he did himself: he knows how the patch stands now.
    """
    events = [event for event in events if event.project.send_notifications]
    if not events:
        return
    causes = _causes([event.pk for event in events])
    states = set(State.objects.values_list("pk", flat=True))
    stored = _locked({cause.patch_id for cause in causes.values()})
    rows: dict[int, PatchNotification | None] = dict(stored)
    for event in events:
        cause = causes.get(event.pk)
        before, after = event.parameters["previous_state"], event.parameters["new_state"]
        if cause is None or not {before, after} <= states:
            continue
        row = rows.get(cause.patch_id)
        original = row.original_state_id if row else before
        is_told = original != after and not cause.is_the_submitter
        rows[cause.patch_id] = _row(event, cause.patch_id, original) if is_told else None
    PatchNotification.objects.filter(pk__in=stored).delete()
    PatchNotification.objects.bulk_create(filter(None, rows.values()))


class _Cause(NamedTuple):
    """Whose patch it is, and who is behind the change of its state."""

    event_id: int
    patch_id: int
    submitter_id: int
    submitter_account_id: int | None
    submitter_email: str
    actor_id: int | None
    actor_email: str | None
    poster_id: int | None
    poster_account_id: int | None

    @property
    def is_the_submitter(self) -> bool:
        """By his account; or the patch was superseded, because he posted a new revision."""
        account = self.submitter_account_id
        if self.actor_id is not None:
            same_address = email_key(self.actor_email or "") == self.submitter_email
            return same_address or self.actor_id == account
        same_account = account is not None and account == self.poster_account_id
        return same_account or self.submitter_id == self.poster_id


def _causes(event_ids: Collection[int]) -> Mapping[int, _Cause]:
    """By the events' ids, without those whose patch is gone."""
    rows = Event.objects.filter(pk__in=event_ids, patch__isnull=False).values_list(
        *("pk", "patch_id", "patch__submitter_id", "patch__submitter__user_id"),
        *("patch__submitter__email_key", "actor_id", "actor__email"),
        *("series__newest__submitter_id", "series__newest__submitter__user_id"),
    )
    return {row[0]: _Cause(*row) for row in rows}


def _locked(patch_ids: Collection[int]) -> dict[int, PatchNotification]:
    """What waits to be told of these patches; nobody tells it in this moment."""
    rows = PatchNotification.objects.select_for_update().filter(pk__in=patch_ids)
    return {row.patch_id: row for row in rows}


def _row(event: Event, patch_id: int, original_state_id: int) -> PatchNotification:
    return PatchNotification(
        patch_id=patch_id,
        original_state_id=original_state_id,
        state_id=event.parameters["new_state"],
        changed=event.event_time,
        correlation=event.correlation,
    )
