# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys and accounts that nobody has come back for are forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from patchwork.people import confirmations
from patchwork.people.models import ApiToken, EmailConfirmation, UserProfile
from patchwork.tests import factories

pytestmark = pytest.mark.django_db

Kind = EmailConfirmation.Kind


def key(kind: Kind, days: float, user: User | None = None, active: bool = True) -> None:
    """A key that was sent so many days ago."""
    confirmations.ask(kind, f"a{EmailConfirmation.objects.count()}@example.org")
    row = EmailConfirmation.objects.latest("pk")
    row.user, row.active = user, active
    row.created = timezone.now() - timedelta(days=days)
    row.save()


def registered(name: str, days: float, **fields: object) -> User:
    """Somebody who wanted an account so many days ago."""
    user = User.objects.create(username=name, **({"is_active": False} | fields))
    UserProfile.objects.create(user=user)
    key(Kind.REGISTRATION, days, user)
    return user


def left() -> set[str]:
    confirmations.forget_expired()
    return set(User.objects.values_list("username", flat=True))


def test_keys_that_are_too_old(settings) -> None:
    settings.CONFIRMATION_VALIDITY_DAYS = 3
    key(Kind.OPT_OUT, 3.1)
    key(Kind.OPT_IN, 3.1, active=False)
    key(Kind.OPT_OUT, 2.9)
    confirmations.forget_expired()
    assert EmailConfirmation.objects.get().email == "a2@example.org"


def test_accounts_that_were_not_confirmed_in_time() -> None:
    registered("late", 8)
    registered("in time", 6)
    key(Kind.REGISTRATION, 1, registered("asked again", 8))
    registered("active", 8, is_active=True)
    registered("was here", 8, last_login=timezone.now())
    registered("staff", 8, is_staff=True)
    registered("root", 8, is_superuser=True)
    User.objects.create(username="made by hand", is_active=False)
    assert left() == {
        *("in time", "asked again", "active", "was here", "staff", "root", "made by hand")
    }
    assert left() >= {"staff", "root"}
    assert EmailConfirmation.objects.count() == 2


def test_an_account_that_was_confirmed_and_closed_stays() -> None:
    registered("closed", 8)
    EmailConfirmation.objects.update(active=False)
    assert left() == {"closed"}


def test_an_account_that_anything_refers_to_stays(states: None) -> None:
    project = factories.make_project()
    sender = factories.make_person()
    sender.user = registered("sender", 8)
    sender.save()
    patch = factories.patches_of(factories.make_series(project))[0]
    patch.delegate = registered("delegate", 8)
    patch.save()
    registered("maintainer", 8).profile.maintainer_projects.add(project)
    ApiToken.objects.create(user=registered("robot", 8), created=timezone.now())
    LogEntry.objects.create(
        user=registered("admin", 8),
        content_type=ContentType.objects.get_for_model(User),
        object_id="1",
        object_repr="x",
        action_flag=CHANGE,
    )
    registered("nobody", 8)
    assert left() == {"sender", "delegate", "maintainer", "robot", "admin"}
