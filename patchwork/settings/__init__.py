# SPDX-License-Identifier: GPL-2.0-or-later
"""Choosing the settings module. Light to import: no Django here."""

from __future__ import annotations

import os
from importlib.util import find_spec

PRODUCTION = "patchwork.settings.production"

# Public on purpose; a system check refuses to deploy with it.
DEVELOPMENT_SECRET_KEY = "django-insecure-for-development-only"  # noqa: S105

HOW_TO_GET_SETTINGS = """\
Patchwork has no settings yet: patchwork/settings/production.py does not exist.

To run it in production, start from the example and edit it:

    cp patchwork/settings/production.example.py patchwork/settings/production.py

To develop, use the settings made for that:

    export DJANGO_SETTINGS_MODULE=patchwork.settings.dev
"""


class SettingsMissing(Exception):
    """No settings were chosen and there is no production.py to fall back to."""


def choose() -> None:
    """Default DJANGO_SETTINGS_MODULE to production; raise with advice when that is not there."""
    chosen = os.environ.setdefault("DJANGO_SETTINGS_MODULE", PRODUCTION)
    if chosen == PRODUCTION and find_spec(PRODUCTION) is None:
        raise SettingsMissing(HOW_TO_GET_SETTINGS)
