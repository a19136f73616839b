# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that this site itself writes to people, and who wants none."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sites.models import Site
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.urls import reverse
from django.utils import timezone

from patchwork.mail.compose import CannotCompose, Draft, Mailbox, new_msgid
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.outbox.queueing import CannotQueue, queue
from patchwork.people.models import EmailOptout, email_key

logger = logging.getLogger(__name__)

_OURS = (("Auto-Submitted", "auto-generated"), ("X-Patchwork-Hint", "ignore"))
"""Nobody's holiday is to answer it, and no patchwork is to take it in."""
_FOOTER = """\

--\x20
Patchwork at {site}
If you want no mail from here: {settings}
"""


def notify(account: AbstractBaseUser, subject: str, body: str) -> bool:
    """Have a mail sent to an account; answers whether it is."""
    name = str(getattr(account, "get_full_name", str)())
    to = wanted_by([Mailbox(name, str(getattr(account, "email", "")))])
    return bool(to) and send(notice(to, subject, body)) is not None


def notice(
    to: Sequence[Mailbox],
    subject: str,
    body: str,
    *,
    cc: Sequence[Mailbox] = (),
    reply_to: Sequence[Mailbox] = (),
    in_reply_to: str = "",
    msgid: str = "",
) -> Draft:
    """A mail about patches, with where to go for those who want no more of them."""
    settings_page = whole_address(reverse("mail-settings"))
    return Draft(
        sender=_mailbox(settings.NOTIFICATION_FROM_EMAIL),
        to=tuple(to),
        cc=tuple(cc),
        reply_to=tuple(reply_to),
        subject=subject,
        body=body + _FOOTER.format(site=whole_address("/"), settings=settings_page),
        msgid=msgid or new_msgid(_domain()),
        date=timezone.now(),
        in_reply_to=in_reply_to,
        headers=(*_OURS, ("List-Unsubscribe", f"<{whole_address(reverse('mail-optout'))}>")),
    )


def account_mail(address: str, subject: str, body: str) -> Draft:
    """A mail to somebody who asked for it on a page: about an account, or about an address."""
    return Draft(
        sender=_mailbox(settings.DEFAULT_FROM_EMAIL),
        to=(Mailbox("", address),),
        subject=subject,
        body=body,
        msgid=new_msgid(_domain()),
        date=timezone.now(),
        headers=_OURS,
    )


def send(draft: Draft, kind: Kind = Kind.NOTICE) -> OutgoingMail | None:
    """Have a mail sent, within the transaction of what it tells of.

    None if it cannot be written or addressed, which is no reason for anything else to fail.
    """
    try:
        return queue(draft, kind=kind)
    except (CannotCompose, CannotQueue) as error:
        logger.warning("nobody is told %r: %s", draft.subject, error)
        return None


def wanted_by(mailboxes: Iterable[Mailbox]) -> list[Mailbox]:
    """Those who can be written to and have not said that they want no mail from here."""
    possible = [each for each in mailboxes if is_address(each.address)]
    keys = {email_key(each.address) for each in possible}
    unwilling = EmailOptout.objects.filter(pk__in=keys) if keys else EmailOptout.objects.none()
    refused = set(unwilling.values_list("pk", flat=True))
    return [each for each in possible if email_key(each.address) not in refused]


def is_address(text: str) -> bool:
    """Whether mail may be sent to it, as far as can be told without trying."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def msgid_for(*facts: object) -> str:
    """The Message-ID of a mail that tells these facts: who tells them again sends no other mail."""
    digest = sha256(repr(facts).encode()).hexdigest()
    return new_msgid(_domain(), left=digest[:40])


def whole_address(path: str) -> str:
    """A path of this site as a mail can give it."""
    scheme = "https" if settings.FORCE_HTTPS_LINKS else "http"
    return f"{scheme}://{Site.objects.get_current().domain}{path}"


def _domain() -> str:
    return Site.objects.get_current().domain.partition(":")[0]


def _mailbox(written: str) -> Mailbox:
    return Mailbox(*parseaddr(written))
