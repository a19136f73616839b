# SPDX-License-Identifier: GPL-2.0-or-later
"""What a task is: a function that can be queued, and how it wants to be run.

In the manner of Django's Tasks, with options of ours::

    @task(queue_name="mail", max_attempts=24, key=lambda mail_id: f"mail:{mail_id}")
    def deliver(mail_id: int) -> None: ...

    deliver.enqueue(12)

A task runs at least once: it has to be harmless to run again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import (
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Self,
    TypeVar,
    overload,
)

from django_tasks import DEFAULT_TASK_QUEUE_NAME, TaskContext
from django_tasks.base import Task

from patchwork.jobs.models import KEY_LENGTH

P = ParamSpec("P")
T = TypeVar("T")

KeyOption = str | Callable[..., str] | None


class RetryLater(Exception):
    """Raised by a task that wants to be tried again, after ``after`` if it knows how long."""

    def __init__(self, words: str, after: timedelta | None = None) -> None:
        super().__init__(words)
        self.after = after


class GiveUp(Exception):
    """Raised by a task that will never succeed."""


class LostLease(Exception):
    """The job was taken over by another worker, because this one had not been heard of."""


class OnDead(Enum):
    """What becomes of the later jobs of a key when one of them is dead."""

    BLOCK = "block"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the next attempt: more each time, and never quite the same."""

    first: float = 10
    factor: float = 2
    most: float = 3600
    jitter: float = 0.2

    def seconds(self, attempt: int) -> float:
        """After the first attempt, the second and so on."""
        # Beyond some power there is nothing but the longest pause, and no float either.
        pause = min(self.most, self.first * self.factor ** min(attempt - 1, 64))
        return pause * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 (spreads load)


@dataclass(frozen=True, kw_only=True)
class JobTask(Task[P, T], Generic[P, T]):
    """A task with what our jobs can do besides."""

    max_attempts: int = 8
    backoff: Backoff = Backoff()
    key: KeyOption = None
    """One at a time and in order, of those with the same key: a text, or a function of the
    task's arguments that answers one ("" for none)."""
    idempotency_key: KeyOption = None
    """Queued once only: likewise."""
    on_dead: OnDead = OnDead.BLOCK

    def using(
        self,
        *,
        priority: int | None = None,
        queue_name: str | None = None,
        run_after: datetime | None = None,
        backend: str | None = None,
        key: KeyOption = None,
        idempotency_key: KeyOption = None,
    ) -> Self:
        changes = {
            "priority": priority,
            "queue_name": queue_name,
            "run_after": run_after,
            "backend": backend,
            "key": key,
            "idempotency_key": idempotency_key,
        }
        return replace(self, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]

    def key_for(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        return _key(self.key, args, kwargs)

    def idempotency_key_for(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        return _key(self.idempotency_key, args, kwargs)


def _key(option: KeyOption, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    key = option(*args, **kwargs) if callable(option) else option or ""
    if len(key) > KEY_LENGTH:
        raise ValueError(
            f"A job's key has at most {KEY_LENGTH} characters, not {len(key)}: {key!r}"
        )
    return key


@overload
def task(
    *,
    takes_context: Literal[True],
    queue_name: str = ...,
    max_attempts: int = ...,
    backoff: Backoff = ...,
    key: KeyOption = ...,
    idempotency_key: KeyOption = ...,
    on_dead: OnDead = ...,
) -> Callable[[Callable[Concatenate[JobContext, P], T]], JobTask[P, T]]: ...


@overload
def task(
    *,
    takes_context: Literal[False] = False,
    queue_name: str = ...,
    max_attempts: int = ...,
    backoff: Backoff = ...,
    key: KeyOption = ...,
    idempotency_key: KeyOption = ...,
    on_dead: OnDead = ...,
) -> Callable[[Callable[P, T]], JobTask[P, T]]: ...


def task(*, queue_name: str = DEFAULT_TASK_QUEUE_NAME, **options: Any) -> Any:
    """Make a task of a function, which has to be at the top of its module."""
    return lambda function: JobTask(func=function, queue_name=queue_name, **options)


@dataclass(frozen=True, kw_only=True)
class JobContext(TaskContext):
    """What a task that ``takes_context`` is given first."""

    is_last: bool
    """Whether the job will be dead if this attempt fails."""
    correlation: str
    finish: Callable[[], None]
    """Records the job as done in the transaction that is open: with what the task did, or not at
    all. Raises ``LostLease`` when another worker has taken it over."""


def enqueue_many(task: Task[Any, Any], calls: Sequence[Sequence[Any]]) -> list[int]:
    """Queue a task once for each row of arguments; answers the jobs' ids, in order.

    One statement, as long as the task has no keys.
    """
    backend: Any = task.get_backend()
    ids: list[int] = backend.enqueue_many(task, calls)
    return ids
