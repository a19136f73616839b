# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens by which programs act for an account: made, found and revoked here."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from patchwork.people.models import ApiToken, Scope
from patchwork.projects.models import Project

PREFIX = "pw_"
"""Lets people, and programs that look for secrets in public places, see what it is."""
USE_NOTED = timedelta(minutes=5)
"""When a token was used last is written down so often at most."""

_ORDER = [scope.value for scope in Scope]


def issue(
    user: AbstractBaseUser,
    name: str,
    *,
    scope: Scope = Scope.WRITE,
    project: Project | None = None,
    expires: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token, and the secret that it is used by, which nobody can be told again."""
    secret = PREFIX + secrets.token_urlsafe(30)
    token = ApiToken.objects.create(
        user_id=user.pk,
        name=name,
        digest=_digest(secret),
        scope=scope,
        project=project,
        created=timezone.now(),
        expires=expires,
    )
    return token, secret


def find(secret: str) -> ApiToken | None:
    """The token, if it is good, and its user; notes that it was used."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), revoked=None, user__is_active=True)
        .first()
    )
    if token is None or (token.expires is not None and token.expires <= now):
        return None
    if token.last_used is None or now - token.last_used > USE_NOTED:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)
    return token


def live_of(user: AbstractBaseUser) -> QuerySet[ApiToken]:
    """The tokens of an account that were not revoked, the newest first."""
    return ApiToken.objects.filter(user_id=user.pk, revoked=None).order_by("-created", "-pk")


def revoke(token: ApiToken) -> None:
    """From now on it is good for nothing; that it was there is kept."""
    ApiToken.objects.filter(pk=token.pk, revoked=None).update(revoked=timezone.now())


def allows(token: ApiToken, scope: Scope, project_id: int | None) -> bool:
    """Whether a token is good for something in a project (or, with None, beyond projects)."""
    if _ORDER.index(token.scope) < _ORDER.index(scope):
        return False
    return token.project_id is None or token.project_id == project_id


def _digest(secret: str) -> str:
    # No salt, no stretching: nobody guesses 240 random bits.
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
