# SPDX-License-Identifier: GPL-2.0-or-later
"""Proof that somebody reads at an address: a key is sent there, and comes back once.

Whoever has the database does not have the keys: only their digests are stored.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from patchwork.people.models import EmailConfirmation, UserProfile, email_key

PENDING_LIMIT = 3
"""So many keys of one kind an address is sent before one of them is used, or all are too old:
nobody can fill somebody else's mailbox with our mails."""


def ask(kind: EmailConfirmation.Kind, address: str) -> str | None:
    """A key to be sent to an address; None if it has had enough of them."""
    email = email_key(address)
    pending = _valid().filter(kind=kind, email=email)
    if pending.count() >= PENDING_LIMIT:
        return None
    key = secrets.token_urlsafe(32)
    EmailConfirmation.objects.create(
        kind=kind, email=email, key=_digest(key), created=timezone.now()
    )
    return key


def find(key: str) -> EmailConfirmation | None:
    """What a key confirms; None if it is too old, was used, or never was one."""
    return _valid().filter(key=_digest(key)).first()


def use_up(confirmation: EmailConfirmation) -> bool:
    """Within the transaction of what is confirmed; False if somebody else was faster."""
    return bool(_valid().filter(pk=confirmation.pk).update(active=False))


def forget_expired() -> None:
    """Delete keys that are too old, used or not, and accounts that were waiting for theirs."""
    with transaction.atomic():
        _never_confirmed().delete()
        EmailConfirmation.objects.filter(created__lte=oldest_valid()).delete()


def oldest_valid() -> datetime:
    """Whoever was asked before this is not waited for any more."""
    return timezone.now() - timedelta(days=settings.CONFIRMATION_VALIDITY_DAYS)


def _valid() -> QuerySet[EmailConfirmation]:
    return EmailConfirmation.objects.filter(active=True, created__gt=oldest_valid())


def _never_confirmed() -> QuerySet[AbstractBaseUser]:
    """Accounts that somebody wanted to have and did not confirm in time.

    One that anything at all refers to is kept, whatever it is; but not for an empty profile.
    """
    accounts = get_user_model()._default_manager.filter(is_active=False, last_login=None)
    asked = EmailConfirmation.objects.filter(
        kind=EmailConfirmation.Kind.REGISTRATION, active=True, user=OuterRef("pk")
    )
    is_valid = Q(created__gt=oldest_valid())
    waiting = accounts.filter(Exists(asked.exclude(is_valid)), ~Exists(asked.filter(is_valid)))
    for relation in get_user_model()._meta.related_objects:
        if relation.related_model is EmailConfirmation:
            continue
        rows = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        if relation.related_model is UserProfile:
            rows = rows.filter(maintainer_projects__isnull=False)
        waiting = waiting.filter(~Exists(rows))
    return waiting.filter(is_staff=False, is_superuser=False)


def _digest(key: str) -> str:
    # No salt, no stretching: nobody guesses 256 random bits.
    return sha256(key.encode("utf-8", "replace")).hexdigest()
