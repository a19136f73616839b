# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks for tests and benchmarks, which child processes can import too.

What they do is kept in the table of consumers (a name, and a text to write in): a table of the
house that nobody else needs while jobs are tested.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from django.db import connection, transaction

from patchwork import correlation
from patchwork.events.models import Consumer
from patchwork.jobs.tasks import (
    Backoff,
    GiveUp,
    JobContext,
    LostLease,
    OnDead,
    RetryLater,
    task,
)

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
AT_ONCE = Backoff(first=0, jitter=0)


def write(line: str) -> None:
    """A line that lasts."""
    with transaction.atomic():
        # Names rise with time, and those of two writers differ.
        name = f"chore:{time.time_ns():020}:{secrets.token_hex(4)}"
        Consumer.objects.create(name=name, position=_NEVER, last_error=line)


def written() -> list[str]:
    chores = Consumer.objects.filter(name__startswith="chore:").order_by("name")
    return list(chores.values_list("last_error", flat=True))


@task()
def nothing(number: int = 0) -> None:
    """As little as a job can be."""


@task()
def note(line: str) -> str:
    write(line)
    return line.upper()


@task(key=lambda key, line: key)
def note_in_line(key: str, line: str) -> None:
    write(line)


@task(key=lambda key, line: key, on_dead=OnDead.CONTINUE)
def note_or_go_on(key: str, line: str) -> None:
    if line.startswith("bad"):
        raise GiveUp(line)
    write(line)


@task(idempotency_key=lambda line: f"once:{line}")
def note_once(line: str) -> None:
    write(line)


@task(max_attempts=3, backoff=Backoff(first=100, factor=3, most=250, jitter=0))
def fail() -> NoReturn:
    raise OSError("the disk is \0 full")


@task(max_attempts=3)
def come_back(seconds: int) -> NoReturn:
    raise RetryLater("451 busy", after=timedelta(seconds=seconds))


@task()
def give_up() -> NoReturn:
    raise GiveUp("550 no such user")


@task(key=lambda key: key)
def give_up_in_line(key: str) -> NoReturn:
    raise GiveUp("550 no such user")


@task()
def answer_nonsense(kind: str) -> object:
    deep: list[object] = []
    for _ in range(2000):
        deep = [deep]
    answers: dict[str, object] = {
        "object": object(),
        "number": 10**5000,
        "nan": float("nan"),
        "nul": "a\0b",
        "surrogate": "\ud800",
        "megabyte": "x" * 1_000_000,
        "deep": deep,
    }
    return answers[kind]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@task(max_attempts=1)
def break_down(kind: str) -> NoReturn:
    errors: dict[str, BaseException] = {
        "exit": SystemExit(),
        "interrupt": KeyboardInterrupt(),
        "unprintable": Unprintable(),
        "memory": MemoryError(),
        "long": ValueError(f"beginning{'x' * 100_000}end"),
    }
    raise errors[kind]


@task(max_attempts=1)
def leave_a_mess(kind: str) -> None:
    """What it leaves behind is in the way of the next job, if nobody cleans up."""
    if kind == "atomic":
        transaction.atomic().__enter__()
    elif kind == "autocommit":
        transaction.set_autocommit(False)
    elif kind == "raw":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
    write(f"mess {kind}")
    if kind == "closed":
        connection.connection.close()


@task(takes_context=True, max_attempts=2)
def tell_context(context: JobContext, line: str) -> None:
    write(f"{line} {context.attempt} {context.is_last} {context.correlation}")
    raise RetryLater("again", after=timedelta(0))


@task()
def carry_on(times: int) -> None:
    write(correlation.current())
    if times:
        carry_on.enqueue(times - 1)


@task(takes_context=True)
def finish_itself(context: JobContext, line: str, fails: bool = False) -> None:
    with transaction.atomic():
        write(line)
        context.finish()
        if fails and context.attempt == 1:
            raise RetryLater("not yet", after=timedelta(0))


@task(takes_context=True)
def lose_the_lease(context: JobContext, line: str) -> None:
    """As if another worker had taken the job over meanwhile."""
    from patchwork.jobs.models import Job

    Job.objects.update(worker="another", attempts=2)
    try:
        with transaction.atomic():
            write(line)
            context.finish()
    except LostLease:
        write("lost")


@task(backoff=AT_ONCE)
def be_killed_once(line: str, when: str) -> None:
    """Killed as the first thing it does, or the last; the second time it is let live."""
    is_first = not Consumer.objects.filter(last_error=f"{line} was here").exists()
    if is_first:
        write(f"{line} was here")
        if when == "first":
            os.kill(os.getpid(), signal.SIGKILL)
    write(line)
    if is_first:
        os.kill(os.getpid(), signal.SIGKILL)


@task(on_dead=OnDead.CONTINUE)
def tick() -> None:
    write("tick")


@task(backoff=AT_ONCE)
def leave_trace(path: str, key: str, number: int, seconds: float = 0) -> None:
    """Say that it begins, take a while, say that it ends."""
    for word in ("begin", "end"):
        # Short lines that are appended come out whole, whoever else writes.
        with open(path, "ab", buffering=0) as trace:
            trace.write(f"{word} {key} {number}\n".encode())
        if word == "begin":
            time.sleep(seconds)


@task(backoff=AT_ONCE)
def leave_trace_when_told(path: str, key: str, number: int) -> None:
    """The same, but it takes until somebody makes a file: however slow the machine is."""
    told = Path(f"{path}.told")
    with open(path, "ab", buffering=0) as trace:
        trace.write(f"begin {key} {number}\n".encode())
        while not told.exists():
            time.sleep(0.01)
        trace.write(f"end {key} {number}\n".encode())


@task(backoff=AT_ONCE, key=lambda path, key, number, seconds=0: key)
def leave_trace_in_line(path: str, key: str, number: int, seconds: float = 0) -> None:
    leave_trace.func(path, key, number, seconds)
