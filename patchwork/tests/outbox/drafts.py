# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails to send, and what the tests do with time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from patchwork.jobs.models import Job
from patchwork.jobs.worker import drain
from patchwork.mail.compose import Draft, Mailbox
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.outbox.queueing import queue

LIST = "list@example.org"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def draft(name: str = "one", *to: str, **more: Any) -> Draft:
    """A mail to the list, or to others."""
    return Draft(
        sender=Mailbox("Ann", "ann@example.org"),
        to=tuple(Mailbox("", address) for address in to or (LIST,)),
        subject=f"Subject of {name}",
        body=f"Text of {name}, mit Grüßen.\n",
        msgid=f"<{name}@example.org>",
        date=NOON,
        **more,
    )


def queued(name: str = "one", *to: str, kind: Kind = Kind.LIST, **more: Any) -> OutgoingMail:
    return queue(draft(name, *to, **more), kind=kind)


def state(mail: OutgoingMail) -> str:
    mail.refresh_from_db()
    return mail.state


def recipients(mail: OutgoingMail) -> dict[str, str]:
    return {each.address: each.state for each in mail.recipients.order_by("id")}


def words(mail: OutgoingMail) -> str:
    mail.refresh_from_db()
    return mail.words


def let_time_pass(**time: float) -> None:
    """For everything that waits: what was to happen within that time is due."""
    passed = timedelta(**time)
    for job in Job.objects.all():
        if job.due:
            Job.objects.filter(pk=job.pk).update(due=job.due - passed)
    for mail in OutgoingMail.objects.all():
        due = mail.due - passed if mail.due else None
        OutgoingMail.objects.filter(pk=mail.pk).update(due=due, created=mail.created - passed)


def deliver_all(rounds: int = 40) -> None:
    """Until nothing is tried any more, however long the pauses are."""
    for _ in range(rounds):
        drain()
        if not Job.objects.exclude(due=None).exists():
            return
        let_time_pass(hours=2)
    raise AssertionError("it does not come to an end")
