# SPDX-License-Identifier: GPL-2.0-or-later
"""Version 1.5: revisions that know of each other, trees of comments, pages that cost the same."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from requests.utils import parse_header_links

from patchwork.checks.changes import record_result
from patchwork.ingest.receiving import receive_many
from patchwork.tests import factories
from patchwork.tests.api.getpatchwork.conftest import Tracked, patch_of
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Revision, Series, SeriesMetadata

THREE = """
    + [PATCH 1/1] One                     #v1
    +--> [PATCH v2 1/1] One               #v2
    +--> [PATCH v3 1/1] One               #v3
    |  +--> bob: Re: [PATCH v3 1/1] One   #question says=Why?
    |     +--> Re: [PATCH v3 1/1] One     #answer says=Because.
"""


def test_revisions_know_of_each_other(client: Client, project):
    receive_many(thread(THREE))
    series = Series.objects.get()
    SeriesMetadata.objects.create(series=series, name="branch", value="one")
    ids = list(Revision.objects.order_by("number").values_list("pk", flat=True))
    root, middle, newest = (f"http://testserver/api/1.5/series/{pk}/" for pk in ids)
    said = client.get("/api/1.5/series/").json()
    assert [(each["previous"], each["next"]) for each in said] == [
        (None, middle),
        (root, newest),
        (middle, None),
    ]
    assert {each["root"] for each in said} == {root}
    assert {each["metadata"]["branch"] for each in said} == {"one"}
    assert "root" not in client.get("/api/1.4/series/").json()[0]


def test_comments_are_a_tree(client: Client, project):
    receive_many(thread(THREE))
    where = f"/api/1.5/patches/{patch_of('v3').pk}/comments/"
    question, answer = client.get(where).json()
    assert (question["in_reply_to"], answer["in_reply_to"]) == (None, question["id"])
    assert "in_reply_to" not in client.get(where.replace("1.5", "1.4")).json()[0]


def test_a_series_has_test_results(client: Client, tracked: Tracked):
    where = f"/api/1.5/series/{tracked.series.pk}/"
    assert client.get(where).json()["test_results"] == []
    record_result(
        target=tracked.series, test_name="Full CI", state="failure", user=tracked.maintainer
    )
    result = client.get(where).json()["test_results"][0]
    assert (result["test_name"], result["state"]) == ("Full CI", "fail")
    told = client.get("/api/1.5/events/?category=revision-tested").json()[0]
    assert told["payload"]["test_result"] == result
    assert told["payload"]["series"]["id"] == tracked.series.pk


@pytest.mark.parametrize(
    "order",
    [
        "",
        "id",
        "-id",
        "date",
        "-date",
        "name",
        "-name",
        "state",
        "archived",
        "submitter",
        "project",
    ],
)
def test_pages_go_on_where_the_last_one_ended(client: Client, tracked: Tracked, order: str):
    """Many are equal but for their id."""
    for number in range(8):
        factories.make_patch(tracked.project, tracked.one.submitter, f"more {number % 3}")
    where: str | None = f"/api/1.5/patches/?per_page=3&order={order}&project=list"
    seen: list[int] = []
    pages = 0
    while where:
        response = client.get(where)
        assert response.status_code == 200, response.content
        seen += [each["id"] for each in response.json()]
        links = {each["rel"]: each["url"] for each in parse_header_links(response["Link"])}
        where = links.get("next")
        pages += 1
    assert pages == 4
    numbered = client.get(f"/api/1.5/patches/?per_page=250&order={order}&page=1").json()
    assert seen == [each["id"] for each in numbered]
    assert sorted(seen) == sorted(Patch.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("order", ["date", "-date"])
def test_pages_of_events(client: Client, tracked: Tracked, order: str):
    where: str | None = f"/api/1.5/events/?per_page=4&order={order}"
    seen = []
    while where:
        response = client.get(where)
        seen += [each["date"] for each in response.json()]
        links = {each["rel"]: each["url"] for each in parse_header_links(response["Link"])}
        where = links.get("next")
    assert seen == sorted(set(seen), reverse=order == "-date")
    assert len(seen) == len(client.get("/api/1.5/events/?per_page=250").json())


def test_nothing_is_counted(client: Client, tracked: Tracked):
    with CaptureQueriesContext(connection) as captured:
        client.get("/api/1.5/patches/?per_page=1")
    assert not [query for query in captured if "COUNT" in query["sql"]]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=1,x",
        "order=date&cursor=5,5",
        "order=state&cursor=x,5",
        "order=state,-id,name&cursor=5,5",
        "page=1&cursor=5,5",
    ],
)
def test_a_place_that_means_nothing_is_told(client: Client, tracked: Tracked, query: str):
    response = client.get(f"/api/1.5/patches/?{query}")
    assert response.status_code == 400
    assert list(response.json()) == ["cursor"]


def test_older_versions_know_no_places(client: Client, tracked: Tracked):
    assert client.get("/api/1.4/patches/?cursor=,5").status_code == 400
