# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of an installation: copy this file to production.py beside it, and edit that.

The whole list of settings, with their defaults, is in docs/deployment/configuration.
"""

from __future__ import annotations

import os

from .base import *
from .databases import completed, from_url

# Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(50))"
SECRET_KEY = os.environ.get("SECRET_KEY", "")

# Who hears of errors by mail.
ADMINS = [
    # ("Your Name", "you@patchwork.example.com"),
]

# The names that this installation answers to.
ALLOWED_HOSTS = ["patchwork.example.com"]

# For display; everything is stored in UTC.
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"

DEFAULT_FROM_EMAIL = "Patchwork <patchwork@patchwork.example.com>"
NOTIFICATION_FROM_EMAIL = DEFAULT_FROM_EMAIL

# completed() adds the options that Patchwork needs from the engine: always go through it.
if url := os.environ.get("DATABASE_URL"):
    DATABASES = {"default": from_url(url)}
else:
    DATABASES = {
        "default": completed(
            {
                # or "django.db.backends.mysql" for MariaDB
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "patchwork",
                # Leave these out to connect through the local socket as the system's user.
                # "HOST": "localhost",
                # "USER": "patchwork",
                # "PASSWORD": "",
            }
        )
    }

# Behind a web server that ends HTTPS and always sets this header, say so:
# SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# FORCE_HTTPS_LINKS = True
# SESSION_COOKIE_SECURE = True
# CSRF_COOKIE_SECURE = True

# Behind nginx or another proxy: how many of yours write X-Forwarded-For, so that failed logins are
# counted by the addresses that they come from.
# TRUSTED_PROXIES = 1

# Warnings, and what went wrong with its traceback, go to standard error: by systemd to the journal.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
