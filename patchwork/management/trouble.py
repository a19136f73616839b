# SPDX-License-Identifier: GPL-2.0-or-later
"""A database that cannot be used, told in a sentence rather than in a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError


@contextmanager
def database_trouble_told() -> Iterator[None]:
    """For commands that are of no use without it."""
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        words = " ".join(str(error).split())
        raise CommandError(
            f"The database cannot be used: {words}\n"
            "Does it run, do the settings lead to it, and has `manage.py migrate` been run?"
        ) from error
