# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of projects, the list of series, the list of patches."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.projects.models import State
from patchwork.tests import factories
from patchwork.tests.factories import NOON
from patchwork.tracking.models import SeriesState
from patchwork.tracking.queries import lists

LIST = "/project/lamps/list/"
PATCHES = "/project/lamps/patches/"
NAME = re.compile(r'<th class="name" scope="row"><a href="([^"]+)">([^<]*)</a>')
NEXT = re.compile(r'rel="next" href="([^"]+)"')
PREVIOUS = re.compile(r'rel="prev" href="([^"]+)"')


def names(response) -> list[str]:
    return [name for _, name in NAME.findall(response.text)]


def link(pattern: re.Pattern[str], response) -> str:
    match = pattern.search(response.text)
    return match[1].replace("&amp;", "&") if match else ""


def count_queries(client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def make_many(project, count: int) -> None:
    for number in range(count):
        series = factories.make_series(
            project,
            factories.make_person(f"Person {number:03}"),
            "" if number % 3 == 0 else f"Series {number:03}",
            patches=[f"patch {number:03}.{patch}" for patch in range(1 + number % 4)],
            total=5 if number % 3 == 1 else None,
            date=NOON + timedelta(minutes=number),
        )
        for place in series.revisions.get().slots.all():
            factories.count_tag(place.patch, 1 + number % 3, 2)


class TestProjects:
    def test_names_counts_and_addresses(self, client, project):
        factories.make_series(project)
        factories.make_series(project, state=SeriesState.DONE)
        page = client.get("/").text
        assert f'<a href="{LIST}">Lamps</a>' in page
        assert "<strong>1</strong> open series" in page
        assert "mailto:lamps@lists.example.com" in page

    def test_only_addresses_of_the_web_become_links(self, client, project):
        project.web_url = "javascript:alert(1)"
        project.scm_url = "git://example.com/lamps.git"
        project.webscm_url = "https://example.com/lamps"
        project.save()
        page = client.get("/").text
        assert 'href="javascript:' not in page
        assert 'href="git:' not in page
        assert "<code>git://example.com/lamps.git</code>" in page
        assert 'href="https://example.com/lamps"' in page

    def test_an_empty_installation_says_what_to_do(self, client, db):
        assert "No project yet." in client.get("/").text

    def test_queries_do_not_grow(self, client, project):
        few = count_queries(client, "/")
        for number in range(30):
            factories.make_project(f"p{number}")
        assert count_queries(client, "/") == few

    def test_a_projects_page_is_its_list(self, client, project):
        response = client.get("/project/lamps/")
        assert response.status_code == 302
        assert response.url == LIST

    def test_a_project_that_is_not_there_is_named(self, client, project):
        response = client.get("/project/lambs/list/")
        assert response.status_code == 404
        assert "There is no project “lambs” here." in response.text
        assert 'href="/"' in response.text

    def test_no_name_of_a_project_is_too_odd(self, client, project):
        for name in ("%00", "%ff", "x" * 3000, "..%2f..", "☃"):
            assert client.get(f"/project/{name}/list/").status_code == 404


class TestSeriesList:
    def test_a_row_says_how_things_stand(self, client, project):
        maren = factories.make_person("Maren Holt")
        series = factories.make_series(
            project, maren, "Dim the hall", patches=["one", "two"], patch_state="Under Review"
        )
        patch = factories.patches_of(series)[0]
        factories.count_tag(patch, 2, 3)
        series.test_state = "failure"
        series.save()
        page = client.get(LIST).text
        assert f'<a href="/series/{series.pk}/">Dim the hall</a>' in page
        assert ">Under Review</span>" in page
        assert '<span class="result failure">failure</span>' in page
        assert 'title="3 Reviewed-by, on 1 of 2 patches">3<' in page
        assert "Maren Holt" in page

    def test_a_series_without_cover_is_known_by_its_first_patch(self, client, project):
        factories.make_series(project, name="", patches=["hall: dim", "hall: brighten"])
        assert names(client.get(LIST)) == ["series starting with hall: dim"]

    def test_an_incomplete_series_says_so(self, client, project):
        factories.make_series(project, name="", patches=["one"], total=3)
        response = client.get(LIST)
        assert names(response) == ["Incomplete Series"]
        assert ">1/3</td>" in response.text

    def test_done_series_are_shown_when_asked_for(self, client, project):
        factories.make_series(project, name="open")
        factories.make_series(project, name="done", state=SeriesState.DONE)
        assert names(client.get(LIST)) == ["open"]
        assert sorted(names(client.get(f"{LIST}?state=all"))) == ["done", "open"]
        assert names(client.get(f"{LIST}?state=done")) == ["done"]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("q=KITCHEN", ["Kitchen lamps"]),
            ("q=dim", ["Hall lamps"]),
            ("submitter=bjark", ["Hall lamps"]),
            ("submitter=otto@example.net", ["Kitchen lamps"]),
            ("state=has-accepted", ["Kitchen lamps"]),
            ("state=nonsense", ["Kitchen lamps", "Hall lamps"]),
            ("q=%00&submitter=%00", ["Kitchen lamps", "Hall lamps"]),
            ("submitter=999999", []),
            ("submitter=99999999999999999999999", []),
            ("q=100%25_", []),
            ("archived=yes", []),
            ("sort=name", ["Hall lamps", "Kitchen lamps"]),
            ("sort=submitter", ["Kitchen lamps", "Hall lamps"]),
            ("after=nonsense", ["Kitchen lamps", "Hall lamps"]),
            ("after=2026-13-77T00:00:00Z,1", ["Kitchen lamps", "Hall lamps"]),
            ("after=2026-03-01,1", ["Kitchen lamps", "Hall lamps"]),
        ],
    )
    def test_filters(self, client, project, asked, found):
        thordis = factories.make_person("Þórdís Bjarkadóttir")
        factories.make_series(project, thordis, "Hall lamps", patches=["hall: dim the light"])
        otto = factories.make_person("Otto", "otto@example.net")
        factories.make_series(
            project,
            otto,
            "Kitchen lamps",
            patch_state="Accepted",
            date=NOON + timedelta(hours=1),
        )
        assert names(client.get(f"{LIST}?{asked}")) == found

    def test_one_submitter_by_number(self, client, project):
        mine = factories.make_series(project, name="mine")
        factories.make_series(project, name="yours")
        response = client.get(f"{LIST}?submitter={mine.submitter_id}&q=i")
        assert names(response) == ["mine"]
        assert 'aria-label="Show everybody’s"' in response.text
        assert '<a href="?q=i"' in response.text

    def test_what_is_archived_is_hidden(self, client, project):
        series = factories.make_series(project, name="put away")
        factories.newest(series).patches.update(archived=True)
        factories.make_series(project, name="", patches=["one"], total=2)
        assert names(client.get(LIST)) == ["Incomplete Series"]
        assert names(client.get(f"{LIST}?archived=yes")) == ["put away"]
        assert len(names(client.get(f"{LIST}?archived=both"))) == 2

    @pytest.mark.parametrize("sort", ["updated", "oldest", "submitted", "name", "submitter"])
    def test_pages_hold_every_row_once_there_and_back(self, client, project, settings, sort):
        settings.DEFAULT_ITEMS_PER_PAGE = 4
        make_many(project, 11)
        path = f"{LIST}?sort={sort}&state=all"
        forth = [client.get(path)]
        while following := link(NEXT, forth[-1]):
            forth.append(client.get(LIST + following))
        shown = [page for response in forth for page in NAME.findall(response.text)]
        assert len(shown) == len(set(shown)) == 11
        assert [len(names(response)) for response in forth] == [4, 4, 3]
        back = [forth[-1]]
        while before := link(PREVIOUS, back[-1]):
            back.append(client.get(LIST + before))
        assert [names(one) for one in reversed(back)] == [names(one) for one in forth]

    def test_paging_keeps_what_was_asked_for(self, client, project, settings):
        settings.DEFAULT_ITEMS_PER_PAGE = 1
        for word in ("b", "a"):
            factories.make_series(project, name=f"lamp {word}", state=SeriesState.DONE)
        response = client.get(f"{LIST}?state=done&q=lamp&sort=name&submitter=&archived=both")
        asked = urlsplit(link(NEXT, response)).query
        assert "archived=both&q=lamp&sort=name&state=done&after=lamp+a%2C" in asked

    def test_counting_stops_somewhere(self, client, project, monkeypatch):
        monkeypatch.setattr(lists, "COUNT_LIMIT", 2)
        monkeypatch.setattr("patchwork.templatetags.pages.COUNT_LIMIT", 2)
        make_many(project, 4)
        assert "<strong>more than 2</strong>" in client.get(LIST).text

    def test_states_that_a_project_does_not_show_are_not_offered(self, client, project):
        project.states.set(State.objects.filter(name__in=["New", "Accepted"]))
        page = client.get(LIST).text
        assert "has-accepted" in page
        assert "has-rejected" not in page

    def test_queries_do_not_grow(self, client, project):
        make_many(project, 3)
        few = count_queries(client, LIST)
        make_many(project, 30)
        assert count_queries(client, LIST) == few <= 12

    def test_names_are_text(self, client, project):
        hostile = factories.make_person('<img src=x onerror="alert(1)">')
        factories.make_series(project, hostile, "<script>alert(1)</script>\u202e")
        page = client.get(LIST).text
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩" in page


class TestPatchList:
    def test_rows_and_filters(self, client, project):
        factories.make_series(project, patches=["dim", "brighten"])
        factories.make_series(project, patches=["taken"], patch_state="Accepted")
        assert sorted(names(client.get(PATCHES))) == ["[1/2] dim", "[2/2] brighten"]
        assert names(client.get(f"{PATCHES}?q=bright")) == ["[2/2] brighten"]
        assert names(client.get(f"{PATCHES}?state=has-accepted")) == ["[1/1] taken"]
        assert len(names(client.get(f"{PATCHES}?state=all"))) == 3

    def test_long_texts_are_not_read(self, client, project):
        factories.make_series(project)
        with CaptureQueriesContext(connection) as captured:
            client.get(PATCHES)
        assert not any("diff" in query["sql"] for query in captured)

    def test_queries_do_not_grow(self, client, project):
        make_many(project, 3)
        few = count_queries(client, PATCHES)
        make_many(project, 30)
        assert count_queries(client, PATCHES) == few <= 8
