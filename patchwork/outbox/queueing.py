# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing mails down, in the transaction that decides on them.

The bytes and the Message-ID stay as they are from here on. A second mail with the same Message-ID
is taken for the first one: so the same decision twice is one mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from patchwork import correlation
from patchwork.databases import create, places, select, table
from patchwork.mail.addresses import is_mailbox
from patchwork.mail.compose import Draft, compose
from patchwork.mail.facts import MSGID_LIMIT
from patchwork.outbox import progress, secrecy
from patchwork.outbox.models import Kind, MailState, OutgoingMail, Recipient

SHOWN_LIMIT = 255
REFERENCES_LIMIT = 50
"""So many mails, the nearest ones, are looked for among those that have not been sent yet."""

_LINE_END = re.compile(rb"\r\n|\r|\n")


class CannotQueue(ValueError):
    """A mail that nobody could send; the message says why."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail whose bytes are made, and what has to be known of it."""

    content: bytes
    msgid: str
    recipients: Sequence[str]
    """Addresses; the first one is the list, if it is for one."""
    author: str
    subject: str
    answered: Sequence[str] = ()
    """The Message-IDs of the mails it replies to, the nearest first."""


def queue(
    draft: Draft,
    *,
    kind: Kind,
    recipients: Sequence[str] | None = None,
    depends_on: OutgoingMail | None = None,
) -> OutgoingMail:
    """Compose a mail and have it sent, to all it names in To and Cc unless told otherwise.

    It waits until ``depends_on`` is sent, and the mail it replies to if that is one of ours.
    """
    return queue_ready(_composed(draft, recipients), kind=kind, depends_on=depends_on)


def queue_series(
    drafts: Iterable[Draft],
    *,
    kind: Kind = Kind.LIST,
    recipients: Sequence[str] | None = None,
    depends_on: OutgoingMail | None = None,
) -> list[OutgoingMail]:
    """Mails that are sent in order, dated a second apart from the first one's date on."""
    mails: list[OutgoingMail] = []
    for number, draft in enumerate(drafts):
        if number == 0:
            first = draft.date
        dated = replace(draft, date=first + timedelta(seconds=number))
        depends_on = queue(dated, kind=kind, recipients=recipients, depends_on=depends_on)
        mails.append(depends_on)
    return mails


def queue_ready(
    ready: Ready, *, kind: Kind, depends_on: OutgoingMail | None = None
) -> OutgoingMail:
    """Have a mail sent that has been composed already."""
    addresses = _addresses(ready.recipients)
    if len(ready.msgid) > MSGID_LIMIT:
        raise CannotQueue(f"The Message-ID {ready.msgid} is too long.")
    if known := _known(ready.msgid):
        return known
    content = canonical(ready.content)
    with transaction.atomic(savepoint=False):
        explicit = depends_on.pk if depends_on else None
        before, besides = progress.obstacles([explicit, *_outgoing(ready.answered)])
        now = timezone.now()
        mail = OutgoingMail(
            msgid=ready.msgid,
            kind=kind,
            state=MailState.HELD if before else MailState.QUEUED,
            author=_shown(ready.author),
            subject=_shown(ready.subject),
            size=len(content),
            packed=secrecy.packed(content, secret=kind == Kind.ACCOUNT),
            depends_on_id=before or explicit,
            answers_id=besides,
            correlation=correlation.current(),
            created=now,
            due=now,
        )
        try:
            with transaction.atomic():
                create([mail])
        except IntegrityError:
            # Somebody else has queued it in this moment.
            if known := _known(ready.msgid):
                return known
            raise
        create([Recipient(mail=mail, address=address) for address in addresses])
        if before is None:
            progress.post([(mail.pk, mail.turn)])
    return mail


def canonical(content: bytes) -> bytes:
    """Lines end in CRLF, all of them: a bare CR or LF is where mail servers differ, and one that
    takes it for a line end can be made to see a second mail."""
    if not content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n"):
        content = _LINE_END.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def checked(address: str) -> str:
    """One address, as it can be said to a mail server."""
    if not is_mailbox(address) or address.count("@") != 1:
        raise CannotQueue(f"{address[:SHOWN_LIMIT]!r} is no address that mail can be sent to.")
    return address


def _composed(draft: Draft, recipients: Sequence[str] | None) -> Ready:
    if recipients is None:
        recipients = [each.address for each in (*draft.to, *draft.cc)]
    answered = [draft.in_reply_to, *reversed(draft.references)]
    sender = draft.sender
    return Ready(
        content=compose(draft),
        msgid=draft.msgid,
        recipients=recipients,
        author=f"{sender.name} <{sender.address}>" if sender.name else sender.address,
        subject=draft.subject,
        answered=list(dict.fromkeys(filter(None, answered))),
    )


def _addresses(recipients: Sequence[str]) -> list[str]:
    """Each once: two spellings of a domain are one mailbox, and one mail is enough."""
    if not recipients:
        raise CannotQueue("The mail is for nobody.")
    addresses: dict[tuple[str, str], str] = {}
    for address in recipients:
        local, _, domain = checked(address).rpartition("@")
        addresses.setdefault((local, domain.lower()), address)
    return list(addresses.values())


def _known(msgid: str) -> OutgoingMail | None:
    return OutgoingMail.objects.filter(msgid=msgid).first()


def _outgoing(msgids: Sequence[str]) -> list[int]:
    """Those of the mails that go out from here and are not sent, the nearest first."""
    nearest = msgids[:REFERENCES_LIMIT]
    if not nearest:
        return []
    rows = dict(
        select(
            f"SELECT msgid, id FROM {table(OutgoingMail)} "  # noqa: S608 (names)
            f"WHERE msgid IN {places(nearest)} AND state NOT IN (%s, %s)",
            [*nearest, MailState.SENT, MailState.DROPPED],
        )
    )
    return [rows[msgid] for msgid in nearest if msgid in rows]


def _shown(text: str) -> str:
    """What lists of mails show of it."""
    return "".join(each if each.isprintable() else " " for each in text)[:SHOWN_LIMIT]
