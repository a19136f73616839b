# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of the installations that are measured: as in production, apart from what is noted."""

from __future__ import annotations

import json
import os
from pathlib import Path

from patchwork.settings.base import *
from patchwork.settings.databases import from_url

DEBUG = False
SECRET_KEY = "only for the database of a benchmark, which nobody else sees"
ALLOWED_HOSTS = ["127.0.0.1"]

DATABASES = {"default": from_url(os.environ["DATABASE_URL"])}
SPOOL_DIR = Path(os.environ["PW_BENCHMARK_DIRECTORY"]) / "spool"

# Logging in is a writing request that is measured: the database is, not the hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Nobody has to run collectstatic before.
STATIC_ROOT = Path(os.environ["PW_BENCHMARK_DIRECTORY"]) / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# What a part wants to be otherwise.
globals().update(json.loads(os.environ["PW_BENCHMARK_SETTINGS"]))
