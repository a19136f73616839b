# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that want no mail from this site, and how that is said: by who reads mail there.

Nothing here tells whether an address is known, or what was said about it before.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from patchwork.databases import until_it_passes
from patchwork.outbox.models import Kind
from patchwork.people import confirmations
from patchwork.people.models import EmailConfirmation, EmailOptout, email_key
from patchwork.people.notices import account_mail, is_address, send, whole_address
from patchwork.projects.models import Project

WISHES = (EmailConfirmation.Kind.OPT_OUT, EmailConfirmation.Kind.OPT_IN)

_ASKED = {
    EmailConfirmation.Kind.OPT_OUT: (
        "Confirm: no more mail",
        "Somebody, probably you, asked that no more mail about patches is sent to\n{address}.",
    ),
    EmailConfirmation.Kind.OPT_IN: (
        "Confirm: mail again",
        "Somebody, probably you, asked that mail about patches is sent to\n{address} again.",
    ),
}
_MAIL = """\
{asked}

To confirm this, open the following page within {days} days, and push the button there:

{page}

If it was not you, do nothing, and nothing changes.

--\x20
Patchwork at {site}
"""


def has_opted_out(address: str) -> bool:
    return EmailOptout.objects.filter(pk=email_key(address)).exists()


def ask_to_confirm(kind: EmailConfirmation.Kind, address: str) -> None:
    """Send a link that confirms the wish, unless it would change nothing.

    A list's address is left alone: any of its readers could confirm for all of them.
    """

    def write() -> None:
        with transaction.atomic():
            changes = has_opted_out(address) != (kind == EmailConfirmation.Kind.OPT_OUT)
            if changes and is_address(address) and not _is_a_list(address):
                _send_key(kind, address)

    until_it_passes(write)


def confirm(confirmation: EmailConfirmation) -> None:
    """Do what was asked for, unless the key has been used in the meantime."""

    def write() -> None:
        with transaction.atomic():
            if not confirmations.use_up(confirmation):
                return
            if confirmation.kind == EmailConfirmation.Kind.OPT_OUT:
                EmailOptout.objects.get_or_create(email_key=confirmation.email)
            else:
                EmailOptout.objects.filter(email_key=confirmation.email).delete()

    until_it_passes(write)


def _send_key(kind: EmailConfirmation.Kind, address: str) -> None:
    key = confirmations.ask(kind, address)
    if key is None:
        return
    subject, asked = _ASKED[kind]
    body = _MAIL.format(
        asked=asked.format(address=address),
        days=settings.CONFIRMATION_VALIDITY_DAYS,
        page=whole_address(reverse("confirm", args=[key])),
        site=whole_address("/"),
    )
    send(account_mail(address, subject, body), Kind.ACCOUNT)


def _is_a_list(address: str) -> bool:
    return Project.objects.filter(listemail__iexact=address.strip()).exists()
