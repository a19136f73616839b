# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens: made, found, good for what they were made for, and revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from patchwork.people import tokens
from patchwork.people.models import ApiToken, Scope
from patchwork.tests import factories

pytestmark = pytest.mark.django_db


def test_a_token_is_found_by_its_secret_alone(maren):
    token, secret = tokens.issue(maren, "laptop")
    found = tokens.find(secret)
    assert found == token
    assert found.user == maren
    assert secret.startswith("pw_")
    assert tokens.find(secret + "x") is None
    assert tokens.find("") is None


def test_an_account_has_as_many_as_it_likes(maren):
    secrets = [tokens.issue(maren, "laptop")[1] for _ in range(3)]
    assert len({tokens.find(secret) for secret in secrets}) == 3


def test_the_secret_is_stored_nowhere(maren):
    token, secret = tokens.issue(maren, "laptop")
    token.refresh_from_db()
    stored = [str(getattr(token, field.attname)) for field in ApiToken._meta.concrete_fields]
    assert not [value for value in stored if secret in value or secret.removeprefix("pw_") in value]


def test_a_token_that_has_expired_is_none(maren):
    now = timezone.now()
    _, over = tokens.issue(maren, "over", expires=now - timedelta(seconds=1))
    _, good = tokens.issue(maren, "good", expires=now + timedelta(hours=1))
    assert tokens.find(over) is None
    assert tokens.find(good) is not None


def test_a_revoked_token_is_none_and_stays_to_be_seen(maren):
    token, secret = tokens.issue(maren, "lost")
    tokens.revoke(token)
    assert tokens.find(secret) is None
    first = ApiToken.objects.get().revoked
    tokens.revoke(token)
    assert ApiToken.objects.get().revoked == first is not None


def test_an_account_that_is_closed_has_no_tokens(maren):
    _, secret = tokens.issue(maren, "laptop")
    maren.is_active = False
    maren.save()
    assert tokens.find(secret) is None


def test_use_is_noted_but_not_each_time(maren, django_assert_num_queries):
    token, secret = tokens.issue(maren, "laptop")
    with django_assert_num_queries(2):
        tokens.find(secret)
    with django_assert_num_queries(1):
        tokens.find(secret)
    ApiToken.objects.update(last_used=timezone.now() - tokens.USE_NOTED - timedelta(seconds=1))
    with django_assert_num_queries(2):
        tokens.find(secret)
    token.refresh_from_db()
    assert token.last_used is not None


@pytest.mark.parametrize(
    ("scope", "good_for"),
    [
        (Scope.READ, {Scope.READ}),
        (Scope.CHECKS, {Scope.READ, Scope.CHECKS}),
        (Scope.WRITE, {Scope.READ, Scope.CHECKS, Scope.WRITE}),
        (Scope.ADMIN, set(Scope)),
    ],
)
def test_each_scope_includes_those_before(maren, scope, good_for):
    token, _ = tokens.issue(maren, "some", scope=scope)
    assert {wanted for wanted in Scope if tokens.allows(token, wanted, 1)} == good_for


def test_a_token_of_one_project(maren):
    project = factories.make_project()
    token, _ = tokens.issue(maren, "lamps", project=project)
    assert tokens.allows(token, Scope.WRITE, project.pk)
    assert not tokens.allows(token, Scope.WRITE, project.pk + 1)
    assert not tokens.allows(token, Scope.READ, None)
