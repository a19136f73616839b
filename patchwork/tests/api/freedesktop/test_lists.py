# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists: their envelope, order and filters, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from patchwork.api import counting
from patchwork.checks.changes import record_result
from patchwork.people.models import Person
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.api.freedesktop.conftest import basic
from patchwork.tests.factories import NOON
from patchwork.tracking import changes
from patchwork.tracking.changes import recount_patches
from patchwork.tracking.models import Patch, Series, SeriesState

Ask = Callable[..., Any]
NO_SUCH_FILTER = (
    "This list has no such filter; those that there are: name, project, reviewer, state, "
    "submitted_before, submitted_since, submitter, test_state, updated_before, updated_since."
)


@pytest.fixture
def get(client: Client) -> Ask:
    def ask(address: str, status: int = 200, **headers: str) -> Any:
        answer = client.get(f"/api/1.0/{address}", headers=headers)
        assert answer.status_code == status, answer.content
        return answer.json()

    return ask


def names(answer: Any) -> list[str]:
    return [each["name"] for each in answer["results"]]


class TestEnvelope:
    @pytest.fixture
    def many(self, project: Project) -> list[Series]:
        person = factories.make_person()
        return [factories.make_series(project, person, f"Series {n:03}") for n in range(1, 46)]

    def test_twenty_a_page(self, many: list[Series], get: Ask) -> None:
        here = "http://testserver/api/1.0/series/"
        first = get("series/")
        assert list(first) == ["count", "next", "previous", "results"]
        assert (first["count"], first["next"], first["previous"]) == (45, f"{here}?page=2", None)
        second = get("series/?page=2")
        assert (second["next"], second["previous"]) == (f"{here}?page=3", here)
        third = get("series/?page=3")
        assert (third["next"], third["previous"]) == (None, f"{here}?page=2")
        shown = names(first) + names(second) + names(third)
        assert shown == [series.name for series in reversed(many)]

    @pytest.mark.parametrize(
        ("asked", "size"),
        [
            *(("7", 7), ("100", 45), ("1000", 45), ("9" * 40, 45)),
            *(("0", 20), ("-3", 20), ("many", 20), ("", 20), ("1.5", 20), ("٣", 20)),
        ],
    )
    def test_how_many_on_a_page(self, many: list[Series], get: Ask, asked: str, size: int) -> None:
        assert len(get(f"series/?perpage={quote(asked)}")["results"]) == size

    def test_a_hundred_at_most(self, many: list[Series], get: Ask, project: Project) -> None:
        for number in range(60):
            factories.make_series(project, None, f"more {number}")
        assert len(get("series/?perpage=101")["results"]) == 100

    @pytest.mark.parametrize("page", ["4", "0", "-1", "x", "9" * 9, "9" * 30, "1e3"])
    def test_a_page_that_is_not_there(self, many: list[Series], get: Ask, page: str) -> None:
        assert get(f"series/?page={page}", 404) == {"detail": "Invalid page."}

    def test_the_last_page_is_full(self, many: list[Series], get: Ask) -> None:
        assert get("series/?page=3&perpage=15")["next"] is None
        get("series/?page=4&perpage=15", 404)

    def test_an_empty_list_has_a_first_page(self, project: Project, get: Ask) -> None:
        empty: Any = {"count": 0, "next": None, "previous": None, "results": []}
        assert get("series/") == get("projects/list/patches/?page=1") == empty

    @pytest.mark.parametrize("root", ["api/1.0", "fdo/api/1.0"])
    def test_links_keep_what_was_asked(
        self, many: list[Series], client: Client, project: Project, root: str
    ) -> None:
        path = f"http://testserver/{root}/projects/list/series/"
        answer = client.get(f"{path}?name=Series+0&ordering=name&perpage=10&page=2").json()
        assert answer["next"] == f"{path}?name=Series+0&ordering=name&perpage=10&page=3"
        assert answer["previous"] == f"{path}?name=Series+0&ordering=name&perpage=10"

    def test_links_can_be_forced_to_https(
        self, many: list[Series], get: Ask, settings: Any
    ) -> None:
        settings.FORCE_HTTPS_LINKS = True
        assert get("series/")["next"] == "https://testserver/api/1.0/series/?page=2"

    def test_patches_are_counted_as_they_come_and_go(
        self, many: list[Series], get: Ask, monkeypatch: pytest.MonkeyPatch, project: Project
    ) -> None:
        monkeypatch.setattr(counting, "LIMIT", 30)
        assert get("patches/")["count"] == 45
        patches = list(Patch.objects.order_by("pk")[:3])
        accepted = factories.State.objects.get(slug="accepted")
        changes.set_state(patches, accepted, None)
        changes.set_archived(patches[:1], True, None)
        assert get("patches/")["count"] == 45
        assert get("patches/?state=Accepted")["count"] == 3
        assert get("patches/?state=New")["count"] == 42
        assert get("projects/list/patches/?state=New,Accepted")["count"] == 45
        changes.remove_mails([patches[0].mail], None)
        assert get("patches/")["count"] == 44
        assert get("patches/?state=Accepted")["count"] == 2
        other = project.pk + 1
        assert get(f"patches/?project={other}")["count"] == 0

    def test_a_large_count_is_remembered(
        self, many: list[Series], get: Ask, monkeypatch: pytest.MonkeyPatch, project: Project
    ) -> None:
        monkeypatch.setattr(counting, "LIMIT", 30)
        assert get("series/")["count"] == 45
        factories.make_series(project, None, "one more")
        assert get("series/")["count"] == 45
        assert get("series/?name=one")["count"] == 1
        assert get("patches/")["count"] == 46


class TestOrder:
    @pytest.fixture
    def three(self, project: Project) -> None:
        for day, name in enumerate(("b", "c", "a")):
            person = factories.make_person(name, f"{'zyx'[day]}@example.org")
            made = factories.make_series(
                project, person, name, patches=[name], date=NOON - timedelta(days=day)
            )
            state = (SeriesState.DONE, SeriesState.INITIAL, SeriesState.IN_PROGRESS)[day]
            updated = NOON + timedelta(days=(1, 3, 2)[day])
            Series.objects.filter(pk=made.pk).update(state=state, last_updated=updated)
            slug = ("accepted", "new", "under-review")[day]
            state_id = factories.State.objects.get(slug=slug).pk
            Patch.objects.filter(mail__name=name).update(
                state_id=state_id, last_updated=updated, name=name
            )
        recount_patches(project)

    @pytest.mark.parametrize(
        ("ordering", "order"),
        [
            *(("", "acb"), ("id", "bca"), ("-id", "acb"), ("submitted", "acb")),
            *(("-submitted", "bca"), ("last_updated", "bac"), ("-last_updated", "cab")),
            *(("name", "abc"), ("-name", "cba"), ("submitter", "bca"), ("-submitter", "acb")),
            *(("state", "bac"), ("-state", "cab")),
        ],
    )
    def test_series(self, three: None, get: Ask, ordering: str, order: str) -> None:
        assert "".join(names(get(f"series/?ordering={ordering}"))) == order

    @pytest.mark.parametrize(
        ("ordering", "order"),
        [
            *(("", "acb"), ("date", "acb"), ("-date", "bca"), ("id", "bca"), ("-id", "acb")),
            *(("name", "abc"), ("-name", "cba"), ("last_updated", "bac"), ("submitter", "bca")),
            *(("state", "cab"), ("-state", "bac")),
        ],
    )
    def test_patches(self, three: None, get: Ask, ordering: str, order: str) -> None:
        assert "".join(names(get(f"projects/list/patches/?ordering={ordering}"))) == order

    @pytest.mark.parametrize(
        "ordering",
        [
            *("project__name", "submitter.user.password", "submitter__user__password", "reviewer"),
            *("--name", "name,id", "newest", "pk", "Name", "name ", "?", "%00"),
        ],
    )
    def test_other_words_are_passed_over(self, three: None, get: Ask, ordering: str) -> None:
        assert names(get(f"series/?ordering={ordering}")) == ["a", "c", "b"]

    def test_what_is_alike_has_an_order_too(self, project: Project, get: Ask) -> None:
        person = factories.make_person()
        made = [factories.make_series(project, person, "same").pk for _ in range(5)]
        for ordering, order in (("name", made), ("-name", made[::-1])):
            pages = [
                get(f"series/?ordering={ordering}&perpage=2&page={page}")["results"]
                for page in (1, 2, 3)
            ]
            assert [each["id"] for page in pages for each in page] == order

    def test_projects(self, project: Project, get: Ask) -> None:
        factories.make_project("alpha", name="Zulu")
        factories.make_project("zeta", name="B")
        assert names(get("projects/")) == ["Zulu", "A list", "B"]
        assert names(get("projects/?ordering=name")) == ["A list", "B", "Zulu"]
        assert names(get("projects/?ordering=-id")) == ["B", "Zulu", "A list"]

    def test_revisions(self, feature: Series, get: Ask) -> None:
        factories.make_revision(feature, ["One more"])
        address = f"series/{feature.pk}/revisions/"
        assert [each["version"] for each in get(address)["results"]] == [1, 2]
        assert [each["version"] for each in get(f"{address}?ordering=-version")["results"]] == [
            2,
            1,
        ]


class TestFilters:
    @pytest.fixture
    def some(self, project: Project, maintainer: User) -> None:
        """Four series, of which the last is in another project, without a name, incomplete."""
        other = factories.make_project("elsewhere")
        ada, ben = (
            factories.make_person("Ada", "ada@example.org"),
            factories.make_person("Ben", "ben@example.org"),
        )
        Person.objects.filter(pk=ada.pk).update(user=maintainer)
        rows = [
            (project, ada, "Light the lamps", SeriesState.INITIAL, "failure", maintainer),
            (project, ben, "Lamps: off 100%_", SeriesState.DONE, None, None),
            (project, ben, "Doors", SeriesState.IN_PROGRESS, "pending", None),
        ]
        for day, (of, by, name, state, test_state, reviewer) in enumerate(rows):
            made = factories.make_series(
                of, by, name, patches=[name], state=state, date=NOON + timedelta(days=day)
            )
            Series.objects.filter(pk=made.pk).update(
                test_state=test_state,
                reviewer=reviewer,
                last_updated=NOON + timedelta(days=day, hours=1),
            )
        last = NOON + timedelta(days=3)
        factories.make_series(other, ada, "", patches=["Orphan"], total=2, date=last)
        for name, slug in (("Doors", "under-review"), ("Lamps: off 100%_", "accepted")):
            state_id = factories.State.objects.get(slug=slug).pk
            Patch.objects.filter(mail__name=name).update(state_id=state_id)
        for project in Project.objects.all():
            recount_patches(project)

    def ids(self) -> dict[str, int]:
        return {
            "ADA": Person.objects.get(name="Ada").pk,
            "MARIA": User.objects.get(username="maria").pk,
            "LIST": Project.objects.get(linkname="list").pk,
            "ELSEWHERE": Project.objects.get(linkname="elsewhere").pk,
        }

    def asked(self, query: str) -> str:
        for word, number in self.ids().items():
            query = query.replace(word, str(number))
        return query

    LETTERS = {
        "Light the lamps": "L",
        "Lamps: off 100%_": "O",
        "Doors": "D",
        "Series without cover letter": "N",
        "Orphan": "N",
    }

    def letters(self, answer: Any) -> str:
        found = [name.split("] ")[-1] for name in names(answer)]
        return "".join(self.LETTERS[name] for name in found)

    SERIES = [
        *(("", "LODN"), ("name=", "LODN"), ("nonsense=1", "LODN")),
        *(("project=LIST", "LOD"), ("project=ELSEWHERE", "N"), ("project=999", "")),
        *(("name=amps", "LO"), ("name=LAMPS", "LO"), ("name=%25_", "O"), ("name=zzz", "")),
        *(("name=without+cover", "N"), ("name=l", "LON"), ("name=o", "ODN")),
        *(("submitter=ADA", "LN"), ("submitter=999", ""), ("submitter=self", "LN")),
        *(("reviewer=MARIA", "L"), ("reviewer=null", "ODN"), ("reviewer=999", "")),
        *(("submitted_since=2026-03-02T12:00:00", "DN"), ("submitted_since=2026-03-02", "ODN")),
        *(("submitted_before=2026-03-02T12:00:00", "LO"), ("submitted_before=2026-03-02", "L")),
        ("submitted_since=2026-03-01T12:00:00&submitted_before=2026-03-03T12:00:00", "OD"),
        *(("updated_since=2026-03-02T13:00:00Z", "DN"), ("updated_before=2026-03-02T13:00", "LO")),
        ("updated_since=2026-03-02T14:00:00%2B01:00", "DN"),
        ("updated_since=2026-03-02T14:00:00+01:00", "DN"),
        *(("test_state=failure", "L"), ("test_state=null", "ON"), ("test_state=success", "")),
        *(("test_state=failure,pending", "LD"), ("test_state=null,failure", "LON")),
        *(("state=done", "O"), ("state=in+progress,initial", "LD"), ("state=incomplete", "N")),
        *(("state=done,", "O"), ("state=done&state=initial", "LO")),
        ("state=initial&test_state=failure&reviewer=MARIA&submitter=self&name=light", "L"),
        ("state=initial&reviewer=null", ""),
    ]

    @pytest.mark.parametrize(("query", "found"), SERIES)
    def test_series(self, some: None, get: Ask, query: str, found: str) -> None:
        answer = get(f"series/?ordering=id&{self.asked(query)}", **basic("maria"))
        assert self.letters(answer) == found
        assert answer["count"] == len(found)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            *(("", "LODN"), ("project=ELSEWHERE", "N"), ("name=LAMPS", "LO"), ("name=%25_", "O")),
            *(("submitter=ADA", "LN"), ("submitter=self", "LN")),
            *(("submitted_since=2026-03-02T12:00:00", "DN"), ("submitted_before=2026-03-02", "L")),
            *(("updated_since=2026-03-02T12:00:00", "DN"), ("updated_before=2026-03-02", "L")),
            *(("state=New", "LN"), ("state=New,Under+Review", "LDN"), ("state=Accepted", "O")),
            ("state=New&submitter=ADA&project=LIST", "L"),
        ],
    )
    def test_patches(self, some: None, get: Ask, query: str, found: str) -> None:
        answer = get(f"patches/?{self.asked(query)}", **basic("maria"))
        assert self.letters(answer) == found
        assert answer["count"] == len(found)

    def test_of_a_project(self, some: None, get: Ask) -> None:
        number = self.ids()["LIST"]
        for what in ("series", "patches"):
            for project in ("list", number):
                address = f"projects/{project}/{what}/?ordering=id"
                assert self.letters(get(address)) == "LOD"
                assert self.letters(get(self.asked(f"{address}&project=LIST"))) == "LOD"
                assert get(self.asked(f"{address}&project=ELSEWHERE"))["count"] == 0

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("submitter=bob", '"bob" is none of: a number, self.'),
            ("submitter=self", '"self" is none of: a number.'),
            ("submitter=99999999999999999999", '"99999999999999999999" is not a number.'),
            ("reviewer=nobody", '"nobody" is none of: a number, null.'),
            ("reviewer=-1", '"-1" is none of: a number, null.'),
            ("reviewer=self", '"self" is none of: a number, null.'),
            ("state=new", '"new" is none of: done, in progress, incomplete, initial.'),
            ("state=done,x", '"x" is none of: done, in progress, incomplete, initial.'),
            (
                "test_state=Success",
                '"Success" is none of: failure, null, pending, success, warning.',
            ),
            ("project=list", '"list" is not a number.'),
            ("name=%00", "A NUL character cannot be searched for."),
            ("state=,", '"," is none of: done, in progress, incomplete, initial.'),
            ("test_state=,+,", '", ," is none of: failure, null, pending, success, warning.'),
            *((f"{name}=1", NO_SUCH_FILTER) for name in ("since", "series", "patch")),
        ],
    )
    def test_an_unknown_word_is_told(self, some: None, get: Ask, query: str, words: str) -> None:
        assert get(f"series/?{query}", 400) == {query.split("=")[0]: [words]}

    @pytest.mark.parametrize(
        ("address", "names", "those"),
        [
            *(
                (
                    f"{where}patches/",
                    ("reviewer", "test_state", "since"),
                    "name, project, state, submitted_before, submitted_since, submitter, "
                    "updated_before, updated_since",
                )
                for where in ("", "projects/list/")
            ),
            ("projects/", ("name", "state", "project"), ""),
            ("series/LIGHT/revisions/", ("state", "submitter"), ""),
        ],
    )
    def test_what_selects_elsewhere(
        self, some: None, get: Ask, address: str, names: tuple[str, ...], those: str
    ) -> None:
        there = f"those that there are: {those}" if those else "it has none"
        path = address.replace("LIGHT", str(Series.objects.get(name="Light the lamps").pk))
        for name in names:
            told = get(f"{path}?{name}=1", 400)
            assert told == {name: [f"This list has no such filter; {there}."]}
            get(f"{path}?{name}=")

    def test_the_states_of_patches_are_told(self, some: None, get: Ask) -> None:
        (words,) = get("patches/?state=,", 400)["state"]
        assert words.startswith('"," is none of: Accepted, Awaiting Upstream, ')
        (words,) = get("patches/?state=new", 400)["state"]
        assert words.startswith('"new" is none of: Accepted, Awaiting Upstream, ')
        assert "Under Review" in words

    @pytest.mark.parametrize(
        "when",
        ["yesterday", "2026-02-30", "2026-13-01T00:00", "12", "0001-01-01T00:00%2B14:00", "%00"],
    )
    @pytest.mark.parametrize(
        "parameter",
        ["submitted_since", "submitted_before", "updated_since", "updated_before"],
    )
    def test_bad_dates(self, some: None, get: Ask, parameter: str, when: str) -> None:
        for what in ("series", "patches"):
            assert list(get(f"{what}/?{parameter}={when}", 400)) == [parameter]

    @pytest.mark.parametrize("when", ["0001-01-01", "9999-12-31T23:59:59.999999"])
    def test_the_ends_of_the_calendar(self, some: None, get: Ask, when: str) -> None:
        get(f"series/?submitted_since={when}&updated_before={when}")


class TestCost:
    """A list takes as many statements for one row as for fifty."""

    @pytest.mark.parametrize(
        ("address", "statements"),
        [
            *(("projects/", 3), ("projects/list/", 1)),
            *(("series/", 4), ("series/?related=expand", 7), ("projects/list/series/", 5)),
            *(("patches/", 3), ("patches/?related=expand", 6), ("projects/list/patches/", 4)),
            *(("patches/?state=New", 4), ("series/?state=initial&name=e", 4)),
            *(("projects/list/events/", 4), ("projects/list/events/?related=expand", 6)),
            *(("series/ID/", 2), ("series/ID/?related=expand", 5)),
            *(("series/ID/revisions/", 6), ("series/ID/revisions/?related=expand", 7)),
            *(("series/ID/revisions/1/", 3), ("series/ID/revisions/1/?related=expand", 4)),
            *(("series/ID/revisions/1/test-results/", 2), ("patches/PATCH/", 1)),
            *(("series/ID/revisions/1/mbox/", 4), ("patches/PATCH/mbox/", 3)),
        ],
    )
    def test_statements(
        self,
        feature: Series,
        maintainer: User,
        client: Client,
        address: str,
        statements: int,
    ) -> None:
        patch = Patch.objects.earliest("pk")
        path = address.replace("ID", str(feature.pk)).replace("PATCH", str(patch.pk))
        feature.reviewer = maintainer
        feature.save()
        record_result(
            target=factories.newest(feature), test_name="a", state="info", user=maintainer
        )
        self.asked(client, path)
        before = self.asked(client, path)
        for number in range(25):
            made = factories.make_series(feature.project, None, f"Another {number}")
            Series.objects.filter(pk=made.pk).update(reviewer=maintainer)
            revision = factories.make_revision(feature, [f"Patch {number}"])
            record_result(target=revision, test_name="a", state="info", user=maintainer)
        assert before == self.asked(client, path) == statements

    def asked(self, client: Client, path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(f"/api/1.0/{path}").status_code == 200
        return len(queries)
