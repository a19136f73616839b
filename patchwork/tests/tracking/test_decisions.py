# SPDX-License-Identifier: GPL-2.0-or-later
"""What people decide: rows, events with the actor, and how the series stands afterwards."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project, State
from patchwork.tests.letters import thread
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Series

PICTURE = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    +--> [PATCH 2/2] Two
    + [PATCH] Other
"""


@pytest.fixture
def maria(project: Project) -> User:
    return User.objects.create_user("maria")


@pytest.fixture
def patches(project: Project) -> list[Patch]:
    receive_many(thread(PICTURE))
    Event.objects.all().delete()
    return list(Patch.objects.order_by("date"))


def state(slug: str) -> State:
    return State.objects.get(slug=slug)


def events() -> list[tuple[str, int | None, int | None]]:
    rows = Event.objects.order_by("event_time")
    return list(rows.values_list("kind", "patch_id", "actor_id"))


class TestState:
    def test_it_is_told_with_the_actor(self, patches: list[Patch], maria: User) -> None:
        one = patches[0]
        assert changes.set_state([one], state("accepted"), maria) == 1
        assert one.state.slug == "accepted" and one.state_set_by_human
        assert events() == [("patch-state-changed", one.pk, maria.pk)]
        assert Event.objects.get().parameters == {
            "previous_state": state("new").pk,
            "new_state": state("accepted").pk,
        }

    @pytest.mark.parametrize(
        ("first", "second", "series"),
        [
            ("new", "new", "initial"),
            ("under-review", "new", "in progress"),
            ("accepted", "new", "in progress"),
            ("accepted", "rejected", "done"),
            ("under-review", "accepted", "in progress"),
        ],
    )
    def test_the_series_stands_as_its_patches_do(
        self, patches: list[Patch], maria: User, first: str, second: str, series: str
    ) -> None:
        changes.set_state([patches[0]], state(first), maria)
        changes.set_state([patches[1]], state(second), maria)
        assert Series.objects.get(name="Feature").state == series
        assert Series.objects.get(name="Other").state == "initial"

    def test_many_at_once_and_only_those_that_change(
        self, patches: list[Patch], maria: User
    ) -> None:
        changes.set_state([patches[0]], state("accepted"), maria)
        before = Series.objects.get(name="Other").last_updated
        assert changes.set_state(patches, state("accepted"), maria) == 2
        assert changes.set_state(patches, state("accepted"), maria) == 0
        assert len(events()) == 3
        assert Series.objects.get(name="Other").last_updated > before

    def test_what_a_person_decided_is_not_superseded(
        self, patches: list[Patch], maria: User
    ) -> None:
        changes.set_state([patches[2]], state("under-review"), maria)
        receive_many(thread("+ [PATCH v2] Other  @2d", "v2"))
        patches[2].refresh_from_db()
        assert patches[2].state.slug == "under-review"

    def test_a_superseded_patch_can_be_brought_back(
        self, patches: list[Patch], maria: User
    ) -> None:
        receive_many(thread("+ [PATCH v2] Other  @2d", "v2"))
        other = patches[2]
        other.refresh_from_db()
        assert other.state.slug == "superseded"
        changes.set_state([other], state("new"), maria)
        receive_many(thread("+ [PATCH v3] Other  @3d", "v3"))
        other.refresh_from_db()
        assert other.state.slug == "new"


class TestDelegate:
    def test_to_somebody_and_to_nobody(self, patches: list[Patch], maria: User) -> None:
        one = patches[0]
        assert changes.set_delegate([one], maria, None) == 1
        assert changes.set_delegate([one], maria, maria) == 0
        assert changes.set_delegate([one], None, maria) == 1
        assert events() == [
            ("patch-delegated", one.pk, None),
            ("patch-delegated", one.pk, maria.pk),
        ]
        one.refresh_from_db()
        assert one.delegate is None


class TestRelation:
    def test_sets_that_touch_become_one(self, patches: list[Patch], maria: User) -> None:
        one, two, other = patches
        changes.relate([one, two], maria)
        changes.relate([two, other], maria)
        for patch in patches:
            patch.refresh_from_db()
        assert one.relation is not None
        assert one.relation == two.relation == other.relation
        assert changes.relate(patches, maria) == 0

    def test_a_set_of_one_is_none(self, patches: list[Patch], maria: User) -> None:
        one, two, _ = patches
        changes.relate([one, two], maria)
        changes.unrelate(two, maria)
        one.refresh_from_db()
        two.refresh_from_db()
        assert one.relation is None and two.relation is None
        kinds = [kind for kind, _, _ in events()]
        assert kinds == ["patch-relation-changed"] * 4
        assert changes.unrelate(two, maria) == 0


def test_archiving_and_commits_are_no_events(patches: list[Patch], maria: User) -> None:
    one = patches[0]
    before = one.last_updated
    assert changes.set_archived([one], True, maria) == 1
    assert changes.set_archived([one], True, maria) == 0
    assert changes.set_commit(one, "1" * 40, maria) == 1
    assert events() == []
    one.refresh_from_db()
    assert one.archived and one.commit_ref == "1" * 40
    assert one.last_updated > before
