# SPDX-License-Identifier: GPL-2.0-or-later
"""What every address answers in every version, held against the published descriptions."""

from __future__ import annotations

import pytest
from django.test import Client

from patchwork.events.models import Event
from patchwork.tests.api.getpatchwork.conftest import Tracked, basic
from patchwork.tests.api.getpatchwork.contract import verify
from patchwork.tracking.changes import unrelate

MINORS = range(5)

PUBLIC = (
    "",
    "bundles/",
    "bundles/{bundle}/",
    "covers/",
    "covers/{cover}/",
    "covers/{cover}/comments/",
    "events/",
    "patches/",
    "patches/{one}/",
    "patches/{one}/comments/",
    "patches/{one}/checks/",
    "patches/{one}/checks/{check}/",
    "projects/",
    "projects/{project}/",
    "series/",
    "series/{series}/",
)
FOR_ACCOUNTS = ("people/", "people/{person}/", "users/")
FROM_1_3 = (
    "covers/{cover}/comments/{cover_comment}/",
    "patches/{one}/comments/{patch_comment}/",
)


def address(tracked: Tracked, template: str) -> str:
    return template.format(
        bundle=tracked.bundle.pk,
        cover=tracked.cover.pk,
        one=tracked.one.pk,
        check=tracked.one.results.get().pk,
        project=tracked.project.pk,
        series=tracked.series.pk,
        person=tracked.one.submitter_id,
        user=tracked.alice.pk,
        cover_comment=tracked.cover_comment.pk,
        patch_comment=tracked.patch_comment.pk,
    )


@pytest.mark.parametrize("minor", MINORS[1:])
def test_everybody_is_answered_as_described(client: Client, tracked: Tracked, minor: int):
    for template in PUBLIC:
        response = client.get(f"/api/1.{minor}/{address(tracked, template)}")
        assert verify(minor, "get", response)


@pytest.mark.parametrize("minor", MINORS)
def test_accounts_are_answered_as_described(client: Client, tracked: Tracked, minor: int):
    for template in FOR_ACCOUNTS:
        where = f"/api/1.{minor}/{address(tracked, template)}"
        assert verify(minor, "get", client.get(where, headers=basic("alice")))
        response = client.get(where)
        assert response.status_code == 403
        verify(minor, "get", response)


def test_comments_one_by_one(client: Client, tracked: Tracked):
    for template in FROM_1_3:
        for minor in (3, 4):
            where = f"/api/1.{minor}/{address(tracked, template)}"
            assert verify(minor, "get", client.get(where))
        assert client.get(f"/api/1.2/{address(tracked, template)}").status_code == 404


def test_without_a_version_it_is_that_of_1_4(client: Client, tracked: Tracked):
    for template in PUBLIC:
        where = address(tracked, template)
        plain, versioned = client.get(f"/api/{where}"), client.get(f"/api/1.4/{where}")
        assert plain.json() == versioned.json()
        assert verify(4, "get", plain)


def test_the_other_family_can_be_sent_elsewhere(client: Client, tracked: Tracked, settings):
    """What both have at 1.0 is answered in the one way or the other."""
    settings.API_1_0_DIALECT = "getpatchwork"
    for template in PUBLIC[1:]:
        assert verify(0, "get", client.get(f"/api/1.0/{address(tracked, template)}"))


def test_the_last_slash_makes_no_difference(client: Client, tracked: Tracked):
    for template in PUBLIC[1:] + FROM_1_3:
        where = f"/api/1.4/{address(tracked, template)}"
        assert client.get(where.rstrip("/")).json() == client.get(where).json()


def test_all_kinds_of_events_are_told_as_described(client: Client, tracked: Tracked):
    unrelate(tracked.one, tracked.maintainer)
    answer = verify(4, "get", client.get("/api/1.4/events/?per_page=250"))
    assert {event["category"] for event in answer} == {
        *("cover-created", "patch-created", "patch-completed", "patch-state-changed"),
        *("patch-relation-changed", "patch-delegated", "check-created", "series-created"),
        *("series-completed", "cover-comment-created", "patch-comment-created"),
    }


def test_older_versions_are_not_told_of_kinds_they_do_not_know(client: Client, tracked: Tracked):
    answer = verify(2, "get", client.get("/api/1.2/events/?per_page=250"))
    assert not any("comment" in event["category"] for event in answer)
    assert Event.objects.filter(kind__contains="comment").exists()
    assert client.get("/api/1.2/events/?category=patch-comment-created").status_code == 400


@pytest.mark.parametrize("nothing", ("999999", "9" * 30, "9" * 5_000, "none", "٣"))
def test_nothing_is_found_where_there_is_nothing(client: Client, tracked: Tracked, nothing: str):
    """Ids that nothing has, that no database can look up, and that are none."""
    for template in (*PUBLIC, *FROM_1_3):
        where = template
        for name in ("bundle", "cover", "one", "project", "series"):
            where = where.replace(f"{{{name}}}", nothing)
        if where != template:
            response = client.get(f"/api/1.4/{address(tracked, where)}")
            assert response.status_code == 404
            assert verify(4, "get", response).keys() == {"detail"}
