# SPDX-License-Identifier: GPL-2.0-or-later
"""Django's Tasks on our jobs: what the setting TASKS names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_tasks import TaskResult, TaskResultStatus
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskError
from django_tasks.exceptions import InvalidTaskError, TaskResultDoesNotExist
from django_tasks.signals import task_enqueued

from patchwork.jobs.models import Job, JobState
from patchwork.jobs.queueing import queue_calls
from patchwork.jobs.registry import TaskMissing, task_named
from patchwork.jobs.tasks import JobTask

_STATUS = {
    JobState.BLOCKED: TaskResultStatus.READY,
    JobState.QUEUED: TaskResultStatus.READY,
    JobState.RETRY: TaskResultStatus.READY,
    JobState.RUNNING: TaskResultStatus.RUNNING,
    JobState.DONE: TaskResultStatus.SUCCESSFUL,
    JobState.DEAD: TaskResultStatus.FAILED,
    JobState.CANCELLED: TaskResultStatus.FAILED,
}


class JobBackend(BaseTaskBackend):
    """Tasks become rows in the transaction that is open."""

    task_class = JobTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True

    def validate_task(self, task: Task[Any, Any]) -> None:
        super().validate_task(task)
        longest = Job._meta.get_field("queue").max_length or 0
        if not 0 < len(task.queue_name) <= longest or "," in task.queue_name:
            raise InvalidTaskError(
                f"A queue's name has 1 to {longest} characters and no comma: {task.queue_name!r}"
            )

    def enqueue(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> TaskResult[Any]:
        [job_id] = queue_calls(task, [(args, dict(kwargs))])
        result = _result(task, str(job_id), TaskResultStatus.READY, list(args), dict(kwargs))
        task_enqueued.send(type(self), task_result=result)
        return result

    def enqueue_many(self, task: Task[Any, Any], calls: Sequence[Sequence[Any]]) -> list[int]:
        return queue_calls(task, [(list(call), {}) for call in calls])

    def get_result(self, result_id: str) -> TaskResult[Any]:
        job = Job.objects.filter(pk=result_id).first() if result_id.isdecimal() else None
        if job is None:
            raise TaskResultDoesNotExist(result_id)
        try:
            return result_of(job, task_named(job.name))
        except TaskMissing as error:
            raise TaskResultDoesNotExist(result_id) from error


def result_of(job: Job, task: Task[Any, Any]) -> TaskResult[Any]:
    """A job as those see it who know Django's Tasks."""
    failed = job.state in (JobState.DEAD, JobState.RETRY)
    result = _result(
        task,
        str(job.pk),
        _STATUS[JobState(job.state)],
        job.arguments["args"],
        job.arguments["kwargs"],
        enqueued_at=job.created,
        started_at=job.started,
        last_attempted_at=job.started,
        finished_at=job.finished,
        errors=[TaskError(exception_class_path="builtins.Exception", traceback=job.traceback)]
        if failed
        else [],
        worker_ids=[job.worker] * job.attempts,
    )
    object.__setattr__(result, "_return_value", job.result)
    return result


def _result(
    task: Task[Any, Any],
    result_id: str,
    status: TaskResultStatus,
    args: list[Any],
    kwargs: dict[str, Any],
    **known: Any,
) -> TaskResult[Any]:
    unknown: dict[str, Any] = {
        "enqueued_at": None,
        "started_at": None,
        "finished_at": None,
        "last_attempted_at": None,
        "errors": [],
        "worker_ids": [],
    }
    return TaskResult(
        task=task,
        id=result_id,
        status=status,
        args=args,
        kwargs=kwargs,
        backend=task.backend,
        **(unknown | known),
    )
