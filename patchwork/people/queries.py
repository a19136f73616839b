# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about accounts and people."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from patchwork.databases import column, places, rows
from patchwork.people.models import Person, UserProfile
from patchwork.projects.models import Project

MOST_ITEMS_PER_PAGE = 1_000


class Account(NamedTuple):
    """What everybody may know of an account."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str


class PersonRecord(NamedTuple):
    """A sender, and the account that says it is its own."""

    id: int
    name: str
    email: str
    user_id: int | None


_PERSON = ("id", "name", "email", "user_id")


def accounts(user_ids: Collection[int]) -> dict[int, Account]:
    """The accounts with these ids."""
    user = get_user_model()
    if not user_ids:
        return {}
    where = f"{column(user, 'id')} IN {places(user_ids)}"
    return {row[0]: Account._make(row) for row in rows(user, Account._fields, where, [*user_ids])}


def people(person_ids: Collection[int]) -> dict[int, PersonRecord]:
    """The people with these ids."""
    where = f"{column(Person, 'id')} IN {places(person_ids)}"
    found = rows(Person, _PERSON, where, [*person_ids])
    return {row[0]: PersonRecord._make(row) for row in found}


def maintainer_ids(project_ids: Collection[int]) -> dict[int, list[int]]:
    """Project id -> the accounts that look after it."""
    pairs = (
        UserProfile.maintainer_projects.through.objects.filter(project_id__in=project_ids)
        .order_by("userprofile__user_id")
        .values_list("project_id", "userprofile__user_id")
    )
    found: dict[int, list[int]] = {project_id: [] for project_id in project_ids}
    for project_id, user_id in pairs:
        found[project_id].append(user_id)
    return found


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
