# SPDX-License-Identifier: GPL-2.0-or-later
"""Version 1.5: revisions that know of each other, trees of comments, pages that cost the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from requests.utils import parse_header_links

from patchwork.api.getpatchwork import (
    bundles,
    checks,
    comments,
    covers,
    events,
    patches,
    people,
    projects,
    series,
)
from patchwork.api.getpatchwork.faces import Listing
from patchwork.checks.changes import record_result
from patchwork.ingest.receiving import receive_many
from patchwork.people.models import Person, Scope
from patchwork.tests import factories
from patchwork.tests.api.getpatchwork.conftest import Tracked, make_bundle, patch_of, token
from patchwork.tests.letters import thread
from patchwork.tracking.changes import set_archived
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
    work = Series.objects.get()
    SeriesMetadata.objects.create(series=work, name="branch", value="one")
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


LISTS: dict[str, type[Listing]] = {
    "patches/": patches.Patches,
    "series/": series.AllSeries,
    "covers/": covers.Covers,
    "bundles/": bundles.Bundles,
    "events/": events.Events,
    "people/": people.People,
    "users/": people.Users,
    "projects/": projects.Projects,
    "patches/{one}/checks/": checks.Checks,
    "patches/{one}/comments/": comments.PatchComments,
    "covers/{cover}/comments/": comments.CoverComments,
}


@pytest.fixture
def crowd(tracked: Tracked) -> Tracked:
    """Of everything several that are equal but for their id, whatever lists are sorted by."""
    for number in range(4):
        name = f" Ends, in; {number % 2}  "
        person = Person.objects.create(
            name=name, email=f"P{number}@example.org", email_key=f"p{number}@example.org"
        )
        made = factories.make_series(
            tracked.project, person, name, patches=[name, name], letter="Dear list,"
        )
        for patch in factories.patches_of(made):
            factories.make_comment(patch)
        factories.make_comment(tracked.one)
        factories.make_comment(tracked.cover)
        record_result(
            target=tracked.one,
            test_name=f"test {number % 2}",
            state="success",
            user=tracked.maintainer,
        )
        owner = User.objects.create(username=f"U{number}", email=f"{number % 2}@example.org")
        make_bundle(owner, name, [tracked.one], public=True)
        factories.make_project(f"lamps{number}")
    set_archived(Patch.objects.order_by("pk")[:3], True, tracked.maintainer)
    return tracked


@pytest.mark.parametrize("place", LISTS)
def test_pages_go_on_where_the_last_one_ended(client: Client, crowd: Tracked, place: str):
    """In every order, whichever way the id decides between equals."""
    where = f"/api/1.5/{place.format(one=crowd.one.pk, cover=crowd.cover.pk)}"
    headers = token(crowd.maintainer, Scope.READ)
    for order in all_orders(LISTS[place].orders):
        numbered = f"{where}?per_page=250&page=1&order={order}"
        expected = [each["id"] for each in client.get(numbered, headers=headers).json()]
        assert walk(client, f"{where}?per_page=3&order={order}", headers) == expected, order


def all_orders(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for sign in ("", "-"):
            yield f"{sign}{name}"
            if "id" in names:
                yield f"{sign}{name},id"
                yield f"{sign}{name},-id"


def walk(client: Client, where: str, headers: dict[str, str]) -> list[int]:
    """The ids on all pages, from one to the next."""
    seen: list[int] = []
    following: str | None = where
    while following:
        response = client.get(following, headers=headers)
        assert response.status_code == 200, response.content
        seen += [each["id"] for each in response.json()]
        links = {each["rel"]: each["url"] for each in parse_header_links(response["Link"])}
        following = links.get("next")
    return seen


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


@pytest.mark.parametrize("order", ["id", "name", "date"])
def test_who_comes_back_goes_on_from_the_last_page(client: Client, project, order: str):
    where = f"/api/1.5/patches/?order={order}"
    assert "Cursor" not in client.get(where)
    person = factories.make_person()
    factories.make_patch(project, person, "Müßig, but; first")
    last = client.get(where)["Cursor"]
    nothing = client.get(f"{where}&cursor={last}")
    assert (nothing.json(), nothing["Cursor"]) == ([], last)
    second = factories.make_patch(project, person, "Next")
    seen = client.get(f"{where}&cursor={last}")
    assert [each["id"] for each in seen.json()] == [second.pk]
    assert "next" not in seen["Link"]
    assert client.get(f"{where}&cursor={seen['Cursor']}").json() == []


def test_a_page_by_its_number_has_no_place(client: Client, tracked: Tracked):
    assert "Cursor" not in client.get("/api/1.5/patches/?page=1")
    assert "Cursor" not in client.get("/api/1.4/patches/")


def test_what_is_tested_again_is_found_by_its_id(client: Client, project):
    """Events tell of it; lists do not."""
    work = factories.make_series(project, patches=["one"])
    copy = factories.make_revision(
        work, factories.patches_of(work), rerun_of=factories.newest(work)
    )
    where = f"/api/1.5/series/{copy.pk}/"
    said = client.get(where).json()
    assert said["root"] == f"http://testserver/api/1.5/series/{work.pk}/"
    assert (said["previous"], said["next"]) == (None, None)
    assert [each["name"] for each in said["patches"]] == ["[1/1] one"]
    maria = User.objects.create_superuser("maria")
    record_result(target=copy, test_name="Full CI", state="success", user=maria)
    events = client.get(f"/api/1.5/events/?series={copy.pk}&category=revision-tested").json()
    assert [event["payload"]["series"]["url"] for event in events] == [said["url"]]
    assert client.get(where.replace("1.5", "1.4")).status_code == 404


def test_nothing_is_counted(client: Client, tracked: Tracked):
    with CaptureQueriesContext(connection) as captured:
        client.get("/api/1.5/patches/?per_page=1")
    assert not [query for query in captured if "COUNT" in query["sql"]]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=5",
        "cursor=id;x",
        "cursor=id;5,5",
        "cursor=-id;5",
        "cursor=id;" + "9" * 5_000,
        "order=-id&cursor=id;5",
        "order=name&cursor=name,-id;One,5",
        "order=date&cursor=date;5,5",
        "order=date&cursor=date;2026-11-20,",
        "order=state&cursor=state;x,5",
        "order=archived&cursor=archived;zzz,1",
        "order=state,-id,name&cursor=state,-id,name;5,5",
        "page=1&cursor=id;5",
    ],
)
def test_a_place_that_means_nothing_is_told(client: Client, tracked: Tracked, query: str):
    response = client.get(f"/api/1.5/patches/?{query}")
    assert response.status_code == 400
    assert list(response.json()) == ["cursor"]


def test_older_versions_know_no_places(client: Client, tracked: Tracked):
    assert client.get("/api/1.4/patches/?cursor=,5").status_code == 400
