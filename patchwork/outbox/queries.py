# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about mails that go out, for those who look after them; nothing changes.

Each answer takes a fixed number of statements. Mails to lists are kept for ever, so nobody is to
count what was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, Max, Min, OrderBy, OuterRef, QuerySet
from django.db.models.functions import Lower, Now

from patchwork.outbox.models import Kind, MailState, OutgoingMail, Recipient

OPEN = (
    MailState.HELD,
    MailState.QUEUED,
    MailState.LEASED,
    MailState.RETRY,
    MailState.UNKNOWN,
    MailState.DEAD,
)
"""What is still to be sent, and what somebody has to decide on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many mails of a kind stand in one state, and for how long."""

    kind: Kind
    state: MailState
    count: int
    oldest: float
    """Seconds since the oldest of them was written."""


def standings() -> list[Standing]:
    """All open mails, by kind and state."""
    rows = (
        OutgoingMail.objects.filter(state__in=OPEN)
        .values("state", "kind")
        .annotate(count=Count("id"), created=Min("created"), now=Max(Now()))
        .order_by("state", "kind")
    )
    return [
        Standing(
            Kind(row["kind"]),
            MailState(row["state"]),
            row["count"],
            oldest=_seconds(row["created"], row["now"]),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which mails somebody wants to see."""

    states: Collection[MailState] = OPEN
    kind: str = ""
    recipient: str = ""
    """A part of an address, in any case."""
    subject: str = ""
    """A part of it, in any case."""
    correlation: str = ""


def select_mails(selection: Selection) -> QuerySet[OutgoingMail]:
    """The newest first, without their bytes."""
    rows = OutgoingMail.objects.order_by(newest_first(selection.states)).defer("packed")
    if set(selection.states) != set(MailState):
        rows = rows.filter(state__in=sorted(selection.states))
    if selection.kind:
        rows = rows.filter(kind=selection.kind)
    if selection.recipient:
        rows = rows.filter(is_for(selection.recipient))
    if selection.subject:
        rows = rows.filter(subject__icontains=selection.subject)
    if selection.correlation:
        rows = rows.filter(correlation=selection.correlation)
    return rows


def is_for(text: str) -> Exists:
    """A recipient's address has this in it, in any case: identifiers are compared byte for byte,
    by MariaDB even where Django's lookups do not."""
    recipients = Recipient.objects.annotate(lowered=Lower("address")).order_by()
    return Exists(recipients.filter(mail=OuterRef("pk"), lowered__contains=text.lower()))


def newest_first(states: Collection[str]) -> OrderBy:
    """What has ended by when it did, since there is an index of that; else by id, and as with
    jobs not by its index where all that was sent is left out."""
    if {*states} <= {MailState.SENT, MailState.DROPPED}:
        return F("ended").desc()
    row_id = F("id") if MailState.SENT in states else F("id") + 0
    return row_id.desc()


def held_up(mails: Iterable[OutgoingMail]) -> dict[int, int]:
    """How many mails wait for each of these, if any do."""
    waiting = OutgoingMail.objects.filter(
        depends_on__in=[mail.pk for mail in mails], state=MailState.HELD
    )
    counts = waiting.values_list("depends_on").annotate(count=Count("id")).order_by()
    return {mail_id: count for mail_id, count in counts if mail_id is not None}


def followers_of(mail: OutgoingMail) -> QuerySet[OutgoingMail]:
    """The mails that wait for this one."""
    return mail.followers.filter(state=MailState.HELD).order_by("id").defer("packed")


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
