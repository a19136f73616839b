# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that come back: to the address that one of ours was sent from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from patchwork.databases import change
from patchwork.mail.bounces import Bounce as Report
from patchwork.mail.bounces import Failed, read, token_of
from patchwork.outbox import progress, secrecy
from patchwork.outbox.models import (
    WORDS_LIMIT,
    Bounce,
    MailState,
    OutgoingMail,
    Recipient,
    RecipientState,
)
from patchwork.outbox.returning import mail_of

NO_BOUNCE = "It is no bounce."
SAYS_NOTHING = "It does not say what failed."
CAME_BACK = "It was sent: it has bounced."

SIZE_LIMIT = 256 * 1024
"""So much of a bounce is kept."""
COUNT_LIMIT = 20
"""So many bounces of one mail are kept; what others say is written on the mail all the same."""

_HEAD = 65_536


def token_in(raw: bytes) -> str | None:
    """The token of the return address that a mail has come to; empty when we have not made it, and
    None for a mail that came to other addresses."""
    if not settings.BOUNCE_ADDRESS:
        return None
    # Nearly every mail is done with here.
    local, head = settings.BOUNCE_ADDRESS.rpartition("@")[0].lower().encode(), raw[:_HEAD].lower()
    if local + b"+" not in head and local + b"@" not in head:
        return None
    token = token_of(raw, settings.BOUNCE_ADDRESS)
    return token if token is None or mail_of(token) is not None else ""


def marked(raw: bytes, recipients: Sequence[str]) -> bytes:
    """A mail that came to a return address, with the recipient of its envelope on top, as mail
    servers write it; any other mail as it is, and one that came to others as well unless its token
    is ours."""
    if not settings.BOUNCE_ADDRESS:
        return raw
    tokens = {each: token_of(b"", settings.BOUNCE_ADDRESS, [each]) for each in recipients}
    ours = [each for each, token in tokens.items() if token and mail_of(token) is not None]
    if not ours and None not in tokens.values():
        ours = list(recipients)
    for address in ours[:1]:
        return f"Delivered-To: {address.strip('<>')}\n".encode() + raw
    return raw


def take(raw: bytes, token: str) -> Bounce:
    """Keep what came back, and write it on the mail and on those who have not got it.

    The same bytes again are the same bounce, and change nothing.
    """
    if known := _known(raw):
        return known
    with transaction.atomic():
        # The mail may have been forgotten long ago, and without a token nobody knows which it is.
        mails = OutgoingMail.objects.filter(pk=mail_of(token) or 0)
        mail = mails.select_for_update().first()
        report = read(raw)
        if mail is None or mail.is_secret:
            report = _without_links(report)
        bounce = _keep(raw, mail, _in_short(report))
        if mail is not None and report.is_bounce:
            _write_on(mail, report, bounce.said)
    return bounce


def _without_links(report: Report) -> Report:
    """The report on a mail that may be about an account."""
    permanent, temporary = (
        tuple(replace(each, words=secrecy.without_links(each.words)) for each in failed)
        for failed in (report.permanent, report.temporary)
    )
    return replace(report, permanent=permanent, temporary=temporary)


def put_aside(raw: bytes, reason: str) -> Bounce:
    """Keep what came back and could not be dealt with."""
    return _known(raw) or _keep(raw, None, reason)


def _known(raw: bytes) -> Bounce | None:
    return Bounce.objects.filter(sha256=sha256(raw).hexdigest()).first()


def _keep(raw: bytes, mail: OutgoingMail | None, said: str) -> Bounce:
    """As a secret, if it may hold a mail about an account. Whoever has got one mail can send back
    as much as he likes: of too many nothing is kept."""
    is_secret = mail is None or mail.is_secret
    bounce = Bounce(
        mail=mail,
        sha256=sha256(raw).hexdigest(),
        said=said[:WORDS_LIMIT],
        packed=secrecy.packed(raw[:SIZE_LIMIT], secret=is_secret),
        secret=is_secret,
    )
    if mail is None or mail.bounces.count() < COUNT_LIMIT:
        bounce.save()
    return bounce


def _write_on(mail: OutgoingMail, report: Report, said: str) -> None:
    """What concerns those who were reached; others cannot have sent it back."""
    is_news = mail.state == MailState.UNKNOWN
    recipients = progress.recipients_of(mail)
    if is_news:
        waiting = [each.pk for each in recipients if each.state == RecipientState.WAITING]
        progress.sent_after_all(mail.pk, waiting, CAME_BACK)
        recipients = progress.recipients_of(mail)
    bounced = [(each, who) for each in report.permanent for who in _meant(each, recipients)]
    late = [who for each in report.temporary for who in _meant(each, recipients)]
    for failed, who in bounced:
        change(Recipient, [who.pk], state=RecipientState.BOUNCED, words=failed.words or said)
    if bounced or is_news:
        change(OutgoingMail, [mail.pk], bounced=timezone.now(), words=said)
    elif late:
        change(OutgoingMail, [mail.pk], words=said)


def _meant(failed: Failed, recipients: Sequence[Recipient]) -> list[Recipient]:
    """Those who got the mail under that address; an only recipient may have had it forwarded."""
    reached = [each for each in recipients if each.state in progress.REACHED]
    named = [each for each in reached if each.address.lower() == failed.address.lower()]
    return named or (reached if len(recipients) == 1 else [])


def _in_short(report: Report) -> str:
    if not report.is_bounce:
        return NO_BOUNCE
    told = [("bounced", each) for each in report.permanent]
    told += [("late", each) for each in report.temporary]
    words = "; ".join(f"{word}: {each.address}: {each.words}" for word, each in told)
    return words[:WORDS_LIMIT] or SAYS_NOTHING
