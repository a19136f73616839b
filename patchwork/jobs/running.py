# SPDX-License-Identifier: GPL-2.0-or-later
"""Running one job that a worker holds: calling its task, and saying how that ended."""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from traceback import format_exception, format_tb
from typing import Any

from django.db import connection
from django_tasks.utils import normalize_json

from patchwork import correlation
from patchwork.databases import is_transaction_open, throw_connection_away
from patchwork.jobs.backend import result_of
from patchwork.jobs.leasing import VANISHED, Ended, Held, finish
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.registry import TaskMissing, task_named
from patchwork.jobs.tallies import tally
from patchwork.jobs.tasks import GiveUp, JobContext, JobTask, OnDead, RetryLater

TEXT_LIMIT = 20_000
"""Characters of an error or a traceback that are kept."""
LOGGED_LIMIT = 1_000
RESULT_LIMIT = 100_000
LEFT_OPEN = "It left a transaction or a broken connection behind; what it wrote is rolled back."

logger = logging.getLogger("patchwork.jobs")


class LeftOpen(Exception):
    """A task that breaks what the next one needs has failed, whatever it answers."""


def run(held: Held) -> Ended | None:
    """Do what the job asks for; None if the task has recorded its end itself."""
    began = time.monotonic()
    with correlation.carried(held.correlation):
        ended = _attempt(held)
        seconds = time.monotonic() - began
        _tell(held, ended, seconds)
    tally(held.name, ended.state, seconds)
    return None if held.is_recorded else ended


def _attempt(held: Held) -> Ended:
    try:
        task = task_named(held.name)
    except TaskMissing as error:
        return Ended(held, JobState.DEAD, str(error), passes_on=False)
    if held.attempts > task.max_attempts:
        return _dead(held, task, f"{VANISHED} That was its last attempt.")
    is_nested = connection.in_atomic_block
    try:
        answer = _call(task, held)
    except BaseException as error:  # noqa: BLE001 (the boundary of one job: kept with its traceback)
        # Also what would end the process, such as sys.exit(): it is the job that ends.
        ended = _failed(held, task, error)
        held.is_recorded = False
    else:
        ended = Ended(held, JobState.DONE, *_kept(answer))
    if not is_nested and is_transaction_open():
        # What the task wrote is rolled back, and so is what it has recorded there.
        throw_connection_away()
        held.is_recorded = False
        if ended.state == JobState.DONE:
            ended = _failed(held, task, LeftOpen(LEFT_OPEN))
    return ended


def _kept(answer: Any) -> tuple[str, str, Any]:
    """What is kept of an answer: the job is done, whatever it answers."""
    try:
        result = normalize_json(answer)
        text = json.dumps(result, allow_nan=False, ensure_ascii=False)
        if "\\u0000" in text or len(text.encode()) > RESULT_LIMIT:
            raise ValueError(f"it has a NUL character, or is longer than {RESULT_LIMIT} bytes")
    except Exception as error:  # noqa: BLE001 (whatever there is)
        return f"What it answers cannot be kept: {_words(error)}", "", None
    return "", "", result


def _call(task: JobTask[Any, Any], held: Held) -> Any:
    args, kwargs = held.arguments["args"], held.arguments["kwargs"]
    if not task.takes_context:
        return task.call(*args, **kwargs)
    context = JobContext(
        task_result=result_of(_row(held), task),
        is_last=held.attempts >= task.max_attempts,
        correlation=held.correlation,
        finish=partial(finish, held),
    )
    return task.call(context, *args, **kwargs)


def _row(held: Held) -> Job:
    """The job's row, as far as it is known without asking."""
    return Job(
        id=held.id,
        name=held.name,
        state=JobState.RUNNING,
        arguments=held.arguments,
        attempts=held.attempts,
        worker=held.worker,
        traceback="",
    )


def _failed(held: Held, task: JobTask[Any, Any], error: BaseException) -> Ended:
    words = _storable(_words(error))
    if isinstance(error, GiveUp):
        return _dead(held, task, words)
    traceback = ""
    after = None
    if isinstance(error, RetryLater):
        after = error.after
    else:
        words = _storable(f"{type(error).__name__}: {_words(error)}")
        traceback = _storable(_traceback(error))
    if held.attempts >= task.max_attempts:
        return _dead(held, task, words, traceback)
    pause = task.backoff.seconds(held.attempts) if after is None else after.total_seconds()
    return Ended(held, JobState.RETRY, words, traceback, retry_in=max(0.0, pause))


def _dead(held: Held, task: JobTask[Any, Any], words: str, traceback: str = "") -> Ended:
    passes_on = task.on_dead is OnDead.CONTINUE
    return Ended(held, JobState.DEAD, words, traceback, passes_on=passes_on)


def _words(error: BaseException) -> str:
    """What it says, even if it is broken itself."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 (whatever its __str__ raises)
        return f"(a {type(error).__name__} that cannot be shown)"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(format_exception(error))
    except Exception:  # noqa: BLE001 (likewise)
        return "".join(format_tb(error.__traceback__))


def _storable(text: str) -> str:
    """What every database takes, of a length that nobody minds: its beginning and its end."""
    if len(text) > TEXT_LIMIT:
        text = f"{text[: TEXT_LIMIT // 2]}\n[...]\n{text[-TEXT_LIMIT // 2 :]}"
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode()


def _tell(held: Held, ended: Ended, seconds: float) -> None:
    level = {JobState.DONE: logging.INFO, JobState.DEAD: logging.ERROR}.get(
        ended.state, logging.WARNING
    )
    if not logger.isEnabledFor(level):
        return
    words = f": {ended.error[:LOGGED_LIMIT]}" if ended.error else ""
    later = "" if ended.retry_in is None else f" in {ended.retry_in:.1f} s"
    logger.log(
        level,
        "%s %s%s after %.0f ms, attempt %d, queue %s, correlation %s%s",
        *(held, ended.state.label, later, seconds * 1000, held.attempts, held.queue),
        *(held.correlation, words),
    )
