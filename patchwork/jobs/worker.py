# SPDX-License-Identifier: GPL-2.0-or-later
"""The built-in runner: a process whose lanes run jobs, one at a time each."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import close_old_connections, connections

from patchwork.databases import until_it_passes
from patchwork.jobs import periodic, tallies
from patchwork.jobs.attendance import Presence
from patchwork.jobs.leasing import Ended, Grip, Held, abandon, extend, is_anything_due
from patchwork.jobs.persisting import persist, persist_end
from patchwork.jobs.running import run
from patchwork.jobs.waking import Alarm, Lookout

QUICK_SECONDS = 0.02
"""A lane whose jobs take less takes several of them at once."""
MOST_TAKEN = 64
HOARDING_SECONDS = 0.5
"""A lane whose job takes longer gives the others back."""
ROUND_SECONDS = 0.25
PERIODIC_SECONDS = 1.0
TALLY_SECONDS = 10.0
ABANDONED_SECONDS = 5.0
"""After a worker has given up waiting for a job of its own: by then the process is gone."""
LOOK_SECONDS = 5.0
"""A lane that nobody wakes looks by itself."""

logger = logging.getLogger("patchwork.jobs")


def process_name() -> str:
    """Of this process and no other one, ever."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(3)}"


def drain(queues: Sequence[str] = ()) -> int:
    """Run all jobs that are due, here and now; answers how many attempts that were.

    Without a heartbeat: for tests and other short work.
    """
    grip = Grip(process_name(), queues)
    count = 0
    ended: Ended | None = None
    while held := grip.move_on(ended, 1):
        ended = run(held)
        count += 1
    return count


class Lane(threading.Thread):
    """Runs one job after the other."""

    def __init__(self, crew: Crew, number: int) -> None:
        super().__init__(name=f"lane-{number}", daemon=True)
        self._crew = crew
        self._lock = threading.Lock()
        self.grip = Grip(f"{crew.name}/{number}", crew.queues)
        self.running: Held | None = None
        self.began = 0.0
        self.has_fallen = False

    def run(self) -> None:
        try:
            self._work()
        except Exception:
            # Nothing that is foreseen comes here; the crew puts another lane in its place, and the
            # job is done again when its lease has run out.
            logger.exception("%s has fallen", self.grip.worker)
            self.has_fallen = True
        connections.close_all()

    def _work(self) -> None:
        crew, ended, take = self._crew, None, 1
        while not crew.stop.is_set():
            rung = crew.alarm.rung
            held = self._next(ended, take)
            ended = None
            if held is not None:
                ended, seconds = self._run(held)
                take = min(MOST_TAKEN, take * 2) if seconds < QUICK_SECONDS else 1
            elif crew.until_idle:
                break
            else:
                crew.alarm.wait(rung, LOOK_SECONDS)
        persist_end(self._leave, ended)

    def ids(self) -> list[int]:
        """Of what the lane holds, for the heartbeat."""
        running, waiting = self.running, tuple(self.grip.waiting)
        return [held.id for held in ((running, *waiting) if running else waiting)]

    def share(self) -> None:
        """Let others have what we hold, if what we do takes long."""
        if self.running and time.monotonic() - self.began > HOARDING_SECONDS:
            with self._lock:
                self.grip.give_back()

    def _run(self, held: Held) -> tuple[Ended | None, float]:
        self.running, self.began = held, time.monotonic()
        try:
            return run(held), time.monotonic() - self.began
        finally:
            self.running = None

    def _next(self, ended: Ended | None, take: int) -> Held | None:
        if ended is None and not self.grip.waiting and not persist(self._is_anything_due):
            return None
        return persist_end(lambda end: self._move_on(end, take), ended)

    def _is_anything_due(self) -> bool:
        return is_anything_due(self._crew.queues)

    def _move_on(self, ended: Ended | None, take: int) -> Held | None:
        with self._lock:
            return self.grip.move_on(ended, take)

    def _leave(self, ended: Ended | None) -> None:
        with self._lock:
            self.grip.leave(ended)


class Crew:
    """A worker process: its lanes, and what goes on beside them."""

    def __init__(
        self,
        queues: Sequence[str] = (),
        *,
        concurrency: int = 1,
        chore: Callable[[], object] | None = None,
        until_idle: bool = False,
        grace: float = 30.0,
    ) -> None:
        self.name = process_name()
        self.queues = tuple(queues)
        self.until_idle = until_idle
        self.stop = threading.Event()
        self.alarm = Alarm()
        self._grace = grace
        self._chore = chore
        self._numbers = itertools.count().__next__
        self._lanes = [Lane(self, self._numbers()) for _ in range(concurrency)]
        self._presence = Presence(self.name, "worker", self.queues, concurrency)
        self._rounds = [
            Round(self._share, ROUND_SECONDS),
            Round(self._replace_the_fallen, PERIODIC_SECONDS),
            Round(periodic.queue_due, PERIODIC_SECONDS),
            Round(self._beat, settings.JOB_LEASE_SECONDS / 4),
            Round(tallies.flush, TALLY_SECONDS),
        ]

    def run(self) -> None:
        """Work until ``stop`` is set, or until nothing is due; then leave in good order."""
        periodic.provide()
        self._presence.be_seen()
        beside: list[threading.Thread] = [Lookout(self.alarm, self.queues, self.stop)]
        if self._chore:
            beside.append(threading.Thread(target=self._do_chores, name="chores", daemon=True))
        for thread in (*self._lanes, *beside):
            thread.start()
        while not self.stop.is_set() and (self._are_at_work() or self._have_any_fallen()):
            self._go_round()
            self.stop.wait(ROUND_SECONDS)
        self._wait_for_lanes()
        self.stop.set()
        for thread in beside:
            thread.join(ROUND_SECONDS * 4)
        tallies.flush()
        self._presence.sign_out()

    def _are_at_work(self) -> bool:
        return any(lane.is_alive() for lane in self._lanes)

    def _have_any_fallen(self) -> bool:
        return any(lane.has_fallen for lane in self._lanes)

    def _wait_for_lanes(self) -> None:
        """Let the lanes finish what they do; what takes too long is left to others."""
        self.alarm.ring()
        if self.stop.is_set():
            logger.info("%s takes no more jobs, and ends those that it is at", self.name)
        end = time.monotonic() + self._grace
        while self._are_at_work() and time.monotonic() < end:
            self._go_round()
            for lane in self._lanes:
                lane.join(ROUND_SECONDS / len(self._lanes))
        for lane in self._lanes:
            if running := lane.running:
                logger.warning("%s is left to others: it takes too long", running)
                abandon(lane.grip.worker, running.id, ABANDONED_SECONDS)

    def _go_round(self) -> None:
        for each in self._rounds:
            each.go()

    def _share(self) -> None:
        for lane in self._lanes:
            lane.share()

    def _replace_the_fallen(self) -> None:
        for place, lane in enumerate(self._lanes):
            if lane.has_fallen and not self.stop.is_set():
                self._lanes[place] = Lane(self, self._numbers())
                self._lanes[place].start()

    def _beat(self) -> None:
        for lane in self._lanes:
            if ids := lane.ids():
                extend(lane.grip.worker, ids)
        self._presence.be_seen()

    def _do_chores(self) -> None:
        assert self._chore
        chore = Round(self._chore, 0)
        while not self.stop.is_set():
            rung = self.alarm.rung
            chore.go()
            self.alarm.wait(rung, ROUND_SECONDS)
        connections.close_all()


class Round:
    """Something a worker does now and then, whatever becomes of it."""

    def __init__(self, action: Callable[[], object], every: float) -> None:
        self._action = action
        self._every = every
        self._next = 0.0

    def go(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        try:
            until_it_passes(self._action)
        except Exception:
            # A boundary: the worker goes on, and does it again next time.
            logger.exception("%s failed", getattr(self._action, "__qualname__", self._action))
            close_old_connections()
