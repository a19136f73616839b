# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells submitters what has become of their patches, once these have been left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q
from django.urls import reverse
from django.utils import timezone

from patchwork import correlation
from patchwork.databases import until_it_passes
from patchwork.jobs.tasks import OnDead, task
from patchwork.mail.compose import Mailbox
from patchwork.notifications import letters
from patchwork.notifications.letters import Change
from patchwork.notifications.models import PatchNotification
from patchwork.people.notices import msgid_for, notice, send, wanted_by, whole_address

PATIENCE = 6
"""Whoever works on the patches of a submitter one after the other is let finish, so that there is
one mail about all of them; but what has waited for so many delays is told."""


@task(on_dead=OnDead.CONTINUE, max_attempts=3)
def tell_changes() -> int:
    """Write the mails that are due; answers for how many submitters something was due.

    Each one's mail is written in the transaction that forgets what it tells.
    """
    delay = timedelta(minutes=settings.NOTIFICATION_DELAY_MINUTES)
    now = timezone.now()
    submitter_ids = _due(now - delay, now - PATIENCE * delay)
    for submitter_id in submitter_ids:
        _tell(submitter_id, now - delay)
    return len(submitter_ids)


def _due(quiet_since: datetime, waiting_since: datetime) -> list[int]:
    waiting = PatchNotification.objects.order_by().values("patch__submitter_id")
    times = waiting.annotate(first=Min("changed"), last=Max("changed"))
    due = times.filter(Q(last__lte=quiet_since) | Q(first__lte=waiting_since))
    return sorted(due.values_list("patch__submitter_id", flat=True))


def _tell(submitter_id: int, quiet_since: datetime) -> None:
    def write() -> None:
        with transaction.atomic():
            rows = _take(submitter_id, quiet_since)
            if rows:
                _write(rows)

    until_it_passes(write)


def _take(submitter_id: int, quiet_since: datetime) -> list[PatchNotification]:
    """What is told to a submitter, in the order of the mail; it does not wait any more."""
    quiet = PatchNotification.objects.filter(changed__lte=quiet_since)
    ids = list(quiet.filter(patch__submitter_id=submitter_id).values_list("pk", flat=True))
    locked = set(quiet.select_for_update().filter(pk__in=ids).values_list("pk", flat=True))
    taken = PatchNotification.objects.filter(pk__in=locked)
    rows = list(
        taken.filter(patch__project__send_notifications=True)
        .select_related("patch__submitter", "patch__project", "original_state", "state")
        .order_by("patch__project__linkname", "patch__date", "patch__mail__number", "pk")
    )
    taken.delete()
    return rows


def _write(rows: Sequence[PatchNotification]) -> None:
    submitter = rows[0].patch.submitter
    to = wanted_by([Mailbox(submitter.name, submitter.email)])
    if not to:
        return
    subject, body = letters.about_changes([_change(row) for row in rows])
    facts = [(row.pk, row.state_id, row.changed.isoformat()) for row in rows]
    latest = max(rows, key=lambda row: row.changed)
    with correlation.carried(latest.correlation):
        send(notice(to, subject, body, msgid=msgid_for("states", submitter.pk, *facts)))


def _change(row: PatchNotification) -> Change:
    return Change(
        project=row.patch.project.name,
        patch=row.patch.name,
        address=whole_address(reverse("patch", args=[row.patch_id])),
        before=row.original_state.name,
        after=row.state.name,
    )
