# SPDX-License-Identifier: GPL-2.0-or-later
"""Event times: unique, and rising in the order of commits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import Event, EventClock, EventKind
from patchwork.projects.models import Project


def happenings(project: Project, count: int) -> list[Happening]:
    return [Happening(EventKind.PATCH_CREATED, project.pk) for _ in range(count)]


def times() -> list[datetime]:
    return list(Event.objects.order_by("pk").values_list("event_time", flat=True))


def test_times_rise_in_the_order_given(project: Project) -> None:
    log.record(happenings(project, 3))
    log.record(happenings(project, 500))
    recorded = times()
    assert recorded == sorted(set(recorded))
    assert len(recorded) == 503


def test_times_are_those_of_the_database_in_utc(project: Project) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    log.record(happenings(project, 1))
    assert before < times()[0] < datetime.now(UTC) + timedelta(seconds=2)


def test_times_rise_although_the_clock_was_set_back(project: Project) -> None:
    log.record(happenings(project, 1))
    ahead = datetime.now(UTC) + timedelta(days=1)
    EventClock.objects.update(last=int(ahead.timestamp() * 1_000_000))
    log.record(happenings(project, 2))
    first, second, third = times()
    assert first < ahead - timedelta(microseconds=1) < second
    assert third - second == timedelta(microseconds=1)


def test_the_actor_and_the_parameters_are_kept(project: Project) -> None:
    user = User.objects.create_user("maria")
    log.record(
        [
            Happening(
                EventKind.PATCH_DELEGATED,
                project.pk,
                actor_id=user.pk,
                parameters={"new_delegate": user.pk, "words": "a < b, ä"},
            )
        ]
    )
    event = Event.objects.get()
    assert (event.actor, event.kind) == (user, "patch-delegated")
    assert event.parameters == {"new_delegate": user.pk, "words": "a < b, ä"}
    assert event.historical is False


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_did_not_happen(project: Project) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        log.record(happenings(project, 1))
        raise RuntimeError
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_outside_of_a_transaction(project: Project) -> None:
    assert not connection.in_atomic_block
    with pytest.raises(transaction.TransactionManagementError):
        log.record(happenings(project, 1))
    log.record([])
