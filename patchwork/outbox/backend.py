# SPDX-License-Identifier: GPL-2.0-or-later
"""Django's own mails, and those of other apps, on the same way as all others."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import getaddresses, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, transaction

from patchwork.mail.compose import new_msgid
from patchwork.outbox.models import Kind
from patchwork.outbox.queueing import Ready, queue_ready


class OutboxBackend(BaseEmailBackend):
    """Queues mails in the transaction that is open: password resets, mails to ADMINS.

    They are taken for mails about accounts, whatever they say: nobody but their recipients reads
    them, and those that cannot be sent within an hour are not sent.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        try:
            with transaction.atomic():
                ready = [_ready(message) for message in email_messages if message.recipients()]
                for each in ready:
                    queue_ready(each, kind=Kind.ACCOUNT)
        except (DatabaseError, ValueError):
            if not self.fail_silently:
                raise
            return 0
        return len(ready)


def _ready(message: EmailMessage) -> Ready:
    written = message.message()
    if "message-id" not in {name.lower() for name in message.extra_headers}:
        del written["Message-ID"]
        written["Message-ID"] = new_msgid(_domain())
    return Ready(
        content=written.as_bytes(),
        msgid=str(written["Message-ID"]),
        recipients=[address for _, address in getaddresses(message.recipients())],
        author=str(message.from_email),
        subject=str(message.subject),
    )


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
