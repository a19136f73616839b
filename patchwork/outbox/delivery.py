# SPDX-License-Identifier: GPL-2.0-or-later
"""Giving one mail to the transport, and writing down what became of it.

That a mail is leased is committed right before its text is given away, and that it is sent
together with the end of the job. Whoever finds a mail leased that he has not leased himself comes
after somebody who was cut off in between: the mail may have been sent, and is not sent again here.
So a mail goes out once, however often its job is run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from patchwork.databases import load, until_it_passes
from patchwork.jobs.tasks import Backoff, JobContext, LostLease, RetryLater, task
from patchwork.outbox import progress, transports
from patchwork.outbox.models import MailState, OutgoingMail
from patchwork.outbox.returning import return_path
from patchwork.outbox.secrecy import Unreadable, without_links
from patchwork.outbox.transports.base import CutOff, NotSent, Parcel

BACKOFF = Backoff(first=60, factor=2, most=3600)
VANISHED = "The worker that was sending it has vanished."

_AT_HAND = (MailState.QUEUED, MailState.RETRY, MailState.LEASED)


@task(
    queue_name="mail",
    max_attempts=settings.OUTBOX_ATTEMPTS,
    backoff=BACKOFF,
    takes_context=True,
)
def deliver(context: JobContext, mail_id: int, turn: int) -> None:
    """Harmless to run again: by the mail's state, and by its turn."""
    mail = _at_hand(mail_id, turn)
    if mail is None:
        return
    record = partial(_record, context)
    if mail.state == MailState.LEASED:
        record(lambda: progress.lost(mail, VANISHED, in_a_while()))
        return
    pause = timedelta(seconds=BACKOFF.seconds(context.attempt))
    due = timezone.now() + pause
    waiting = [each for each in progress.recipients_of(mail) if each.state in progress.OPEN]
    words = ""
    try:
        parcel = Parcel(return_path(mail), [each.address for each in waiting], _bytes_of(mail))
        transport = transports.current()
        offered = transport.offer(parcel)
        refusals = {
            who: replace(why, words=_heard(mail, why.words)) for who, why in offered.items()
        }
        if context.is_last:
            refusals = {who: replace(why, is_final=True) for who, why in refusals.items()}
        taken = [each.pk for each in waiting if each.address not in refusals]
        if not taken:
            transport.withdraw()
            is_over = record(lambda: progress.refused(mail, waiting, refusals, due))
        elif not _commit(lambda: progress.leased(mail, waiting, refusals)):
            transport.withdraw()
            return
        else:
            words = _heard(mail, transport.transmit())
            is_over = record(lambda: progress.sent(mail, taken, words, due))
    except NotSent as error:
        words, is_final = _heard(mail, str(error)), error.is_final or context.is_last
        is_over = record(lambda: progress.not_sent(mail, words, is_final=is_final, due=due))
    except CutOff as error:
        words = _heard(mail, str(error))
        is_over = record(lambda: progress.lost(mail, words, in_a_while()))
    except Exception:
        # Nobody knows where the conversation stands.
        transports.let_go()
        raise
    if not is_over:
        raise RetryLater(words or "put off", after=pause)


def in_a_while() -> datetime:
    """Until then a mail that may have been sent can come back by itself."""
    return timezone.now() + timedelta(minutes=settings.OUTBOX_UNKNOWN_MINUTES)


def _at_hand(mail_id: int, turn: int) -> OutgoingMail | None:
    """The mail, if this job is the one that is responsible for it."""
    for mail in load(OutgoingMail, "id = %s", [mail_id]):
        if mail.turn == turn and mail.state in _AT_HAND:
            return mail
    return None


def _bytes_of(mail: OutgoingMail) -> bytes:
    try:
        return mail.read_bytes()
    except Unreadable as error:
        raise NotSent(str(error), is_final=True) from error


def _heard(mail: OutgoingMail, words: str) -> str:
    """The server's words, as everybody may read them."""
    return without_links(words) if mail.is_secret else words


def _record(context: JobContext, step: Callable[[], bool]) -> bool:
    """Write down what is known, and with it that the job is done, if it is."""

    def with_the_job() -> bool:
        is_over = step()
        if is_over:
            context.finish()
        return is_over

    try:
        return _commit(with_the_job)
    except LostLease:
        # Another worker has the job by now; what we know is true all the same.
        return _commit(step)


def _commit(step: Callable[[], bool]) -> bool:
    def whole() -> bool:
        with transaction.atomic():
            return step()

    return until_it_passes(whole)
