# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked about jobs, inside of a process with Django."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.db.models import Max  # noqa: E402

from benchmarks.inside import answer, counted, counting  # noqa: E402
from benchmarks.jobs import tasks  # noqa: E402
from benchmarks.machine import percentile  # noqa: E402
from patchwork.databases import moment, now, select, table  # noqa: E402
from patchwork.jobs.leasing import is_anything_due, seconds_until_due  # noqa: E402
from patchwork.jobs.models import UNFINISHED, Job, JobKey, JobState, Worker  # noqa: E402
from patchwork.jobs.tasks import JobTask, enqueue_many  # noqa: E402
from patchwork.jobs.worker import Crew, drain  # noqa: E402
from patchwork.mail.compose import Draft, Mailbox, new_msgid  # noqa: E402
from patchwork.outbox.models import Kind  # noqa: E402
from patchwork.outbox.queueing import queue  # noqa: E402

AT_ONCE = 1000
IN_A_TRANSACTION = 20
KEYS = 8
BUSY_KEYS = 7
LOOKS = 200
WARMING = 50
LOOK_SECONDS = 0.1
"""How often we ask whether the work is done: seldom enough to disturb nobody."""
PAUSES = (0.03, 0.3)
"""Seconds between jobs that are to find a worker idle."""
PATIENCE = 300
"""Seconds; only a failure waits that long."""

_NOT_WAITING = {
    "postgresql": "SET synchronous_commit = off",
    "sqlite": "PRAGMA synchronous = OFF",
}
_in_line = tasks.nothing.using(key=lambda number: f"key {number % KEYS}")


def prepare() -> None:
    """The tables."""
    call_command("migrate", verbosity=0)


def enqueue(count: int) -> dict[str, dict[str, float]]:
    """Jobs a second, statements a job, and milliseconds of a transaction, by way of queueing."""
    _enqueue(tasks.nothing, WARMING, 1)
    return {
        "one a transaction": _enqueue(tasks.nothing, count, 1),
        f"{IN_A_TRANSACTION} a transaction": _enqueue(tasks.nothing, count, IN_A_TRANSACTION),
        f"{AT_ONCE:,} by enqueue_many": _enqueue_many(tasks.nothing, count),
        "one a transaction, keyed": _enqueue(_in_line, count, 1),
        f"{IN_A_TRANSACTION} a transaction, keyed": _enqueue(_in_line, count, IN_A_TRANSACTION),
        f"{AT_ONCE:,} by enqueue_many, keyed": _enqueue_many(_in_line, AT_ONCE),
    }


def _enqueue(task: JobTask[[int], None], count: int, together: int) -> dict[str, float]:
    def step() -> None:
        for number in range(together):
            task.enqueue(number)

    return _timed(step, -(-count // together), together)


def _enqueue_many(task: JobTask[[int], None], count: int) -> dict[str, float]:
    calls = [(number,) for number in range(AT_ONCE)]
    return _timed(lambda: enqueue_many(task, calls), -(-count // AT_ONCE), AT_ONCE)


def _timed(step: Callable[[], object], transactions: int, together: int) -> dict[str, float]:
    times = []
    with counted() as statements:
        for _ in range(transactions):
            began = time.perf_counter()
            with transaction.atomic():
                step()
            times.append(1000 * (time.perf_counter() - began))
    jobs = transactions * together
    return {
        "rate": jobs / sum(times) * 1000,
        "statements": statements.total() / jobs,
        "p50": percentile(times, 50),
    }


def throughput(jobs: int, keyed: bool = False) -> float:
    """Jobs a second of the workers that wait, from the commit that queues all of them."""
    with transaction.atomic():
        ids = enqueue_many(_in_line if keyed else tasks.nothing, [(n,) for n in range(jobs)])
        began = _database_now()
    return jobs / _seconds_since(began, ids[0] - 1)


def _seconds_since(began: datetime, before: int) -> float:
    """Until the last job was done of those that came after one."""
    _wait_until_done()
    rows = Job.objects.filter(pk__gt=before, state=JobState.DONE)
    ended = rows.aggregate(ended=Max("finished"))["ended"]
    assert ended is not None
    return float((ended - began).total_seconds())


def _wait_until_done() -> None:
    end = time.monotonic() + PATIENCE
    while Job.objects.filter(state__in=UNFINISHED).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{Job.objects.filter(state__in=UNFINISHED).count()} are not done")
        time.sleep(LOOK_SECONDS)


def in_process(jobs: int) -> dict[str, float]:
    """What a job costs one worker: processor time, and statements."""
    enqueue_many(tasks.nothing, [(number,) for number in range(jobs)])
    return _costs(jobs)


def mails(mails: int) -> float:
    """Mails a second of the workers that wait, from the commit that queues all of them."""
    before = Job.objects.aggregate(last=Max("id"))["last"] or 0
    began = _queue_mails(mails)
    return mails / _seconds_since(began, before)


def mails_in_process(mails: int) -> dict[str, float]:
    """What a mail costs one worker: processor time, and statements."""
    _queue_mails(mails)
    return _costs(mails)


def _queue_mails(count: int) -> datetime:
    """Notices of half a page; when the commit began by which they were queued."""
    text = "".join(f"Line {number} of a mail that says what happened.\n" for number in range(25))
    with transaction.atomic():
        for number in range(count):
            queue(
                Draft(
                    sender=Mailbox("Patchwork", "patchwork@example.org"),
                    to=(Mailbox("Ann", f"ann{number}@example.org"),),
                    subject=f"Something has happened ({number})",
                    body=text,
                    msgid=new_msgid("example.org"),
                    date=datetime.now(UTC),
                ),
                kind=Kind.NOTICE,
            )
        return _database_now()


def _database_now() -> datetime:
    return moment(select(f"SELECT {now()}", [])[0][0])


def workers() -> int:
    """How many have signed in."""
    return Worker.objects.count()


def clean_broker() -> None:
    """Take all away that a broker keeps for us."""
    # Celery need not be installed where it is not measured.
    from redis import Redis

    from patchwork.jobs.celery.app import app, broker_queue

    with app.connection_for_write() as broker:
        made = broker_queue("default")(broker.default_channel)
        made.delete()
        if broker.transport.driver_type != "redis":
            made.exchange.delete()
            return
    with Redis.from_url(settings.CELERY_BROKER_URL) as client:
        for key in client.scan_iter(f"{settings.JOB_QUEUE_PREFIX}*"):
            client.delete(key)


def _costs(jobs: int) -> dict[str, float]:
    crew = Crew(until_idle=True)
    with counted_in_threads() as statements:
        began = time.process_time()
        crew.run()
        seconds = time.process_time() - began
    return {"cpu": 1000 * seconds / jobs, "statements": statements.total() / jobs}


@contextmanager
def counted_in_threads() -> Iterator[Counter[str]]:
    """The statements of connections that other threads make meanwhile."""
    statements: Counter[str] = Counter()
    us = threading.current_thread()

    def watch(connection: Any, **rest: Any) -> None:
        if threading.current_thread() is not us:
            connection.execute_wrappers.append(counting(statements))

    connection_created.connect(watch)
    try:
        yield statements
    finally:
        connection_created.disconnect(watch)


def latency(jobs: int) -> list[float]:
    """Milliseconds from the commit of a job to the first line of its task, job by job."""
    chance = random.Random(jobs)
    ids: list[str] = []
    committed: list[float] = []
    for _ in range(jobs):
        with transaction.atomic():
            # Before the workers are told, which happens after the commit as well.
            transaction.on_commit(lambda: committed.append(time.time()))
            ids.append(tasks.tell_time.enqueue().id)
        time.sleep(chance.uniform(*PAUSES))
    _wait_until_done()
    began: dict[int, Any] = dict(Job.objects.filter(pk__in=ids).values_list("pk", "result"))
    return [
        1000 * (began[int(job_id)] - seconds)
        for job_id, seconds in zip(ids, committed, strict=True)
    ]


def fill(jobs: int) -> None:
    """So many jobs that are done."""
    _execute(
        f"INSERT INTO {table(Job)} (name, queue, arguments, state, due, worker, attempts, "
        "correlation, started, finished) "
        "SELECT 'benchmarks.jobs.tasks.nothing', 'default', '{\"args\": [1], \"kwargs\": {}}', "
        f"'done', NULL, 'a:1:b/0', 1, 'c', {now()}, {now()} FROM {_numbers(jobs)}"
    )
    _analyze()


def wear(jobs: int) -> None:
    """Queue so many jobs and do them, in a table that nobody cleans meanwhile or afterwards."""
    if connection.vendor == "postgresql":
        _execute(f"ALTER TABLE {table(Job)} SET (autovacuum_enabled = off)")
    enqueue_many(tasks.nothing, [(number,) for number in range(jobs)])
    Crew(until_idle=True).run()


def block(jobs: int) -> None:
    """So many jobs that wait behind busy ones, of a few keys."""
    for number in range(BUSY_KEYS):
        tasks.nothing.using(key=f"busy {number}").enqueue(number)
    Job.objects.filter(key__startswith="busy").update(state=JobState.RUNNING, worker="somebody")
    lease = {
        "postgresql": "interval '1 day'",
        "mysql": "INTERVAL 1 DAY",
        "sqlite": "'+1 day'",
    }[connection.vendor]
    later = f"datetime({now()}, {lease})" if connection.vendor == "sqlite" else f"{now()} + {lease}"
    _execute(f"UPDATE {table(Job)} SET due = {later} WHERE worker = 'somebody'")
    key = (
        f"CONCAT('busy ', number %% {BUSY_KEYS})"
        if connection.vendor != "sqlite"
        else f"'busy ' || (number %% {BUSY_KEYS})"
    )
    _execute(
        f"INSERT INTO {table(Job)} "
        f"(name, queue, arguments, state, due, {_quoted('key')}, blocked_key, correlation) "
        "SELECT 'benchmarks.jobs.tasks.nothing', 'default', '{\"args\": [1], \"kwargs\": {}}', "
        f"'blocked', NULL, {key}, {key}, 'c' FROM {_numbers(jobs)}"
    )
    assert JobKey.objects.count() == BUSY_KEYS
    _analyze()


def _numbers(count: int) -> str:
    """1, 2 and so on, for use in a statement."""
    return {
        "postgresql": f"generate_series(1, {count}) AS numbers(number)",
        "mysql": f"(SELECT seq AS number FROM seq_1_to_{count}) AS numbers",
        "sqlite": "(WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 "
        f"FROM numbers WHERE number < {count}) SELECT number FROM numbers)",
    }[connection.vendor]


def _execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [])


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {table(Job)}" if connection.vendor == "mysql" else "ANALYZE")


def claims(jobs: int) -> dict[str, float]:
    """Milliseconds to take, begin and record a job, and of the questions of an idle worker.

    Where a session may say so no commit waits for the disk: that takes as long with any table, and
    never the same for long.
    """
    if connection.vendor in _NOT_WAITING:
        with connection.cursor() as cursor:
            cursor.execute(_NOT_WAITING[connection.vendor])
    for count in (WARMING, jobs):
        enqueue_many(tasks.nothing, [(number,) for number in range(count)])
        began = time.perf_counter()
        done = drain()
        taking = 1000 * (time.perf_counter() - began) / done
    began = time.perf_counter()
    for _ in range(LOOKS):
        is_anything_due()
        seconds_until_due()
    looking = 1000 * (time.perf_counter() - began) / LOOKS
    return {"taking": taking, "looking": looking}


if __name__ == "__main__":
    answer(
        *(prepare, enqueue, throughput, in_process, latency, fill, wear, block, claims),
        *(mails, mails_in_process, workers, clean_broker),
    )
