# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writers of people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from patchwork.databases import column, load, places, upsert
from patchwork.mail.facts import Address
from patchwork.people.models import Person, UserProfile, email_key
from patchwork.projects.models import Project


def meet(addresses: Iterable[Address]) -> dict[str, Person]:
    """The people behind these addresses, by ``email_key``; those unseen so far are added.

    The name that came first stays: a later mail could carry any name. Call it under the lock of
    the project that the mails belong to.
    """
    first_seen: dict[str, Address] = {}
    for address in addresses:
        first_seen.setdefault(email_key(address.email), address)
    met = load(Person, f"{column(Person, 'email_key')} IN {places(first_seen)}", list(first_seen))
    people = {person.email_key: person for person in met}
    missing = [key for key in first_seen if key not in people]
    if missing:
        people |= _add({key: first_seen[key] for key in missing})
    return people


def _add(unseen: dict[str, Address]) -> dict[str, Person]:
    """Insert them; another project may meet the same person at the same time."""
    people = [
        Person(email=address.email[:254], email_key=key, name=address.name[:255])
        for key, address in sorted(unseen.items())
    ]
    upsert(people, unique=["email_key"], update=["email_key"])
    return {person.email_key: person for person in people}


class AccountEdit(TypedDict, total=False):
    """What is to become of an account; what is not named stays."""

    first_name: str
    last_name: str
    send_email: bool
    items_per_page: int
    show_ids: bool


_OF_PROFILE = ("send_email", "items_per_page", "show_ids")


def edit_account(user_id: int, edit: AccountEdit) -> None:
    """Change what people say about themselves."""
    wishes = {name: value for name, value in edit.items() if name in _OF_PROFILE}
    names = {name: value for name, value in edit.items() if name not in _OF_PROFILE}
    with transaction.atomic():
        if names:
            get_user_model()._default_manager.filter(pk=user_id).update(**names)
        if wishes:
            UserProfile.objects.update_or_create(user_id=user_id, defaults=wishes)


def set_maintainers(project: Project, users: Iterable[AbstractBaseUser]) -> None:
    """These accounts, and no others, look after the project."""
    with transaction.atomic():
        profiles = [UserProfile.objects.get_or_create(user_id=user.pk)[0] for user in users]
        project.maintainer_profiles.set(profiles)
