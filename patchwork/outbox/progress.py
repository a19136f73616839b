# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of how far mails have come.

Each function belongs into a transaction of its caller, and locks the mail first. What became of a
mail is logged when that transaction is committed. A mail that waits for another one has no job; it
gets one in the transaction that ends the other. Who queues a mail behind another one locks that
other one as well: so neither overlooks the other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from patchwork.databases import change, load, places, select, table
from patchwork.jobs.registry import task_named
from patchwork.jobs.tasks import enqueue_many
from patchwork.outbox.models import (
    WORDS_LIMIT,
    MailState,
    OutgoingMail,
    Recipient,
    RecipientState,
)
from patchwork.outbox.transports.base import Refusal

logger = logging.getLogger("patchwork.outbox")

DELIVER = "patchwork.outbox.delivery.deliver"

OPEN = (RecipientState.WAITING, RecipientState.RETRY)
REACHED = (RecipientState.SENT, RecipientState.BOUNCED)
_LEFT_OUT = (RecipientState.RETRY, RecipientState.REFUSED)

_LEVELS = {
    MailState.SENT: logging.INFO,
    MailState.DROPPED: logging.INFO,
    MailState.RETRY: logging.WARNING,
    MailState.UNKNOWN: logging.ERROR,
    MailState.DEAD: logging.ERROR,
}


def lock(mail_id: int) -> OutgoingMail:
    """The mail as it is now, and stays until the transaction ends."""
    [mail] = load(OutgoingMail, f"id = %s{_for_update()}", [mail_id])
    return mail


def is_at(mail: OutgoingMail, *states: MailState) -> bool:
    """Lock the mail; whether nobody has done anything with it since it was read."""
    rows = select(
        f"SELECT id FROM {table(OutgoingMail)} "  # noqa: S608 (names)
        f"WHERE id = %s AND turn = %s AND state IN {places(states)}{_for_update()}",
        [mail.pk, mail.turn, *states],
    )
    return bool(rows)


def recipients_of(mail: OutgoingMail) -> list[Recipient]:
    """In the order in which they were written: the first one is the list, if there is one."""
    return load(Recipient, "mail_id = %s ORDER BY id", [mail.pk])


# --- What deliveries report: whether there is nothing more to do for their job. ------------------


def leased(
    mail: OutgoingMail, recipients: Sequence[Recipient], refusals: Mapping[str, Refusal]
) -> bool:
    """The server is about to have the mail, for those whom it does not refuse.

    False if somebody else has done something with the mail meanwhile.
    """
    if not is_at(mail, MailState.QUEUED, MailState.RETRY):
        return False
    _note(recipients, refusals)
    taken = [each.pk for each in recipients if each.address not in refusals]
    if any(each.state == RecipientState.RETRY for each in recipients):
        change(Recipient, taken, state=RecipientState.WAITING)
    now = timezone.now()
    _move(mail, MailState.LEASED, attempts=mail.attempts + 1, due=now)
    return True


def sent(mail: OutgoingMail, taken: Collection[int], words: str, due: datetime) -> bool:
    """The server has taken the mail for these recipients."""
    if not is_at(mail, MailState.LEASED):
        sent_after_all(mail.pk, taken, words)
        return True
    change(Recipient, taken, state=RecipientState.SENT, words="")
    return _settle(mail, words, due)


def refused(
    mail: OutgoingMail,
    recipients: Sequence[Recipient],
    refusals: Mapping[str, Refusal],
    due: datetime,
) -> bool:
    """None of those who still wait gets it now, some of them never."""
    if not is_at(mail, MailState.QUEUED, MailState.RETRY):
        return True
    _note(recipients, refusals)
    words = "; ".join(f"{address}: {refusal.words}" for address, refusal in refusals.items())
    return _settle(mail, words, due)


def not_sent(mail: OutgoingMail, words: str, *, is_final: bool, due: datetime) -> bool:
    """The mail as a whole got nowhere."""
    if not is_at(mail, MailState.QUEUED, MailState.RETRY, MailState.LEASED):
        return True
    if is_final:
        _refuse(mail, words)
    return _settle(mail, words, due)


def lost(mail: OutgoingMail, words: str, due: datetime) -> bool:
    """The server may have taken it, or not."""
    if is_at(mail, MailState.LEASED):
        _end(mail, MailState.UNKNOWN, recipients_of(mail), words, due=due)
    return True


def _settle(mail: OutgoingMail, words: str, due: datetime) -> bool:
    recipients = recipients_of(mail)
    if any(each.state in OPEN for each in recipients):
        attempts = mail.attempts + 1
        _end(mail, MailState.RETRY, recipients, words, due=due, attempts=attempts)
        return False
    conclude(mail, recipients, words, attempts=mail.attempts + 1)
    return True


# --- What others find out, or decide. -------------------------------------------------------------


def sent_after_all(mail_id: int, taken: Collection[int], words: str) -> None:
    """The mail had been given up, and now it is known that these recipients have it."""
    mail = lock(mail_id)
    change(Recipient, taken, state=RecipientState.SENT, words="")
    recipients = recipients_of(mail)
    if all(each.state not in OPEN for each in recipients):
        conclude(mail, recipients, words)
    elif mail.state == MailState.UNKNOWN:
        again(mail)


def again(mail: OutgoingMail) -> None:
    """Try the mail once more, with as many attempts as a new one has; earlier jobs do not count."""
    turn = mail.turn + 1
    _move(mail, MailState.QUEUED, turn=turn, due=timezone.now(), ended=None)
    post([(mail.pk, turn)])


def leave_unknown(mail: OutgoingMail, words: str) -> None:
    """Until somebody knows."""
    _end(mail, MailState.UNKNOWN, recipients_of(mail), words, due=None)


def give_up(mail: OutgoingMail, words: str) -> None:
    """Those who still wait do not get it."""
    _refuse(mail, words)
    conclude(mail, recipients_of(mail), words)


def conclude(mail: OutgoingMail, recipients: Sequence[Recipient], words: str, **more: Any) -> None:
    """Nothing is tried any more.

    Its followers go, unless the first recipient has not got it: a list that has no cover letter
    gets no patches, but somebody in Cc who is unknown there holds up nobody.
    """
    losers = [each for each in recipients if each.state == RecipientState.REFUSED]
    if losers:
        state = MailState.DEAD
        words = "; ".join(f"{each.address}: {each.words}" for each in losers)
    elif any(each.state in REACHED for each in recipients):
        state = MailState.SENT
    else:
        state = MailState.DROPPED
    if mail.is_secret:
        more["packed"] = b""
    now = timezone.now()
    _end(mail, state, recipients, words, ended=now, due=None, **more)
    if state != MailState.DEAD or recipients[0].state in REACHED:
        _release_followers(mail)


def _release_followers(mail: OutgoingMail) -> None:
    rows = select(
        f"SELECT id, turn, answers_id FROM {table(OutgoingMail)} "  # noqa: S608 (names)
        f"WHERE depends_on_id = %s AND state = %s ORDER BY id{_for_update()}",
        [mail.pk, MailState.HELD],
    )
    # What is dropped while it waits leaves its followers waiting for the same.
    before = [mail.depends_on_id, mail.answers_id] if mail.state == MailState.HELD else []
    free = []
    for mail_id, turn, answers in rows:
        first, second = obstacles([answers, *before])
        if first is None:
            free.append((mail_id, turn))
        else:
            change(OutgoingMail, [mail_id], depends_on=first, answers=second)
    change(OutgoingMail, [mail_id for mail_id, _ in free], state=MailState.QUEUED)
    post(free)


def obstacles(mail_ids: Sequence[int | None]) -> tuple[int | None, int | None]:
    """Lock mails; the first two of them that those who follow them have to wait for."""
    wanted = list(dict.fromkeys(each for each in mail_ids if each is not None))
    in_the_way = {each for each in sorted(wanted) if _is_in_the_way(each)}
    first, second, *_ = *(each for each in wanted if each in in_the_way), None, None
    return first, second


def _is_in_the_way(mail_id: int) -> bool:
    rows = select(
        f"SELECT state FROM {table(OutgoingMail)} WHERE id = %s{_for_update()}",  # noqa: S608
        [mail_id],
    )
    if not rows or rows[0][0] in (MailState.SENT, MailState.DROPPED):
        return False
    if rows[0][0] != MailState.DEAD:
        return True
    [first] = load(Recipient, "mail_id = %s ORDER BY id LIMIT 1", [mail_id])
    return first.state not in REACHED


def post(mails: Sequence[tuple[int, int]]) -> None:
    """Queue a job for each turn of a mail."""
    enqueue_many(task_named(DELIVER), mails)


def _note(recipients: Sequence[Recipient], refusals: Mapping[str, Refusal]) -> None:
    for each in recipients:
        if refusal := refusals.get(each.address):
            state = RecipientState.REFUSED if refusal.is_final else RecipientState.RETRY
            change(Recipient, [each.pk], state=state, words=refusal.words[:WORDS_LIMIT])


def _refuse(mail: OutgoingMail, words: str) -> None:
    waiting = [each.pk for each in recipients_of(mail) if each.state in OPEN]
    change(Recipient, waiting, state=RecipientState.REFUSED, words=words[:WORDS_LIMIT])


def _end(
    mail: OutgoingMail,
    state: MailState,
    recipients: Sequence[Recipient],
    words: str,
    **values: Any,
) -> None:
    """What an attempt or a decision came to."""
    _move(mail, state, words=words[:WORDS_LIMIT], **values)
    transaction.on_commit(partial(_tell, mail, state, recipients, words))


def _tell(
    mail: OutgoingMail, state: MailState, recipients: Sequence[Recipient], words: str
) -> None:
    left_out = [f"{each.address}: {each.words}" for each in recipients if each.state in _LEFT_OUT]
    told = "; ".join([words, *(each for each in left_out if each not in words)])
    logger.log(
        _LEVELS[state],
        "mail %d %s %s, correlation %s: %s",
        *(mail.pk, mail.msgid, state, mail.correlation, " ".join(told.split())),
    )


def _move(mail: OutgoingMail, state: MailState, **values: Any) -> None:
    change(OutgoingMail, [mail.pk], state=state, **values)


def _for_update() -> str:
    return "" if connection.vendor == "sqlite" else " FOR UPDATE"
