# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings that every installation shares, with their defaults.

``production.py`` (copied from ``production.example.py``) and ``dev.py`` start from these.
Each is described in docs/deployment/configuration; a test holds the two together.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# Yours to set: who and where you are.

SECRET_KEY = os.environ.get("SECRET_KEY", "")
ADMINS: list[tuple[str, str]] = []
ALLOWED_HOSTS: list[str] = []
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
DEFAULT_FROM_EMAIL = "Patchwork <patchwork@patchwork.example.com>"
NOTIFICATION_FROM_EMAIL = DEFAULT_FROM_EMAIL

# Yours to set: how Patchwork behaves.

NOTIFICATION_DELAY_MINUTES = 10
CONFIRMATION_VALIDITY_DAYS = 7
DEFAULT_ITEMS_PER_PAGE = 100
FORCE_HTTPS_LINKS = False
ENABLE_XMLRPC = False
ENABLE_REST_API = True
# A summary of a test may have a million characters, however they are written.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
API_1_0_DIALECT = "freedesktop"
ENABLE_FORGE = False

# Yours to set: how often somebody may be wrong.

LOGIN_FAILURES_PER_ACCOUNT = 10
LOGIN_FAILURES_PER_ADDRESS = 30
LOGIN_FAILURES_MINUTES = 15
TRUSTED_PROXIES = 0

# Yours to set: how mail comes in.

INGEST_BATCH_SIZE = 200
MAX_MAIL_SIZE = 8 * 1024 * 1024
SPOOL_DIR = BASE_DIR / "spool"
AUTHSERV_ID = ""
# parsemail looks for the socket before it loads Django: change it in the environment only.
LMTP_SOCKET = Path(os.environ.get("PATCHWORK_LMTP_SOCKET") or BASE_DIR / "run" / "lmtpd.sock")

# Yours to set: who does what is decided on now and done later.

JOB_RUNNER = "worker"
JOB_LEASE_SECONDS = 60
JOB_KEEP_DAYS = 14
JOB_QUEUE_PREFIX = ""
CELERY_BROKER_URL = "amqp://localhost//"

# Yours to set: how mail goes out.

EMAIL_BACKEND = "patchwork.outbox.backend.OutboxBackend"
BOUNCE_ADDRESS = ""
EMAIL_HOST = "localhost"
EMAIL_PORT = 25
EMAIL_HOST_USER = ""
EMAIL_HOST_PASSWORD = ""
EMAIL_USE_TLS = False
EMAIL_USE_SSL = False
EMAIL_TIMEOUT = 60
OUTBOX_TRANSPORT = "patchwork.outbox.transports.smtp.Smtp"
OUTBOX_DIR = BASE_DIR / "run" / "outbox"
OUTBOX_ATTEMPTS = 24
OUTBOX_UNKNOWN_MINUTES = 15
OUTBOX_RESEND_UNKNOWN = False
OUTBOX_KEEP_DAYS = 90

# Yours to set: who watches over it.

READY_WORKER_SECONDS = 120
ENABLE_METRICS = False
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

# How Django is put together.

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "django_tasks",
    "rest_framework",
    "patchwork.apps.PatchworkConfig",
]

MIDDLEWARE = [
    "patchwork.web.health.Probes",
    "patchwork.xmlrpc.middleware.WholeAddresses",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "patchwork.web.middleware.ContentSecurityPolicy",
]

ROOT_URLCONF = "patchwork.urls"
WSGI_APPLICATION = "patchwork.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# The site's domain is the host of every absolute URL; the admin edits it.
SITE_ID = 1

# Everything is stored and computed in UTC; TIME_ZONE is for display.
USE_TZ = True
USE_I18N = True

# Work that is done later: rows of our own, for any queue.
TASKS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "patchwork.jobs.backend.JobBackend", "QUEUES": []},
}

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "patchwork.api.views.answer_error",
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
