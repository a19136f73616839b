# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings for development and for the tests. Never for a machine that others can reach."""

from __future__ import annotations

import os

from . import DEVELOPMENT_SECRET_KEY
from .base import *
from .base import BASE_DIR
from .databases import for_development

DEBUG = True

SECRET_KEY = DEVELOPMENT_SECRET_KEY

# Loopback only, unless told: the demo account's password is in the documentation.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS += filter(None, os.environ.get("PW_DEV_HOSTS", "").split(","))
INTERNAL_IPS = ["127.0.0.1", "::1"]

DATABASES = {
    "default": {
        **for_development(os.environ, BASE_DIR / "patchwork.sqlite3"),
        # runserver has a thread for each request; it would leave each one's connection open.
        "CONN_MAX_AGE": 0,
    }
}

# Mail ends in run/outbox: nobody out there is to hear of what is tried here.
OUTBOX_TRANSPORT = "patchwork.outbox.transports.files.Maildir"

AUTH_PASSWORD_VALIDATORS = []

# No manifest of hashed names: static files are served as they are in the checkout.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

TEST_RUNNER = "patchwork.tests.runner.PytestRunner"
