# SPDX-License-Identifier: GPL-2.0-or-later
"""The part that has Celery do the jobs."""

from __future__ import annotations

import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from urllib.parse import urlsplit

from benchmarks.command import LeftOut
from benchmarks.jobs.bench import Bench
from benchmarks.jobs.site import SETTLING_SECONDS, Site, site
from benchmarks.jobs.working import delays, rates
from benchmarks.machine import Figure
from benchmarks.site import Failed

START_SECONDS = 60
PROCESSES = (1, 2)


def celery(bench: Bench) -> Iterator[Figure]:
    """The same with Celery instead of our own workers, over each of the brokers."""
    if not find_spec("celery"):
        raise LeftOut("Celery is not installed")
    missing = [url for url in bench.brokers if not _answers(url)]
    for url in bench.brokers:
        if url not in missing:
            yield from _celery(bench, url)
    if missing:
        raise LeftOut(f"nobody answers at {' and '.join(missing)}")


def _celery(bench: Bench, url: str) -> Iterator[Figure]:
    scheme = urlsplit(url).scheme
    prefix = f"bench-{secrets.token_hex(4)}."
    with site(
        bench.server,
        JOB_RUNNER="celery",
        JOB_QUEUE_PREFIX=prefix,
        CELERY_BROKER_URL=url,
        CELERY_BROKER_TRANSPORT_OPTIONS={"global_keyprefix": prefix} if scheme == "redis" else {},
    ) as place:
        try:
            for count in PROCESSES:
                with _workers(place, count):
                    words = f"{scheme}, {count} process{'es' * (count > 1)}"
                    yield rates(words, bench, place)
                    if count == 1:
                        yield delays(f"{scheme}, commit to start", bench, place)
        finally:
            place.ask("clean_broker")


@contextmanager
def _workers(place: Site, count: int) -> Iterator[None]:
    """A Celery worker with so many processes, idle, and a beat."""
    run = [sys.executable, "-m", "celery", "-A", "patchwork", "--quiet"]
    work = [*run, "worker", "-c", str(count), "-Q", f"{place.settings['JOB_QUEUE_PREFIX']}default"]
    with place.process(work) as worker, place.process([*run, "beat"]):
        end = time.monotonic() + START_SECONDS
        while place.ask("workers") != 1:
            if worker.poll() is not None or time.monotonic() > end:
                raise Failed(f"Celery does not work: {place.log()}")
        time.sleep(SETTLING_SECONDS)
        yield


def _answers(url: str) -> bool:
    place = urlsplit(url)
    port = place.port or {"amqp": 5672, "redis": 6379}[place.scheme]
    try:
        with socket.create_connection((place.hostname or "127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
