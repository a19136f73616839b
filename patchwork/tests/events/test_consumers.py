# SPDX-License-Identifier: GPL-2.0-or-later
"""Consumers: each event once, each consumer by itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.events import consumers, log
from patchwork.events.consumers import Registration
from patchwork.events.log import Happening
from patchwork.events.models import Consumer, Event, EventKind
from patchwork.projects.models import Project, Tag


class Reader:
    """Writes a row for each event, as a real consumer does; fails when told to."""

    def __init__(self, name: str, *, batch: int = 200, kinds: Sequence[EventKind] = ()) -> None:
        self.name = name
        self.fails = False
        self.seen: list[int] = []
        self.registration = Registration(name, self.handle, frozenset(kinds or EventKind), batch)

    def handle(self, events: Sequence[Event]) -> None:
        for event in events:
            Tag.objects.create(
                name=f"{self.name} {event.pk}", pattern="^", abbrev=f"{event.pk % 10_000}"
            )
        if self.fails:
            raise RuntimeError("the forge is away")
        self.seen += [event.pk for event in events]

    def catch_up(self) -> int:
        return consumers.catch_up(self.registration)


def happen(project: Project, *kinds: EventKind, historical: bool = False) -> None:
    log.record([Happening(kind, project.pk, historical=historical) for kind in kinds])


A, B = EventKind.PATCH_CREATED, EventKind.SERIES_COMPLETED


@pytest.fixture(autouse=True)
def no_tags(project: Project) -> None:
    Tag.objects.all().delete()


def test_a_new_consumer_begins_with_what_happens_from_now_on(project: Project) -> None:
    happen(project, A)
    reader = Reader("new")
    assert reader.catch_up() == 0
    happen(project, A, B)
    assert reader.catch_up() == 2
    assert reader.catch_up() == 0
    assert (
        reader.seen == list(Event.objects.order_by("event_time").values_list("pk", flat=True))[1:]
    )


@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_every_event_is_handed_over_once_whatever_the_batch(project: Project, batch: int) -> None:
    reader = Reader("reader", batch=batch)
    reader.catch_up()
    happen(project, *[A] * 7)
    assert reader.catch_up() == 7
    assert len(set(reader.seen)) == 7


def test_a_failure_leaves_the_events_and_takes_back_what_was_written(project: Project) -> None:
    reader, other = Reader("failing"), Reader("other")
    reader.catch_up()
    other.catch_up()
    happen(project, A)
    reader.fails = True
    assert reader.catch_up() == 0
    assert "the forge is away" in Consumer.objects.get(pk="failing").last_error
    assert not Tag.objects.exists()
    assert other.catch_up() == 1
    Tag.objects.all().delete()
    reader.fails = False
    assert reader.catch_up() == 1
    assert Consumer.objects.get(pk="failing").last_error == ""


def test_events_of_an_import_are_passed_over(project: Project) -> None:
    reader = Reader("reader")
    reader.catch_up()
    happen(project, A, A, historical=True)
    happen(project, B)
    assert reader.catch_up() == 1
    assert Event.objects.get(pk=reader.seen[0]).kind == B


def test_only_the_kinds_that_it_wants(project: Project) -> None:
    reader = Reader("reader", kinds=[B])
    reader.catch_up()
    happen(project, A, B, A)
    reader.catch_up()
    assert [Event.objects.get(pk=pk).kind for pk in reader.seen] == [B]


def test_nobody_is_locked_out_when_there_is_nothing_new(
    project: Project, django_assert_num_queries
) -> None:
    registration = Registration("quiet", lambda events: None, frozenset(EventKind))
    consumers.hand_over(registration)
    with django_assert_num_queries(2), CaptureQueriesContext(connection) as asked:
        assert consumers.hand_over(registration) is None
    assert all(query["sql"].startswith("SELECT") for query in asked)
