# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading the mails that wait to be sent."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from patchwork.outbox.models import OutgoingMail


def outbox() -> list[EmailMessage]:
    """The mails as their recipients will read them, in the order in which they were written."""
    rows = OutgoingMail.objects.order_by("pk")
    return [message_from_bytes(row.read_bytes(), policy=policy.default) for row in rows]


def only_mail() -> EmailMessage:
    (mail,) = outbox()
    return mail


def recipients(mail: EmailMessage) -> list[str]:
    """Whom it is given to, which is whom it names."""
    row = OutgoingMail.objects.get(msgid=mail["Message-ID"])
    given = list(row.recipients.values_list("address", flat=True))
    fields = [mail[name] for name in ("To", "Cc") if mail[name]]
    assert given == [each.addr_spec for field in fields for each in field.addresses]
    return given


def text(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")
