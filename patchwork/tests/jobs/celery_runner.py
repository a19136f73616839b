# SPDX-License-Identifier: GPL-2.0-or-later
"""Celery as it is in real life: a broker, and workers and beats that are processes of their own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from kombu import Connection
from redis import Redis

from patchwork.jobs.celery import announcing
from patchwork.jobs.celery.app import app, broker_queue
from patchwork.jobs.celery.beat import Sweep
from patchwork.jobs.models import Worker
from patchwork.tests.ingest.installation import PATIENCE, ROOT, Installation, until

BROKERS = {"rabbitmq": "amqp://127.0.0.1//", "redis": "redis://127.0.0.1:6379/9"}
POOLS = {"rabbitmq": "prefork", "redis": "threads"}
"""Either broker goes with either pool; so each of them is tried once."""
NOWHERE = "amqp://127.0.0.1:1//"
QUEUES = ("default", "mail", "git.1", "git.2")


@cache
def answers(broker: str) -> bool:
    with Connection(BROKERS[broker], connect_timeout=1) as broken:
        try:
            broken.ensure_connection(max_retries=0)
        except broken.connection_errors:
            return False
        return True


def need(broker: str) -> None:
    if not answers(broker):
        pytest.skip(f"no {broker} answers at {BROKERS[broker]}")


class Site:
    """An installation whose jobs are run by Celery, with names of its own in the broker."""

    def __init__(self, path: Path, broker: str, **more: Any) -> None:
        need(broker)
        self.broker = broker
        self.url = BROKERS[broker]
        self.prefix = f"test-{secrets.token_hex(6)}."
        self._options = {"global_keyprefix": self.prefix} if broker == "redis" else {}
        path.mkdir(exist_ok=True)
        self.installation = Installation(
            path,
            JOB_RUNNER="celery",
            JOB_QUEUE_PREFIX=self.prefix,
            CELERY_BROKER_URL=self.url,
            CELERY_BROKER_TRANSPORT_OPTIONS=self._options,
            CELERY_WORKER_ENABLE_REMOTE_CONTROL=False,
            **more,
        )
        self._log = path / "celery.log"

    @contextmanager
    def here(self) -> Iterator[None]:
        """This process belongs to the site as well, and works on the same database."""
        with (
            override_settings(JOB_RUNNER="celery", JOB_QUEUE_PREFIX=self.prefix),
            self._shared_database(),
            self.line_to(self.url),
        ):
            yield

    @contextmanager
    def line_to(self, url: str) -> Iterator[None]:
        """What this process tells goes there for a while."""
        told = {"broker_url": url, "broker_transport_options": self._options}
        before = {name: app.conf[name] for name in told}
        app.conf.update(told)
        lines, announcing._lines = announcing._lines, {}
        try:
            yield
        finally:
            for line in announcing._lines.values():
                line._hang_up()
            announcing._lines = lines
            app.conf.update(before)

    @contextmanager
    def _shared_database(self) -> Iterator[None]:
        self.installation.publish()
        if connection.vendor != "sqlite":
            yield
            return
        in_memory, name = connection.connection, connection.settings_dict["NAME"]
        connection.connection = None
        connection.settings_dict["NAME"] = str(self.installation.path / "db.sqlite3")
        try:
            yield
        finally:
            connection.close()
            connection.connection = in_memory
            connection.settings_dict["NAME"] = name

    def start_worker(self, *queues: str, concurrency: int = 2) -> subprocess.Popen[bytes]:
        return self._start(
            *("worker", "-P", POOLS[self.broker], "-c", str(concurrency)),
            *("-n", f"{secrets.token_hex(4)}@%h"),
            *("-Q", ",".join(f"{self.prefix}{queue}" for queue in queues)),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        )

    @contextmanager
    def workers(self, *queues: str, count: int = 1) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
        """Workers that are ready."""
        with self._killed_at_last([self.start_worker(*queues) for _ in range(count)]) as workers:
            ours = f"runner = 'celery' AND queues = '{','.join(queues)}'"
            until(lambda: self.installation.count(Worker, ours) == count)
            yield workers

    @contextmanager
    def beat(self) -> Iterator[subprocess.Popen[bytes]]:
        """Beat, with a consumer of events besides."""
        application = "patchwork.tests.jobs.celery_listening"
        with self._killed_at_last([self._start("beat", application=application)]) as [beat]:
            yield beat

    def log(self) -> str:
        return self._log.read_text()

    def clean_up(self) -> None:
        """Leave nothing in the broker."""
        if self.broker == "redis":
            redis = Redis.from_url(self.url)
            for key in redis.scan_iter(f"{self.prefix}*"):
                redis.delete(key)
            redis.close()
            return
        with (
            override_settings(JOB_QUEUE_PREFIX=self.prefix),
            Connection(self.url) as broker,
        ):
            for name in QUEUES:
                queue = broker_queue(name)(broker.default_channel)
                queue.delete()
                queue.exchange.delete()

    def _start(self, *arguments: str, application: str = "patchwork") -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", application, *arguments],
            env=self.installation.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("ab"),
            stderr=subprocess.STDOUT,
            # With its pool, it can be killed at once.
            start_new_session=True,
        )

    @contextmanager
    def _killed_at_last(
        self, processes: list[subprocess.Popen[bytes]]
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        try:
            yield processes
        finally:
            for process in processes:
                kill(process)


def kill(process: subprocess.Popen[Any]) -> None:
    """With all that it has started, unless it is gone already."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def sweeping(condition: Callable[[], bool]) -> None:
    """Wait for something as beat would, which sweeps meanwhile."""
    sweep = Sweep()

    def swept() -> bool:
        sweep.sweep()
        return condition()

    until(swept)
