# SPDX-License-Identifier: GPL-2.0-or-later
"""Running jobs in the processes of a Celery worker.

A message is only a hint: whoever gets one takes the job by its row, and does nothing if it is done,
or somebody else's. A message is acknowledged when the job has ended, so that the broker gives it to
another worker if this one is killed; that one comes too early mostly, for the lease has to run out
first. Then the job is due, and beat tells of it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from celery import signals
from django.conf import settings
from django.db import close_old_connections, connections

from patchwork.jobs import running, tallies
from patchwork.jobs.attendance import Presence
from patchwork.jobs.celery.app import app, our_name
from patchwork.jobs.leasing import Grip, Held, extend, take_one
from patchwork.jobs.persisting import persist, persist_end
from patchwork.jobs.worker import ROUND_SECONDS, TALLY_SECONDS, Round, process_name

LEAVE_SECONDS = 5.0
"""What goes on beside the jobs may take so long to end."""


@app.task(name="patchwork.run", acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def run(job_id: int) -> None:
    """Do this job, if it is there to be done."""
    close_old_connections()
    hands = our_hands()
    held = persist(lambda: take_one(hands.worker, job_id))
    if held:
        with hands.holding(held):
            persist_end(Grip(hands.worker).leave, running.run(held))
    close_old_connections()


class Beside(threading.Thread):
    """What a process does now and then, beside its jobs."""

    def __init__(self, name: str, *rounds: Round, last: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._rounds = rounds
        self._last = Round(last, 0)
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(ROUND_SECONDS):
            self._go(*self._rounds)
        self._go(self._last)

    def leave(self) -> None:
        self._stop_asked.set()
        self.join(LEAVE_SECONDS)

    def _go(self, *rounds: Round) -> None:
        for each in rounds:
            each.go()
        # There are many processes, and they need this seldom.
        connections.close_all()


class Hands:
    """What one process holds; its threads share them."""

    def __init__(self) -> None:
        self.worker = f"{worker_name()}/{os.getpid()}"
        self._held: set[int] = set()
        self._beside = Beside(
            "heartbeat",
            Round(self._beat, settings.JOB_LEASE_SECONDS / 4),
            Round(tallies.flush, TALLY_SECONDS),
            last=tallies.flush,
        )
        self._beside.start()

    @contextmanager
    def holding(self, held: Held) -> Iterator[None]:
        self._held.add(held.id)
        try:
            yield
        finally:
            self._held.discard(held.id)

    def leave(self) -> None:
        self._beside.leave()

    def _beat(self) -> None:
        if ids := tuple(self._held):
            extend(self.worker, ids)


@cache
def worker_name() -> str:
    """Of the Celery worker; the processes of its pool are forked after it was asked for."""
    return process_name()


_hands: dict[int, Hands] = {}
"""By process: what a process has inherited by a fork is not its own."""
_lock = threading.Lock()


def our_hands() -> Hands:
    with _lock:
        if os.getpid() not in _hands:
            _hands[os.getpid()] = Hands()
        return _hands[os.getpid()]


@signals.worker_init.connect
def prepare_to_fork(**told: Any) -> None:
    """The processes of the pool have the worker's name, and connections of their own."""
    worker_name()
    connections.close_all()


logger = logging.getLogger("patchwork.jobs")


@signals.worker_ready.connect
def attend(sender: Any, **told: Any) -> None:
    """Be among the workers from now on."""
    names = list(sender.app.amqp.queues.consume_from)
    for name in names:
        if not name.startswith(settings.JOB_QUEUE_PREFIX):
            logger.error(
                "nothing comes to the queue %r: its name has to begin with %r (JOB_QUEUE_PREFIX)",
                *(name, settings.JOB_QUEUE_PREFIX),
            )
    queues = [our_name(name) for name in names]
    presence = Presence(worker_name(), "celery", queues, sender.controller.concurrency)
    beside = Beside(
        "attendance",
        Round(presence.be_seen, settings.JOB_LEASE_SECONDS / 4),
        last=presence.sign_out,
    )
    beside.start()
    signals.worker_shutdown.connect(lambda **told: beside.leave(), weak=False)


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def leave(**told: Any) -> None:
    """Of the pool, or the worker itself; where threads run the jobs, that is one process."""
    if hands := _hands.get(os.getpid()):
        hands.leave()
