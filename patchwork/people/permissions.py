# SPDX-License-Identifier: GPL-2.0-or-later
"""Who looks after a project."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from patchwork.people.models import UserProfile

User = AbstractBaseUser | AnonymousUser


def is_maintainer(user: User, project_id: int) -> bool:
    """Whether it is among the user's maintained projects; superusers maintain all."""
    if not user.is_authenticated or not user.is_active:
        return False
    if getattr(user, "is_superuser", False):
        return True
    return UserProfile.objects.filter(user_id=user.pk, maintainer_projects=project_id).exists()


def may_edit_account(user: User, account_id: int) -> bool:
    """Its names: everybody their own, superusers everybody's."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.pk == account_id or bool(getattr(user, "is_superuser", False))
