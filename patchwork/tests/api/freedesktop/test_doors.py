# SPDX-License-Identifier: GPL-2.0-or-later
"""What all addresses do: methods, headers, pages for people, and which dialect answers where."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.api.freedesktop.conftest import basic
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Series

READ = "GET, HEAD, OPTIONS"
ADDRESSES = {
    "": READ,
    "projects/": READ,
    "projects/list/": READ,
    "projects/list/series/": READ,
    "projects/list/patches/": READ,
    "projects/list/events/": READ,
    "series/": READ,
    "series/ID/": "GET, PUT, PATCH, HEAD, OPTIONS",
    "series/ID/revisions/": READ,
    "series/ID/revisions/1/": READ,
    "series/ID/revisions/1/mbox/": READ,
    "series/ID/revisions/1/test-results/": "GET, POST, HEAD, OPTIONS",
    "patches/": READ,
    "patches/PATCH/": READ,
    "patches/PATCH/mbox/": READ,
    "patches/PATCH/test-results/": "GET, POST, HEAD, OPTIONS",
}
NEWREVISION = "series/ID/revisions/1/newrevision/"
ROOTS = ("/api/1.0/", "/fdo/api/1.0/")
IN_BOTH = ("projects/", "projects/list/", "series/", "series/ID/", "patches/", "patches/PATCH/")


@pytest.fixture(params=ROOTS)
def root(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def real(address: str) -> str:
    patch = Patch.objects.earliest("pk")
    series = Series.objects.earliest("pk")
    return address.replace("ID", str(series.pk)).replace("PATCH", str(patch.pk))


@pytest.mark.parametrize("address", ADDRESSES)
def test_methods_and_headers(feature: Series, client: Client, root: str, address: str) -> None:
    path = root + real(address)
    answer = client.get(path)
    assert answer.status_code == 200
    kind = "text/plain; charset=utf-8" if path.endswith("mbox/") else "application/json"
    assert answer["Content-Type"] == kind
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    options = client.options(path)
    assert options.status_code == 200
    assert {"name", "description", "renders", "parses"} <= options.json().keys()
    for each in (answer, head, options):
        assert each["Allow"] == ADDRESSES[address]
        assert "Accept" in each["Vary"].split(", ")
        assert each["Access-Control-Allow-Origin"] == "*"
    for method in {"PUT", "PATCH", "POST", "DELETE"} - set(ADDRESSES[address].split(", ")):
        refused = client.generic(method, path)
        assert refused.status_code == 405
        assert refused.json() == {"detail": f'Method "{method}" not allowed.'}
        assert "Access-Control-Allow-Origin" not in refused


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address])
def test_without_the_slash(feature: Series, client: Client, root: str, address: str) -> None:
    path = root + real(address)
    for method, status in (("GET", 301), ("HEAD", 301), ("POST", 308), ("OPTIONS", 308)):
        answer = client.generic(method, path.removesuffix("/") + "?page=1")
        assert (answer.status_code, answer["Location"]) == (status, f"{path}?page=1")


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_written_arrives_without_the_slash(
    feature: Series, maintainer: User, settings: Any, root: str, debug: bool
) -> None:
    settings.DEBUG = debug
    client = Client(enforce_csrf_checks=True)
    path = root + real("series/ID/revisions/1/test-results")
    sent = {"test_name": "checkpatch", "state": "success"}
    followed = client.post(path, sent, headers=basic("maria"), follow=True)
    assert followed.redirect_chain == [(f"{path}/", 308)]
    assert (followed.status_code, followed.json()["test_name"]) == (201, "checkpatch")
    answer = client.patch(root + real("series/ID"), headers=basic("maria"), follow=True)
    assert (answer.status_code, answer.json()["name"]) == (200, "Feature")


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_for_people(feature: Series, maintainer: User, client: Client, address: str) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    client.force_login(maintainer)
    answer = client.get(f"/api/1.0/{real(address)}", headers={"accept": browser})
    assert answer.status_code == 200
    if address.endswith("mbox/"):
        assert answer["Content-Type"].startswith("text/plain")
    else:
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert "<title>" in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        *("projects/nobody/", "projects/nobody/series/", "projects/nobody/patches/"),
        *("projects/nobody/events/", "projects/999/", "projects/%00/", "projects/%FF/"),
        *("projects/list%00/", "projects/%00list/series/"),
        *(f"projects/{'9' * 30}/", "series/999/", "series/999/revisions/", "patches/999/"),
        *("series/999/revisions/1/", "series/ID/revisions/9/", "series/ID/revisions/0/"),
        *("series/ID/revisions/9/mbox/", "series/999/revisions/1/mbox/", "patches/999/mbox/"),
        *(f"series/{10**17}/", f"patches/{10**17}/", f"series/ID/revisions/{10**17}/"),
        *(f"series/{10**40}/", f"patches/{10**40}/mbox/", f"series/ID/revisions/{10**40}/"),
    ],
)
def test_what_is_not_there(feature: Series, client: Client, root: str, path: str) -> None:
    answer = client.get(root + real(path))
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not found."}


@pytest.mark.parametrize("path", ["series/x/", f"series/{'9' * 5_000}/", "patches/-1/", "nothing/"])
def test_what_is_no_address(feature: Series, client: Client, root: str, path: str) -> None:
    assert client.get(root + path).status_code == 404


def test_a_revision_that_founded_nothing_is_no_series(feature: Series, client: Client) -> None:
    receive_many(thread("+ [PATCH v2 0/1] Feature  @1d\n+--> [PATCH v2 1/1] One", "v2"))
    revision = feature.revisions.get(number=2)
    assert client.get(f"/api/1.0/series/{revision.pk}/").status_code == 404


class TestRoot:
    def test_it_tells_of_both_dialects(self, project: Project, client: Client) -> None:
        answer = client.get("/api/1.0/").json()
        assert answer.pop("revision") == 4
        assert answer == {
            name: f"http://testserver/api/1.0/{name}/"
            for name in (
                *("projects", "users", "people", "patches", "covers", "series", "events"),
                "bundles",
            )
        }

    def test_what_it_tells_of_is_there(
        self, feature: Series, maintainer: User, client: Client
    ) -> None:
        addresses = client.get("/api/1.0/").json()
        assert list(addresses)[:2] == ["revision", "projects"]
        assert addresses.pop("revision")
        for address in addresses.values():
            assert client.get(address, headers=basic("maria")).status_code == 200

    def test_elsewhere_of_its_own(self, project: Project, client: Client) -> None:
        assert client.get("/fdo/api/1.0/").json() == {
            "revision": 4,
            "projects": "http://testserver/fdo/api/1.0/projects/",
            "series": "http://testserver/fdo/api/1.0/series/",
            "patches": "http://testserver/fdo/api/1.0/patches/",
        }


class TestDialect:
    def is_ours(self, answer: Any) -> bool:
        """No object of the other dialect is without its address, nor a list in an envelope."""
        if answer.status_code != 200:
            return False
        body = answer.json()
        return isinstance(body, dict) and "url" not in body

    @pytest.mark.parametrize(
        "address", [each for each in ADDRESSES if not each.endswith(("mbox/", "results/"))]
    )
    def test_what_both_have_can_be_turned_over(
        self, feature: Series, client: Client, settings: Any, address: str
    ) -> None:
        path = real(address)
        assert self.is_ours(client.get(f"/api/1.0/{path}"))
        settings.API_1_0_DIALECT = "getpatchwork"
        assert self.is_ours(client.get(f"/fdo/api/1.0/{path}"))
        assert self.is_ours(client.get(f"/api/1.0/{path}")) == (address not in IN_BOTH)

    def test_links_stay_where_they_were_asked(
        self, project: Project, client: Client, settings: Any
    ) -> None:
        settings.API_1_0_DIALECT = "getpatchwork"
        for number in range(2):
            factories.make_series(project, None, f"Series {number}")
        answer = client.get("/fdo/api/1.0/series/?perpage=1").json()
        assert answer["next"] == "http://testserver/fdo/api/1.0/series/?perpage=1&page=2"


@pytest.mark.parametrize("address", [*ADDRESSES, NEWREVISION])
def test_it_can_be_closed(
    feature: Series, maintainer: User, client: Client, settings: Any, root: str, address: str
) -> None:
    settings.ENABLE_REST_API = False
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        answer = client.generic(method, root + real(address), headers=basic("maria"))
        assert answer.status_code == 404


class TestProjects:
    def test_by_number_and_by_name(self, project: Project, client: Client) -> None:
        by_name = client.get("/api/1.0/projects/list/").json()
        assert by_name == client.get(f"/api/1.0/projects/{project.pk}/").json()
        assert list(by_name) == [
            *("id", "name", "linkname", "listemail", "web_url", "scm_url", "webscm_url"),
        ]

    def test_a_number_is_an_id_before_it_is_a_name(self, project: Project, client: Client) -> None:
        factories.make_project(str(project.pk), name="Numbered")
        factories.make_project("2026", name="A year")
        assert client.get(f"/api/1.0/projects/{project.pk}/").json()["name"] == "A list"
        assert client.get("/api/1.0/projects/2026/").json()["name"] == "A year"
