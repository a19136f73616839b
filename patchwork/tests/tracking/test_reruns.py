# SPDX-License-Identifier: GPL-2.0-or-later
"""A revision that is tested again: a copy with a number of its own, between what comes by mail."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.checks.changes import record_result
from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Revision, Series

TWO = """
    + [PATCH 0/2] Feature      #cover
    +--> [PATCH 1/2] One       #one
    +--> [PATCH 2/2] Two       #two
"""
REPLY = TWO + "    |  +--> [PATCH v2 2/2] Two, better  @1d #better\n"
NEXT = """
    + [PATCH v2 0/2] Feature   @2d #cover2
    +--> [PATCH v2 1/2] One    #one2
    +--> [PATCH v2 2/2] Two    #two2
"""


@pytest.fixture
def maria(project: Project) -> User:
    return User.objects.create_user("maria")


@pytest.fixture
def series(project: Project) -> Series:
    receive_many(thread(TWO))
    return Series.objects.get()


def numbers(series: Series) -> list[tuple[int, list[str], bool]]:
    """Of each revision: its number, its patches, whether it is complete."""
    return [
        (
            revision.number,
            list(revision.slots.order_by("number").values_list("patch__mail__msgid", flat=True)),
            revision.is_complete,
        )
        for revision in series.revisions.order_by("number")
    ]


def newest(series: Series) -> Revision:
    series.refresh_from_db()
    assert series.newest is not None
    return series.newest


FIRST = ["<one@example.org>", "<two@example.org>"]


def test_the_copy_is_the_newest_and_is_announced(series: Series, maria: User) -> None:
    original = newest(series)
    record_result(target=original, test_name="build", state="failure", user=maria)
    before = newest(series).series.last_updated  # type: ignore[union-attr]
    copy = changes.rerun(original, maria)
    assert newest(series) == copy
    assert numbers(series) == [(1, FIRST, True), (2, FIRST, True)]
    assert (series.version, series.n_patches, series.state) == (2, 2, "initial")
    assert (copy.test_state, series.test_state) == (None, None)
    assert (copy.name, copy.date, copy.total, copy.rerun_of) == (
        *(original.name, original.date, original.total, original),
    )
    assert series.last_updated > before
    event = Event.objects.latest("event_time")
    assert (event.kind, event.series, event.revision, event.actor, event.parameters) == (
        *("series-new-revision", series, copy, maria, {"revision": 2}),
    )
    kinds = list(Event.objects.values_list("kind", flat=True))
    assert kinds.count("series-new-revision") == 2
    assert kinds.count("series-completed") == kinds.count("series-created") == 1
    assert not Patch.objects.exclude(state__slug="new").exists()


def test_only_the_newest_can_be_tested_again(series: Series, maria: User) -> None:
    first = newest(series)
    changes.rerun(first, maria)
    with pytest.raises(changes.NotTheNewest, match="Revision 1 is not the newest one; that is 2"):
        changes.rerun(first, maria)
    again = changes.rerun(newest(series), maria)
    assert (again.number, again.rerun_of) == (3, first)


def test_what_is_not_complete_cannot_be_tested_again(project: Project, maria: User) -> None:
    receive_many(thread(TWO)[:2])
    with pytest.raises(changes.NotTheNewest, match="Revision 1 is not complete yet"):
        changes.rerun(Revision.objects.get(), maria)


def test_a_resend_amends_what_was_tested_again(series: Series, maria: User) -> None:
    changes.rerun(newest(series), maria)
    changes.rerun(newest(series), maria)
    receive_many(thread(REPLY))
    amended = ["<one@example.org>", "<better@example.org>"]
    assert numbers(series) == [*((n, FIRST, True) for n in (1, 2, 3)), (4, amended, True)]
    assert newest(series).number == 4


def test_a_posting_that_is_not_complete_moves_on(series: Series, maria: User) -> None:
    receive_many(thread(NEXT)[:2])
    assert [number for number, _, _ in numbers(series)] == [1, 2]
    copy = changes.rerun(newest(series), maria)
    assert copy.number == 2
    assert numbers(series)[2] == (3, ["<one2@example.org>"], False)
    receive_many(thread(NEXT)[2:])
    second = ["<one2@example.org>", "<two2@example.org>"]
    assert numbers(series) == [(1, FIRST, True), (2, FIRST, True), (3, second, True)]
    assert newest(series).number == 3
    revisions = Event.objects.filter(kind="series-new-revision").order_by("event_time")
    assert [event.parameters["revision"] for event in revisions] == [1, 2, 3]


def test_a_late_posting_keeps_its_number(project: Project, maria: User) -> None:
    receive_many(thread(NEXT))
    receive_many(thread(TWO))
    series = Series.objects.get()
    late = series.revisions.get(is_late=True)
    assert (newest(series).number, late.number) == (1, 2)
    copy = changes.rerun(newest(series), maria)
    assert (copy.number, series.revisions.get(is_late=True)) == (3, late)
    assert newest(series) == copy


def test_mails_that_come_again_change_nothing(series: Series, maria: User) -> None:
    changes.rerun(newest(series), maria)
    before = numbers(series)
    receive_many(thread(TWO + "    +--> bob: Re: [PATCH 0/2] Feature\n"))
    assert numbers(series) == before
    assert newest(series).number == 2
