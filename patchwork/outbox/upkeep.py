# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done with mails that nobody else looks after."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from patchwork.jobs import changes as jobs
from patchwork.jobs import periodic
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.tasks import OnDead, task
from patchwork.outbox import progress
from patchwork.outbox.delivery import VANISHED, in_a_while
from patchwork.outbox.models import Bounce, Kind, MailState, OutgoingMail, RecipientState

SECRETS_KEPT = timedelta(hours=1)
EXPIRED = "expired: its text has been wiped"
CAME_BACK = "It has come back to us, so it was sent."
WAITS = "It has not come back: say that it was sent, or send it again."
NO_JOB = "Its job was dropped."

BATCH = 500
"""Rows of one transaction."""


def register_all() -> None:
    periodic.register("outbox", look_after, every=timedelta(minutes=1))
    periodic.register("outbox-prune", prune, every=timedelta(days=1))


@task(on_dead=OnDead.CONTINUE)
def look_after() -> None:
    wipe_secrets()
    resolve_unknown()
    adopt_orphans()


def resolve_unknown() -> None:
    """Mails that were sent or not: those that come back were. For the others we wait some time;
    then notices are sent again, and mails to lists wait for an operator."""
    for mail in OutgoingMail.objects.filter(state=MailState.UNKNOWN).defer("packed").order_by("id"):
        is_due = mail.due is not None and mail.due <= timezone.now()
        if mail.returned or is_due:
            with transaction.atomic():
                if progress.is_at(mail, MailState.UNKNOWN):
                    _resolve(mail, is_due=is_due)


def _resolve(mail: OutgoingMail, *, is_due: bool) -> None:
    first, *others = progress.recipients_of(mail)
    in_doubt = [each.pk for each in (first, *others) if each.state == RecipientState.WAITING]
    # When the list had it before, its copy says nothing about those who were to get it now.
    if mail.returned and first.pk in in_doubt:
        progress.sent_after_all(mail.pk, in_doubt, CAME_BACK)
    elif not is_due:
        return
    elif mail.kind != Kind.LIST or settings.OUTBOX_RESEND_UNKNOWN:
        progress.again(mail)
    else:
        progress.leave_unknown(mail, f"{WAITS} ({mail.words})")


def wipe_secrets() -> None:
    """Mails about accounts that could not be sent in time are of no use, and full of keys."""
    then = timezone.now() - SECRETS_KEPT
    unfinished = OutgoingMail.objects.filter(
        kind=Kind.ACCOUNT,
        created__lt=then,
        state__in=(MailState.HELD, MailState.QUEUED, MailState.RETRY, MailState.UNKNOWN),
    )
    for mail in unfinished:
        with transaction.atomic():
            if progress.is_at(mail, MailState(mail.state)):
                progress.give_up(mail, EXPIRED)
    Bounce.objects.filter(secret=True, received__lt=then).exclude(packed=b"").update(packed=b"")


def adopt_orphans() -> None:
    """Mails whose job has ended otherwise than by what became of the mail: it was dropped by hand,
    or is dead of a mistake of ours."""
    ended = Job.objects.filter(state__in=(JobState.DEAD, JobState.CANCELLED), name=progress.DELIVER)
    for job in ended:
        mail_id, turn = job.arguments["args"]
        for mail in OutgoingMail.objects.filter(pk=mail_id, turn=turn):
            with transaction.atomic():
                _adopt(mail, job.error)
        if job.state == JobState.DEAD:
            jobs.drop(job.pk)


def _adopt(mail: OutgoingMail, error: str) -> None:
    if progress.is_at(mail, MailState.LEASED):
        progress.lost(mail, VANISHED, in_a_while())
    elif progress.is_at(mail, MailState.QUEUED, MailState.RETRY):
        progress.give_up(mail, error.strip() or NO_JOB)


@task(on_dead=OnDead.CONTINUE)
def prune() -> None:
    """Forget what was sent or dropped OUTBOX_KEEP_DAYS ago, but no mail to a list: those are the
    record of what was said there in our name."""
    then = timezone.now() - timedelta(days=settings.OUTBOX_KEEP_DAYS)
    Bounce.objects.filter(received__lt=then).exclude(mail__kind=Kind.LIST).delete()
    ended = OutgoingMail.objects.filter(
        state__in=(MailState.SENT, MailState.DROPPED), ended__lt=then
    ).exclude(kind=Kind.LIST)
    while ids := list(ended.order_by("ended").values_list("pk", flat=True)[:BATCH]):
        OutgoingMail.objects.filter(pk__in=ids).delete()
