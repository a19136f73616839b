# SPDX-License-Identifier: GPL-2.0-or-later
"""Where mails bounce to: an address for each mail, which nobody can make up."""

from __future__ import annotations

import hmac
from email.utils import parseaddr

from django.conf import settings

from patchwork.mail.bounces import verp
from patchwork.outbox.models import OutgoingMail
from patchwork.outbox.secrecy import signatures


def return_path(mail: OutgoingMail) -> str:
    """The sender of its envelope."""
    if settings.BOUNCE_ADDRESS:
        return verp(settings.BOUNCE_ADDRESS, token(mail.pk))
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def token(mail_id: int) -> str:
    """Names the mail in an address; in lower case, for mail servers that change the case."""
    return f"{mail_id}-{signatures(str(mail_id))[0]}"


def mail_of(token: str) -> int | None:
    """The mail's id, if we have signed this."""
    mail_id, _, signature = token.lower().partition("-")
    if not (token.isascii() and mail_id.isdecimal() and len(mail_id) < 19):
        return None
    if any(hmac.compare_digest(signature, each) for each in signatures(mail_id)):
        return int(mail_id)
    return None
