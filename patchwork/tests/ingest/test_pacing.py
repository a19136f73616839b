# SPDX-License-Identifier: GPL-2.0-or-later
"""A bulk writer stays away from the database as long as it held it."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from patchwork.ingest.pacing import AWAY_SECONDS, HOLD_SECONDS, LEAST_SIZE, Pace


class Clock:
    """Time that passes when somebody says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    if connection.vendor != "sqlite":
        pytest.skip("a database server queues its writers")
    return Pace(connection, 200, clock=clock, sleep=clock.sleep)


def store(pace: Pace, clock: Clock, count: int, *, reading: float, held: float) -> None:
    with pace.batch(count):
        clock.now += reading
        with transaction.atomic(durable=True):
            clock.now += held


@pytest.mark.django_db(transaction=True)
def test_it_stays_away_as_long_as_it_held_the_lock(pace: Pace, clock: Clock) -> None:
    store(pace, clock, 20, reading=0.0, held=0.02)
    assert clock.slept == []
    store(pace, clock, 20, reading=0.0, held=0.01)
    assert clock.slept == [0.02]


@pytest.mark.django_db(transaction=True)
def test_it_stays_away_long_enough_for_all_who_wait_and_no_longer(pace: Pace, clock: Clock) -> None:
    store(pace, clock, 20, reading=0.0, held=0.5)
    store(pace, clock, 20, reading=0.0, held=0.5)
    assert clock.slept == [AWAY_SECONDS]


@pytest.mark.django_db(transaction=True)
def test_reading_the_next_mails_counts_as_staying_away(pace: Pace, clock: Clock) -> None:
    store(pace, clock, 20, reading=0.0, held=0.02)
    store(pace, clock, 20, reading=0.015, held=0.02)
    store(pace, clock, 20, reading=0.5, held=0.02)
    assert clock.slept == [0.005]


@pytest.mark.django_db(transaction=True)
def test_several_transactions_of_a_batch_are_paced_each(pace: Pace, clock: Clock) -> None:
    with pace.batch(3):
        for _ in range(3):
            with transaction.atomic(durable=True):
                clock.now += 0.01
    assert clock.slept == [0.01, 0.01]


@pytest.mark.django_db(transaction=True)
def test_the_size_follows_the_time_that_the_lock_was_held(pace: Pace, clock: Clock) -> None:
    for _ in range(20):
        store(pace, clock, pace.size, reading=0.0, held=0.002 + 0.0004 * pace.size)
    assert 0.5 * HOLD_SECONDS < 0.002 + 0.0004 * pace.size <= HOLD_SECONDS
    store(pace, clock, pace.size, reading=0.0, held=3.9 * HOLD_SECONDS)
    assert pace.size == LEAST_SIZE
    store(pace, clock, pace.size, reading=0.0, held=100 * HOLD_SECONDS)
    assert pace.size == 1
    for _ in range(20):
        store(pace, clock, pace.size, reading=0.0, held=0.0001)
    assert pace.size == 200


@pytest.mark.django_db(transaction=True)
def test_a_failed_batch_leaves_no_debt_of_its_waiting(pace: Pace, clock: Clock) -> None:
    with pytest.raises(ZeroDivisionError), pace.batch(20), transaction.atomic(durable=True):
        clock.now += 0.01
        raise ZeroDivisionError
    clock.now += 30
    store(pace, clock, 20, reading=0.0, held=0.01)
    assert clock.slept == []
