# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about accounts and people."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from patchwork.people.models import Person, UserProfile
from patchwork.projects.models import Project

MOST_ITEMS_PER_PAGE = 1_000


def profile_of(user: AbstractBaseUser) -> UserProfile:
    """An account's wishes; those of everybody as long as it has none of its own."""
    return UserProfile.objects.filter(user_id=user.pk).first() or UserProfile(user_id=user.pk)


def items_per_page(user: AbstractBaseUser | AnonymousUser) -> int:
    """How many rows of a list an account wants at once, or else everybody."""
    wanted = profile_of(user).items_per_page if isinstance(user, AbstractBaseUser) else None
    return min(wanted or settings.DEFAULT_ITEMS_PER_PAGE, MOST_ITEMS_PER_PAGE)


def addresses_of(user: AbstractBaseUser) -> list[Person]:
    """The senders that an account is linked with."""
    return list(Person.objects.filter(user_id=user.pk).order_by("email_key"))


def maintained_by(user: AbstractBaseUser) -> list[Project]:
    """The projects that an account looks after by its profile."""
    return list(Project.objects.filter(maintainer_profiles__user_id=user.pk).order_by("name"))
