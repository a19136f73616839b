# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery application, and which of its queues belongs to which of ours.

Settings whose names begin with ``CELERY_`` are Celery's own; what is said here are defaults.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from django.conf import settings
from django_tasks import DEFAULT_TASK_QUEUE_NAME
from kombu import Queue


def broker_name(queue: str) -> str:
    """What the broker calls a queue of ours."""
    return f"{settings.JOB_QUEUE_PREFIX}{queue}"


def broker_queue(queue: str) -> Queue:
    """As a worker makes it that is started with ``-Q``, so that both may come first."""
    made: Queue = app.amqp.queues.new_missing(broker_name(queue))
    return made


def our_name(queue: str) -> str:
    """What we call a queue of the broker."""
    return queue.removeprefix(settings.JOB_QUEUE_PREFIX)


def _defaults() -> dict[str, Any]:
    return {
        "task_default_queue": broker_name(DEFAULT_TASK_QUEUE_NAME),
        # A worker takes what it can do now; the rest is there for others.
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # The broker's absence is no reason to kill what runs: the row says whose it is.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_scheduler": "patchwork.jobs.celery.beat:Beat",
    }


# Celery's own adaptation to Django would connect to the database anew for every job.
app = Celery("patchwork", fixups=())
app.add_defaults(_defaults)
app.config_from_object("django.conf:settings", namespace="CELERY")
