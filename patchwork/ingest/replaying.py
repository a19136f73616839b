# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does with mails in quarantine, once the reason is understood or fixed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate, Outcome
from patchwork.ingest.receiving import receive

_State = QuarantinedMail.State


def replay(row: QuarantinedMail, *, as_new: bool = False) -> Outcome:
    """Take the mail in like one that just came; one that fails again waits with the new reason.

    ``as_new`` gives it a Message-ID of its own, for one whose Message-ID another mail has.

    It is marked before it is received, in the same transaction: whatever puts it into quarantine
    again, for one of several projects perhaps, also makes it wait again. Raises ``TryLater`` when
    the database does not take mail; nothing has changed then.
    """
    raw = row.read_bytes()
    with transaction.atomic():
        QuarantinedMail.objects.filter(pk=row.pk).update(state=_State.REPLAYED)
        outcome = receive(
            raw, list_id=row.list_id or None, historical=row.historical, as_new=as_new
        )
        if outcome.fate is Fate.NO_PROJECT:
            QuarantinedMail.objects.filter(pk=row.pk).update(
                state=_State.WAITING, reason=outcome.detail
            )
    row.refresh_from_db()
    return outcome


def drop(rows: Iterable[QuarantinedMail]) -> int:
    """Say that nobody needs them; answers how many waited. Their bytes stay, for a change of mind.

    When the same mail comes again, it waits again.
    """
    waiting = QuarantinedMail.objects.filter(pk__in=[row.pk for row in rows], state=_State.WAITING)
    return waiting.update(state=_State.DROPPED)
