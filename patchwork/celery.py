# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery application, for ``celery -A patchwork worker`` and ``celery -A patchwork beat``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

import django
from celery import signals
from django.conf import settings as django_settings

from patchwork import settings

try:
    settings.choose()
except settings.SettingsMissing as missing:
    sys.stderr.write(str(missing))
    sys.exit(1)

django.setup()

if (runner := django_settings.JOB_RUNNER) != "celery":
    sys.exit(f"JOB_RUNNER is {runner!r}: jobs are run by that, not by Celery.")

# These are written for a Django that is set up.
from patchwork.databases import without_query_log  # noqa: E402
from patchwork.events import consumers  # noqa: E402
from patchwork.jobs.celery import beat  # noqa: E402
from patchwork.jobs.celery.app import app  # noqa: E402
from patchwork.management.commands.worker import show_jobs  # noqa: E402

__all__ = ["app"]

CONSUMERS_SECONDS = 1.0

as_long_as_we_live = ExitStack()
as_long_as_we_live.enter_context(without_query_log())

beat.do_besides(consumers.run_all, CONSUMERS_SECONDS)


@signals.after_setup_logger.connect
def show(**told: Any) -> None:
    show_jobs(verbosity=1)
