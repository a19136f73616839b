# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.people import credentials


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Each test begins as a process does."""
    credentials.forget()


@pytest.fixture
def maren(db: None, settings: object) -> User:
    # The usual way of storing passwords is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
    return User.objects.create_user("maren", password="lamp oil")
