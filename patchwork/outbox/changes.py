# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does with a mail: by the same rules, whichever door it comes from."""

from __future__ import annotations

from django.db import transaction

from patchwork.databases import change
from patchwork.outbox import progress
from patchwork.outbox.models import MailState, OutgoingMail, Recipient, RecipientState
from patchwork.outbox.queueing import CannotQueue, checked

ASSUMED = "An operator says that it was sent."

RETRIED = (MailState.DEAD, MailState.RETRY, MailState.UNKNOWN)
DROPPED = (
    *(MailState.HELD, MailState.QUEUED, MailState.RETRY),
    *(MailState.UNKNOWN, MailState.DEAD),
)
_NOT_READDRESSED = (MailState.LEASED, MailState.UNKNOWN, MailState.DROPPED)
_NOT_REACHED = (*progress.OPEN, RecipientState.REFUSED)
_READDRESSED = (*_NOT_REACHED, RecipientState.BOUNCED)


class CannotDo(Exception):
    """The mail does not stand where this could be done; says where it stands."""


def retry(mail: OutgoingMail) -> None:
    """Send it now: to those who have refused it before, and to those who wait.

    Of a mail that was sent or not, nobody knows, this is the decision to send it again.
    """
    with transaction.atomic():
        mail = _locked(mail)
        if mail.state not in RETRIED:
            raise CannotDo(f"{_where(mail)}; there is nothing to try again.")
        if not mail.packed:
            raise CannotDo("Its text has been wiped, as that of every mail about an account.")
        refused = _those(mail, RecipientState.REFUSED)
        change(Recipient, refused, state=RecipientState.WAITING, words="")
        progress.again(mail)


def drop(mail: OutgoingMail, *, followers: bool = False) -> None:
    """Send it to nobody else. What waits for it goes out, unless it is dropped as well."""
    with transaction.atomic():
        mail = _locked(mail)
        if mail.state not in DROPPED:
            raise CannotDo(f"{_where(mail)}; it cannot be dropped.")
        # The last one first, so that none goes out because the one before it is dropped.
        for each in reversed(_line_behind(mail) if followers else [mail]):
            change(Recipient, _those(each, *_NOT_REACHED), state=RecipientState.DROPPED)
            progress.conclude(each, progress.recipients_of(each), each.words)


def readdress(recipient: Recipient, address: str) -> None:
    """Send it to another address instead, with the same bytes: its headers name the old one.

    Not a mail about an account: whoever gets it can open the account.
    """
    try:
        address = checked(address)
    except CannotQueue as error:
        raise CannotDo(str(error)) from error
    with transaction.atomic():
        mail = _locked(recipient.mail)
        if mail.is_secret:
            raise CannotDo("A mail about an account is for nobody else.")
        if mail.state in _NOT_READDRESSED:
            raise CannotDo(f"{_where(mail)}; its recipients cannot be changed.")
        recipients = progress.recipients_of(mail)
        [current] = [each for each in recipients if each.pk == recipient.pk]
        if current.state not in _READDRESSED:
            raise CannotDo(f"{current.address} has got the mail.")
        if address in [each.address for each in recipients]:
            raise CannotDo(f"The mail is for {address} already.")
        values = {"address": address, "state": RecipientState.WAITING, "words": ""}
        change(Recipient, [recipient.pk], **values)
        if mail.state != MailState.HELD:
            progress.again(mail)


def can_readdress(mail: OutgoingMail, recipient: Recipient) -> bool:
    """As far as its kind and their states tell."""
    is_movable = not mail.is_secret and mail.state not in _NOT_READDRESSED
    return is_movable and recipient.state in _READDRESSED


def assume_sent(mail: OutgoingMail) -> None:
    """Say that a mail was sent of which nobody knows."""
    with transaction.atomic():
        mail = _locked(mail)
        if mail.state != MailState.UNKNOWN:
            raise CannotDo(f"{_where(mail)}; there is nothing to assume.")
        taken = _those(mail, RecipientState.WAITING)
        progress.sent_after_all(mail.pk, taken, ASSUMED)


def _locked(mail: OutgoingMail) -> OutgoingMail:
    try:
        return progress.lock(mail.pk)
    except ValueError as error:
        raise CannotDo(f"There is no mail {mail.pk} any more.") from error


def _line_behind(mail: OutgoingMail) -> list[OutgoingMail]:
    """The mail and those that wait for it, each locked before its own followers are looked for."""
    line = [mail]
    for each in line:
        ids = OutgoingMail.objects.filter(depends_on=each, state=MailState.HELD).order_by("id")
        followers = map(progress.lock, ids.values_list("pk", flat=True))
        line += [follower for follower in followers if follower.state == MailState.HELD]
    return line


def _those(mail: OutgoingMail, *states: RecipientState) -> list[int]:
    return [each.pk for each in progress.recipients_of(mail) if each.state in states]


def _where(mail: OutgoingMail) -> str:
    return f"The mail {mail.msgid} is in state '{MailState(mail.state).label}'"
