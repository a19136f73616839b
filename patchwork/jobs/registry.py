# SPDX-License-Identifier: GPL-2.0-or-later
"""From the name in a job's row to the task."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.utils.module_loading import import_string
from django_tasks.base import Task

from patchwork.jobs.tasks import JobTask


class TaskMissing(Exception):
    """A job was queued by another version of the code, or another set of apps."""


@lru_cache(maxsize=1024)
def task_named(name: str) -> JobTask[Any, Any]:
    try:
        task = import_string(name)
    except ImportError as error:
        raise TaskMissing(f"There is no task {name} here: {error}") from error
    if not isinstance(task, Task):
        raise TaskMissing(f"{name} is not a task.")
    if not isinstance(task, JobTask):
        raise TaskMissing(f"{name} is a task of another backend.")
    return task
