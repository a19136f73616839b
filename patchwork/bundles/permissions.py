# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may see and change a bundle."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from patchwork.bundles.models import Bundle
from patchwork.people.permissions import User


def visible_to(user: User) -> QuerySet[Bundle]:
    """The public ones, and one's own."""
    if not user.is_authenticated:
        return Bundle.objects.filter(public=True)
    return Bundle.objects.filter(Q(public=True) | Q(owner_id=user.pk))


def may_edit(user: User, bundle: Bundle) -> bool:
    """Only whose it is."""
    return bool(user.is_authenticated and user.is_active and user.pk == bundle.owner_id)
