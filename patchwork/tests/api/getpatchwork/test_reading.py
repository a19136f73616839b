# SPDX-License-Identifier: GPL-2.0-or-later
"""What lists and single things answer: filters, orders, pages, versions, and at what price."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from requests.utils import parse_header_links

from patchwork.checks.changes import record_result
from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.people.models import Person
from patchwork.projects.models import State
from patchwork.tests import factories
from patchwork.tests.api.getpatchwork.conftest import (
    Tracked,
    basic,
    make_bundle,
    other_project,
    patch_of,
)
from patchwork.tests.letters import thread
from patchwork.tracking.changes import recount_patches, relate, set_archived
from patchwork.tracking.models import Patch, Revision, Series

V2 = """
    + [PATCH 0/2] Feature                 #v1
    +--> [PATCH 1/2] One                  #v1-1
    |  +--> [PATCH v2 1/2] One            #v2-1
    +--> [PATCH 2/2] Two                  #v1-2
"""


def ids(response: Any) -> list[int]:
    assert response.status_code == 200, response.content
    return [each["id"] for each in response.json()]


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [each["name"] for each in response.json()]


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {"one", "two", "fix"}),
            ("project=list", {"one", "two", "fix"}),
            ("project={project}", {"one", "two", "fix"}),
            ("project=LIST", {"one", "two", "fix"}),
            ("state=accepted", {"one"}),
            ("state=Accepted", {"one"}),
            ("state={accepted}", {"one"}),
            ("state=Under+Review,ACCEPTED", {"one"}),
            ("state=accepted&state=new", {"one", "two", "fix"}),
            ("state=accepted,rejected", {"one"}),
            ("submitter=carl@example.org", {"fix"}),
            ("submitter=CARL@example.org", {"fix"}),
            ("submitter={carl}", {"fix"}),
            ("delegate=maria", {"two"}),
            ("delegate=MARIA,alice", {"two"}),
            ("delegate={maria}", {"two"}),
            ("series={series}", {"one", "two"}),
            ("archived=true", {"fix"}),
            ("archived=False", {"one", "two"}),
            ("hash={hash}", {"two"}),
            ("hash=0000", set()),
            ("msgid=two@example.org", {"two"}),
            ("msgid=%3Ctwo@example.org%3E", {"two"}),
            ("msgid=TWO@example.org", set()),
            ("msgid=one@example.org&msgid=fix@example.org", {"one", "fix"}),
            ("q=ONE", {"one"}),
            ("q=fix+it", {"fix"}),
            ("since=2024-01-01T12:02:00", {"two"}),
            ("before=2024-01-01T12:01:00Z", {"fix"}),
            ("since=2024-01-01&before=2024-01-01", set()),
            ("project=&state=&q=", {"one", "two", "fix"}),
        ],
    )
    def test_patches(self, client: Client, tracked: Tracked, query: str, found: set[str]):
        set_archived([tracked.fix], True, tracked.maintainer)
        query = query.format(
            project=tracked.project.pk,
            carl=tracked.fix.submitter_id,
            accepted=State.objects.get(slug="accepted").pk,
            maria=tracked.maintainer.pk,
            series=tracked.series.pk,
            hash=tracked.two.hash.upper(),
        )
        expected = {patch_of(name).pk for name in found}
        assert set(ids(client.get(f"/api/1.4/patches/?{query}"))) == expected

    def test_a_name_is_that_of_whom_it_fits_to_the_letter(self, client: Client, tracked: Tracked):
        """Before it is that of whom it fits in another case."""
        lamps = factories.make_project("lamps")
        factories.make_project("Lamps", name="Others", listid="other.example.com")
        patch = factories.make_patch(lamps, tracked.one.submitter)
        assert ids(client.get("/api/1.4/patches/?project=lamps")) == [patch.pk]
        assert ids(client.get("/api/1.4/patches/?project=Lamps")) == []
        assert ids(client.get("/api/1.4/patches/?project=LAMPS")) == [patch.pk]

    @pytest.mark.parametrize(
        ("where", "count"),
        [
            ("series/?project=list", 2),
            ("series/?submitter=alice@example.org", 1),
            ("series/?q=feature", 1),
            ("series/?since=2024-01-02", 0),
            ("covers/?series={series}", 1),
            ("covers/?series={fix_series}", 0),
            ("covers/?msgid=cover@example.org", 1),
            ("covers/?submitter=carl@example.org", 0),
            ("events/?category=series-completed", 2),
            ("events/?category=series-completed&series={series}", 1),
            ("events/?category=patch-created&patch={one}", 1),
            ("events/?cover={cover}", 2),
            ("events/?actor=maria&category=patch-delegated", 1),
            ("events/?since=2999-01-01", 0),
            ("bundles/?owner=alice", 1),
            ("bundles/?public=false", 0),
            ("bundles/?q=you", 1),
            ("patches/{one}/checks/?state=fail", 1),
            ("patches/{one}/checks/?state=success", 0),
            ("patches/{one}/checks/?context=build&user=maria", 1),
            ("patches/{one}/comments/?q=one", 1),
            ("projects/?q=list.example", 1),
            ("projects/?project=LIST", 1),
            ("projects/?project=other", 1),
            ("projects/?project=list,other", 2),
            ("patches/{one}/comments/?project=other", 1),
        ],
    )
    def test_others(self, client: Client, tracked: Tracked, where: str, count: int):
        factories.make_project("other")
        where = where.format(
            series=tracked.series.pk,
            fix_series=Series.objects.get(submitter__email="carl@example.org").pk,
            one=tracked.one.pk,
            cover=tracked.cover.pk,
        )
        assert len(ids(client.get(f"/api/1.4/{where}"))) == count

    @pytest.mark.parametrize(
        ("where", "field"),
        [
            ("patches/?project=none", "project"),
            ("patches/?project=999", "project"),
            ("projects/?project=none", "project"),
            ("people/?project=none", "project"),
            ("users/?project=none", "project"),
            ("patches/{one}/comments/?project=none", "project"),
            ("patches/{one}/checks/?project=none", "project"),
            ("patches/?state=lost", "state"),
            ("patches/?state=999999", "state"),
            ("patches/?submitter=nobody@example.org", "submitter"),
            ("patches/?delegate=nobody", "delegate"),
            ("patches/?series=999999", "series"),
            ("patches/?series=x", "series"),
            ("patches/?archived=perhaps", "archived"),
            ("patches/?since=yesterday", "since"),
            ("patches/?before=2024-13-01", "before"),
            ("patches/?order=colour", "order"),
            ("patches/?order=mail__raw", "order"),
            ("patches/?page=x", "page"),
            ("patches/?page=0", "page"),
            ("patches/?page=-1", "page"),
            ("patches/?per_page=x", "per_page"),
            ("patches/?per_page=0", "per_page"),
            ("patches/?projct=list", "projct"),
            ("patches/?q=%00", "q"),
            ("patches/?submitter=%00", "submitter"),
            ("series/?state=new", "state"),
            ("events/?category=party", "category"),
            ("events/?patch=999999", "patch"),
            ("events/?order=name", "order"),
            ("bundles/?public=so-so", "public"),
            ("covers/?series=" + "9" * 30, "series"),
            ("covers/?series=" + "9" * 5_000, "series"),
            ("patches/?page=" + "9" * 5_000, "page"),
            ("patches/?submitter=" + "9" * 5_000, "submitter"),
        ],
    )
    def test_what_means_nothing_is_told(self, client: Client, tracked: Tracked, where, field):
        where = where.format(one=tracked.one.pk)
        response = client.get(f"/api/1.4/{where}", headers=basic("maria"))
        assert response.status_code == 400
        assert list(response.json()) == [field]


class TestPages:
    def test_links_lead_through_all_of_it(self, client: Client, tracked: Tracked):
        for number in range(8):
            factories.make_patch(tracked.project, tracked.one.submitter, f"more {number}")
        where: str | None = "/api/1.4/patches/?per_page=4&order=-id&project=list"
        seen = []
        while where:
            response = client.get(where)
            seen.append(ids(response))
            links = {each["rel"]: each["url"] for each in parse_header_links(response["Link"])}
            assert links["first"] == (
                "http://testserver/api/1.4/patches/?per_page=4&order=-id&project=list&page=1"
            )
            assert links["last"].endswith("&page=3")
            assert ("prev" in links) == (len(seen) > 1)
            assert "next" not in links or response["Link"].split(",")[0].endswith('rel="next"')
            where = links.get("next")
        assert [len(page) for page in seen] == [4, 4, 3]
        every = [pk for page in seen for pk in page]
        assert every == sorted(Patch.objects.values_list("pk", flat=True), reverse=True)

    def test_the_path_that_was_asked_is_kept(self, client: Client, tracked: Tracked, settings):
        link = client.get("/api/patches?per_page=1")["Link"]
        assert link.startswith('<http://testserver/api/patches?per_page=1&page=2>; rel="next", ')
        settings.FORCE_HTTPS_LINKS = True
        response = client.get("/api/patches?per_page=1")
        assert response["Link"].startswith("<https://testserver/")
        assert response.json()[0]["url"].startswith("https://testserver/api/1.4/")

    def test_a_page_past_the_end(self, client: Client, tracked: Tracked):
        """Some clients go on until they are told so."""
        for page in ("2", "9" * 18):
            response = client.get(f"/api/1.4/patches/?page={page}")
            assert response.status_code == 404
            assert response.json() == {"detail": "Invalid page."}
        assert ids(client.get("/api/1.4/patches/?page=1&q=nothing")) == []

    def test_no_page_is_larger_than_250(self, client: Client, tracked: Tracked):
        raw = Patch.objects.filter(pk=tracked.one.pk).values().get()
        mail = tracked.one.mail
        for number in range(250):
            mail.pk, mail.msgid = None, f"<many{number}@example.org>"
            mail.save()
            Patch.objects.create(**raw | {"id": None, "mail_id": mail.pk})
        recount_patches(tracked.one.project)
        page = client.get("/api/1.4/patches/?per_page=1000")
        assert len(ids(page)) == 250
        last = 'per_page=1000&page=2>; rel="last"'
        assert last in page["Link"]
        assert len(ids(client.get("/api/1.4/patches/"))) == 30

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("id", ["one", "two", "fix"]),
            ("-id", ["fix", "two", "one"]),
            ("date", ["fix", "one", "two"]),
            ("-date", ["two", "one", "fix"]),
            ("submitter,-date", ["two", "one", "fix"]),
            ("name", ["one", "two", "fix"]),
        ],
    )
    def test_orders(self, client: Client, tracked: Tracked, order: str, expected: list[str]):
        found = ids(client.get(f"/api/1.4/patches/?order={order}"))
        assert found == [patch_of(name).pk for name in expected]

    def test_the_newest_event_comes_first(self, client: Client, tracked: Tracked):
        dates = [event["date"] for event in client.get("/api/1.4/events/").json()]
        assert dates == sorted(dates, reverse=True)
        dates = [event["date"] for event in client.get("/api/1.4/events/?order=date").json()]
        assert dates == sorted(dates)

    def test_what_an_import_brought_is_no_event(self, client: Client, tracked: Tracked):
        Event.objects.update(historical=True)
        assert ids(client.get("/api/1.4/events/")) == []


class TestSeries:
    def test_a_revision_is_a_series(self, client: Client, project):
        """The second one amends the first, which stands first in what both hold."""
        receive_many(thread(V2))
        first, second = Revision.objects.order_by("number")
        answers = {each["id"]: each for each in client.get("/api/1.4/series/").json()}
        assert list(answers) == [first.pk, second.pk]
        assert answers[first.pk]["cover_letter"]["name"] == "[0/2] Feature"
        amended = answers[second.pk]
        assert (amended["version"], amended["cover_letter"]) == (2, None)
        assert (amended["total"], amended["received_total"], amended["received_all"]) == (
            2,
            2,
            True,
        )
        assert [patch["name"] for patch in amended["patches"]] == ["[v2,1/2] One", "[2/2] Two"]
        assert amended["mbox"] == f"http://testserver/series/{first.pk}/rev/2/mbox/"
        assert client.get(amended["mbox"].removeprefix("http://testserver")).status_code == 200
        held = client.get(f"/api/1.4/patches/{patch_of('v1-2').pk}/").json()["series"]
        assert [series["id"] for series in held] == [first.pk, second.pk]
        held = client.get(f"/api/1.4/patches/{patch_of('v2-1').pk}/").json()["series"]
        assert [series["id"] for series in held] == [second.pk]
        carried = client.get(f"/api/1.4/patches/?series={second.pk}")
        assert ids(carried) == sorted([patch_of("v2-1").pk, patch_of("v1-2").pk])

    def test_what_is_tested_again_is_no_series(self, client: Client, project):
        series = factories.make_series(project, patches=["one"])
        one = factories.patches_of(series)[0]
        copy = factories.make_revision(series, [one], rerun_of=factories.newest(series))
        assert ids(client.get("/api/1.4/series/")) == [series.pk]
        assert client.get(f"/api/1.4/series/{copy.pk}/").status_code == 404
        assert client.get(f"/api/1.4/patches/?series={copy.pk}").status_code == 400
        assert client.get(f"/api/1.4/events/?series={copy.pk}").status_code == 400
        said = client.get(f"/api/1.4/patches/{one.pk}/").json()
        assert [each["id"] for each in said["series"]] == [series.pk]

    def test_without_a_letter_it_is_named_by_its_first_patch(self, client: Client, project):
        series = factories.make_series(project, name="", patches=["one", "two"])
        assert client.get(f"/api/1.4/series/{series.pk}/").json()["name"] == "one"
        nothing = factories.make_series(project, name="", patches=[], total=3)
        said = client.get(f"/api/1.4/series/{nothing.pk}/").json()
        assert (said["name"], said["received_all"], said["received_total"]) == (None, False, 0)

    def test_dependencies_lead_both_ways(self, client: Client, project):
        receive_many(
            [
                *thread("+ [PATCH 0/1] Base  #base\n+--> [PATCH 1/1] One  #one"),
                *thread(
                    "+ [PATCH 0/1] More  #more says=Depends-on: <base@example.org>\n"
                    "+--> [PATCH 1/1] Two"
                ),
            ]
        )
        base, more = Series.objects.order_by("pk").values_list("pk", flat=True)
        answers = {each["id"]: each for each in client.get("/api/1.4/series/").json()}
        url = "http://testserver/api/1.4/series/{}/"
        assert answers[more]["dependencies"] == [url.format(base)]
        assert answers[base]["dependents"] == [url.format(more)]
        assert answers[base]["dependencies"] == answers[more]["dependents"] == []
        project.show_dependencies = False
        project.save()
        assert client.get(f"/api/1.4/series/{more}/").json()["dependencies"] == []


class TestPatches:
    def test_what_is_said_of_one(self, client: Client, tracked: Tracked):
        said = client.get(f"/api/1.4/patches/{tracked.one.pk}/").json()
        assert said["headers"]["Subject"] == "[PATCH 1/2] One"
        assert said["headers"]["In-Reply-To"] == "<cover@example.org>"
        assert said["prefixes"] == ["1/2"]
        assert said["content"].startswith("Because.")
        assert "diff --git a/file.c b/file.c" in said["diff"]
        assert said["tags"] == {"Acked-by": "0", "Reviewed-by": "1", "Tested-by": "0"}
        assert said["list_archive_url"] == "https://lists.example.org/one@example.org"
        assert [series["id"] for series in said["series"]] == [tracked.series.pk]
        assert [other["id"] for other in said["related"]] == [tracked.fix.pk]
        for address in ("mbox", "web_url", "comments", "checks"):
            where = said[address].removeprefix("http://testserver")
            assert client.get(where).status_code == 200

    def test_related_patches_may_be_of_another_project(self, client: Client, tracked: Tracked):
        lamps = other_project()
        lamps.list_archive_url_format = "https://lamps.example.org/{}"
        lamps.save()
        lamp = factories.make_patch(lamps, tracked.two.submitter, "Lamp")
        relate([tracked.two, lamp], tracked.maintainer)
        for minor in range(2, 6):
            api = f"/api/1.{minor}/patches/"
            in_list = {each["id"]: each for each in client.get(api).json()}
            for said in (in_list[tracked.two.pk], client.get(f"{api}{tracked.two.pk}/").json()):
                assert [other["id"] for other in said["related"]] == [lamp.pk]
                address = said["related"][0]["list_archive_url"]
                assert address.startswith("https://lamps.example.org/")
            of_lamps = client.get(f"{api}?project=lamps").json()
            assert [other["id"] for other in of_lamps[0]["related"]] == [tracked.two.pk]

    def test_headers_that_stand_there_twice_are_lines(self, client: Client, tracked: Tracked):
        """One text a header, as the description has it."""
        mail = thread("+ [PATCH] Twice  #twice")[0]
        receive_many([b"Received: from a\nReceived: from b\n by c\n" + mail])
        said = client.get(f"/api/1.4/patches/{patch_of('twice').pk}/").json()
        assert said["headers"]["Received"] == "from a\nfrom b by c"

    def test_how_tests_ended(self, client: Client, tracked: Tracked):
        """One that failed decides, then one that warned, then one that is not through."""
        where = f"/api/1.4/patches/{tracked.two.pk}/"

        def check(test: str, state: str, target: Patch | Revision) -> str:
            record_result(target=target, test_name=test, state=state, user=tracked.maintainer)
            return str(client.get(where).json()["check"])

        assert client.get(where).json()["check"] == "pending"
        assert check("a", "success", tracked.two) == "success"
        assert check("b", "info", tracked.two) == "success"
        assert check("c", "pending", tracked.two) == "pending"
        assert check("d", "warning", tracked.two) == "warning"
        assert check("e", "failure", tracked.series) == "fail"
        assert check("e", "success", tracked.series) == "warning"
        assert len(ids(client.get(f"{where}checks/"))) == 4

    def test_the_letter_of_a_series_as_a_mailbox(self, client: Client, tracked: Tracked):
        said = client.get(f"/api/1.4/covers/{tracked.cover.pk}/").json()
        assert b"Subject: [PATCH 0/2] Feature" in client.get(said["mbox"]).content


class TestBundles:
    def test_private_ones_are_nobody_elses(self, client: Client, tracked: Tracked):
        where = f"/api/1.4/bundles/{tracked.private.pk}/"
        for headers in ({}, basic("maria")):
            assert client.get(where, headers=headers).status_code == 404
            assert client.get(f"{where}mbox/", headers=headers).status_code == 404
            assert ids(client.get("/api/1.4/bundles/", headers=headers)) == [tracked.bundle.pk]
        assert client.get(where, headers=basic("alice")).status_code == 200
        found = ids(client.get("/api/1.4/bundles/", headers=basic("alice")))
        assert found == [tracked.bundle.pk, tracked.private.pk]

    def test_a_bundle_as_a_mailbox(self, client: Client, tracked: Tracked):
        said = client.get(f"/api/1.4/bundles/{tracked.bundle.pk}/").json()
        response = client.get(said["mbox"])
        assert response["Content-Disposition"] == "attachment; filename=For-you.mbox"
        text = response.content.decode()
        assert 0 < text.index("[2/2] Two") < text.index("[1/2] One")


class TestPrice:
    @pytest.mark.parametrize(
        ("where", "statements"),
        [
            ("patches/", 10),
            ("patches/?project=list&order=-date&state=new&archived=false", 12),
            ("series/", 12),
            ("covers/", 6),
            ("events/?per_page=250", 12),
            ("projects/", 5),
            ("bundles/", 6),
            ("patches/{one}/comments/", 6),
            ("patches/{one}/checks/", 5),
        ],
    )
    def test_a_list_takes_as_many_statements_for_many_as_for_few(
        self, client: Client, tracked: Tracked, where: str, statements: int
    ):
        where = f"/api/1.4/{where.format(one=tracked.one.pk)}"
        few = self.count(client, where)
        for number in range(5):
            person = factories.make_person(f"P{number}")
            series = factories.make_series(
                tracked.project, person, f"S{number}", patches=["a", "b"], letter="Dear list,"
            )
            for patch in factories.patches_of(series):
                factories.make_comment(patch)
                for target in (patch, tracked.one):
                    record_result(
                        target=target, test_name="t", state="success", user=tracked.maintainer
                    )
            factories.make_comment(tracked.one)
            make_bundle(tracked.alice, f"B{number}", factories.patches_of(series), public=True)
        assert self.count(client, where) == few <= statements

    @pytest.mark.parametrize(
        ("where", "statements"),
        [("patches/{one}/", 11), ("series/{series}/", 9), ("covers/{cover}/", 6)],
    )
    def test_one_thing(self, client: Client, tracked: Tracked, where: str, statements: int):
        where = where.format(one=tracked.one.pk, series=tracked.series.pk, cover=tracked.cover.pk)
        assert self.count(client, f"/api/1.4/{where}") <= statements

    def count(self, client: Client, where: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(where).status_code == 200
        return len(captured)


class TestPeople:
    def test_who_is_who(self, client: Client, tracked: Tracked):
        where = f"/api/1.4/people/{tracked.one.submitter_id}/"
        said = client.get(where, headers=basic("maria")).json()
        assert (said["name"], said["email"]) == ("Alice", "alice@example.org")
        assert said["user"]["username"] == "alice"
        Person.objects.update(user=None)
        assert client.get(where, headers=basic("maria")).json()["user"] is None

    def test_who_came_without_a_name_is_called_by_the_address(
        self, client: Client, tracked: Tracked
    ):
        Person.objects.update(name="")
        said = client.get(f"/api/1.4/patches/{tracked.one.pk}/").json()
        assert said["submitter"]["name"] == "alice@example.org"

    def test_a_wrong_password_is_told(self, client: Client, tracked: Tracked):
        assert client.get("/api/1.4/people/", headers=basic("nobody")).status_code == 401


class TestVersions:
    def test_there_is_no_other_version(self, client: Client, tracked: Tracked):
        for version in ("0.9", "1.9", "2.0", "1.10"):
            assert client.get(f"/api/{version}/patches/").status_code == 404

    def test_the_api_can_be_switched_off(self, client: Client, tracked: Tracked, settings):
        settings.ENABLE_REST_API = False
        for where in ("", "patches/", "1.4/events/", "1.4/bundles/1/mbox/"):
            assert client.get(f"/api/{where}").status_code == 404

    def test_dates_are_in_utc_without_saying_so(self, client: Client, tracked: Tracked):
        later = tracked.one.date + timedelta(microseconds=5)
        Patch.objects.filter(pk=tracked.one.pk).update(date=later)
        dates = [each["date"] for each in client.get("/api/1.4/patches/").json()]
        assert dates == ["2024-01-01T12:01:00.000005", "2024-01-01T12:03:00", "2024-01-01T12:00:00"]
