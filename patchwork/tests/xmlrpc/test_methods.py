# SPDX-License-Identifier: GPL-2.0-or-later
"""What pwclient asks, and what it is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from xmlrpc.client import DateTime, Fault

import pytest

from patchwork.checks.changes import record_result
from patchwork.checks.models import CheckResult
from patchwork.people.models import Person
from patchwork.projects.models import State
from patchwork.tests import factories
from patchwork.tests.letters import diff
from patchwork.tracking.models import Patch, Revision
from patchwork.xmlrpc import methods, wire

pytestmark = pytest.mark.django_db


def ids(patches):
    return [patch["id"] for patch in patches]


class TestCatalogues:
    def test_the_version(self, call):
        assert call("pw_rpc_version") == [1, 3, 0]

    def test_projects(self, call, project):
        other = factories.make_project("lamps")
        one = {"id": project.pk, "linkname": "list", "name": "A list"}
        assert call("project_list", "LIS", 0) == [one]
        assert call("project_list", None, 0) == call("project_list") == call("project_list", "", 0)
        assert call("project_get", project.pk) == one
        assert call("project_get", other.pk + 1) == {}

    def test_the_first_and_the_last(self, call):
        for linkname in ("a", "b", "c"):
            factories.make_project(linkname)
        names = {
            count: [one["linkname"] for one in call("project_list", "", count)]
            for count in (0, 2, -2, -9)
        }
        assert names == {0: ["a", "b", "c"], 2: ["a", "b"], -2: ["b", "c"], -9: ["a", "b", "c"]}

    def test_people(self, call, patches, maintainer):
        Person.objects.filter(email="alice@example.org").update(user=maintainer)
        (alice,) = call("person_list", "ALICE@", 0)
        assert alice == {
            "id": Person.objects.get(user=maintainer).pk,
            "email": "alice@example.org",
            "name": "Alice",
            "user": "maria",
        }
        assert call("person_get", alice["id"]) == alice
        assert call("person_list", "alic") == [alice]
        assert call("person_get", 0) == {}
        nameless = factories.make_person("", "x@example.org")
        assert call("person_get", nameless.pk)["name"] == "x@example.org"
        assert call("person_get", nameless.pk)["user"] == ""

    def test_states(self, call, states):
        (found,) = call("state_list", "accept", 0)
        assert found == {"id": State.objects.get(name="Accepted").pk, "name": "Accepted"}
        assert call("state_get", found["id"]) == found
        assert call("state_get", 99999) == {}
        assert [one["name"] for one in call("state_list")][:2] == ["New", "Under Review"]


class TestPatches:
    def test_one(self, call, patches, project, django_assert_num_queries):
        patch = patches[0]
        with django_assert_num_queries(1):
            found = call("patch_get", patch.pk)
        assert found == {
            "id": patch.pk,
            "date": "2024-01-01 12:01:00",
            "filename": "1-2-One",
            "msgid": "<one@example.org>",
            "name": "[1/2] One",
            "project": "A list",
            "project_id": project.pk,
            "state": "New",
            "state_id": patch.state_id,
            "archived": False,
            "submitter": "Alice <alice@example.org>",
            "submitter_id": patch.submitter_id,
            "delegate": "",
            "delegate_id": "",
            "commit_ref": "",
            "hash": patch.hash,
        }
        assert len(found["hash"]) == 40
        assert call("patch_get", str(patch.pk)) == found

    def test_none(self, call, patches):
        assert call("patch_get", 99999) == {}
        assert call("patch_get_by_hash", "0" * 40) == {}
        assert call("patch_get_mbox", 99999) == ""
        assert call("patch_get_diff", 99999) == ""

    def test_by_its_hash(self, call, patches, project):
        patch = patches[1]
        assert call("patch_get_by_hash", patch.hash.upper())["id"] == patch.pk
        assert call("patch_get_by_project_hash", "list", patch.hash)["id"] == patch.pk
        assert call("patch_get_by_project_hash", "lamps", patch.hash) == {}
        later = factories.make_patch(
            project, patch.submitter, hash=patch.hash, date=datetime(2025, 1, 1, tzinfo=UTC)
        )
        assert call("patch_get_by_hash", patch.hash)["id"] == later.pk

    def test_its_mail(self, call, patches):
        mbox = call("patch_get_mbox", patches[0].pk)
        assert mbox.startswith("From patchwork ")
        assert "\nReviewed-by: Bob <bob@example.org>\n" in mbox
        assert call("patch_get_diff", patches[0].pk) == diff(line="[PATCH 1/2] One")

    def test_carriage_returns_arrive(self, call, patches):
        Patch.objects.update(diff="+dos\r\n")
        assert call("patch_get_diff", patches[0].pk) == "+dos\r\n"

    def test_a_diff_that_cannot_be_written_is_not_changed_but_told(self, call, patches):
        Patch.objects.update(diff="+page\x0cfeed\n", name="form\x0cfeed")
        assert call("patch_get", patches[0].pk)["name"] == "form\ufffdfeed"
        for method in ("patch_get_diff", "patch_get_mbox"):
            with pytest.raises(Fault, match=rf"get it at http://.*/patch/{patches[0].pk}/mbox/"):
                call(method, patches[0].pk)


class TestFilters:
    @pytest.fixture
    def many(self, project):
        ada, bert = factories.make_person("Ada", "ada@x.org"), factories.make_person("Bert")
        return [
            factories.make_patch(
                project,
                (ada, bert)[number % 2],
                f"lamp: part {number}",
                date=datetime(2025, 1 + number, 1, tzinfo=UTC),
                msgid=f"<n{number}@example.org>",
                hash=f"{number}" * 40,
                state=("New", "Accepted")[number // 3],
                archived=number == 4,
                commit_ref=f"c{number}",
            )
            for number in range(5)
        ]

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({}, [0, 1, 2, 3, 4]),
            ({"name__icontains": "PART 3"}, [3]),
            ({"name": "lamp: part 1"}, [1]),
            ({"name__startswith": "lamp", "name__endswith": "2"}, [2]),
            ({"msgid": "<n1@example.org>"}, [1]),
            ({"msgid": "n1@example.org"}, [1]),
            ({"msgid__contains": "n2@"}, [2]),
            ({"msgid__icontains": "N2@"}, [2]),
            ({"commit_ref__istartswith": "C1"}, [1]),
            ({"msgid__iexact": "<N3@EXAMPLE.org>"}, [3]),
            ({"hash": "3" * 40}, [3]),
            ({"commit_ref": "c2"}, [2]),
            ({"archived": True}, [4]),
            ({"archived": "yes"}, [4]),
            ({"archived": "no"}, [0, 1, 2, 3]),
            ({"archived": 0}, [0, 1, 2, 3]),
            ({"max_count": 2}, [0, 1]),
            ({"max_count": -2}, [3, 4]),
            ({"max_count": 0}, [0, 1, 2, 3, 4]),
            ({"max_count": None}, [0, 1, 2, 3, 4]),
            ({"max_count": -1, "archived": False}, [3]),
            ({"date__gte": "2025-04-01"}, [3, 4]),
            ({"date__lt": DateTime("20250201T00:00:00")}, [0]),
            ({"date__range": ["2025-02-01", "2025-03-01T00:00:00Z"]}, [1, 2]),
            ({"date__year": 2025, "date__month": 3}, [2]),
            ({"project_id": 99999}, []),
            ({"series": "99999"}, []),
        ],
    )
    def test_of_patches(self, call, many, filters, found):
        assert ids(call("patch_list", filters)) == [many[number].pk for number in found]

    def test_by_ids(self, call, many, maintainer, django_assert_num_queries):
        ada = Person.objects.get(email="ada@x.org")
        accepted = State.objects.get(name="Accepted").pk
        with django_assert_num_queries(1):
            assert len(call("patch_list", {"project_id": many[0].project_id})) == 5
        assert len(call("patch_list", {"submitter_id": ada.pk})) == 3
        assert ids(call("patch_list", {"state_id": accepted})) == [many[3].pk, many[4].pk]
        assert ids(call("patch_list", {"id__in": [many[0].pk, many[2].pk]})) == [
            many[0].pk,
            many[2].pk,
        ]

    def test_by_delegate_who_is_told_as_a_person(self, call, many, maintainer):
        """That is what pwclient has at hand: it looks for a name among people."""
        ada, bert = Person.objects.get(email="ada@x.org"), Person.objects.get(name="Bert")
        ada.user = maintainer
        ada.save()
        Patch.objects.filter(pk=many[0].pk).update(delegate=maintainer)
        (found,) = call("patch_list", {"delegate_id": ada.pk})
        assert (found["id"], found["delegate"], found["delegate_id"]) == (
            *(many[0].pk, "maria", maintainer.pk),
        )
        assert call("patch_list", {"delegate_id": bert.pk}) == []

    def test_by_series(self, call, patches):
        revision = Revision.objects.get()
        assert ids(call("patch_list", {"series": str(revision.pk)})) == [p.pk for p in patches]

    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ({"nonsense": 1}, "No filter 'nonsense': there are archived, commit_ref, date,"),
            ({"name__regex": "(a+)+"}, "No comparison of name 'regex': there are contains,"),
            ({"project__listemail": "x"}, "No filter 'project__listemail'"),
            ({"submitter_id__user__password": "x"}, "No comparison of submitter_id"),
            ({"project_id": "x"}, "project_id: has to be a number."),
            ({"id": 2**31 - 1, "state_id": -1}, "state_id: has to be a number."),
            ({"id": True}, "id: has to be a number."),
            ({"name": 5}, "name: has to be a text."),
            ({"archived": "perhaps"}, "archived: has to be true or false"),
            ({"date__gt": "yesterday"}, "date__gt: has to be a date"),
            ({"date__gt": "2025-99-99"}, "date__gt: has to be a date"),
            ({"date__year": 0}, "date__year: is beyond all calendars"),
            ({"date__year": 1}, "date__year: is beyond all calendars"),
            ({"date__year": 9999}, "date__year: is beyond all calendars"),
            ({"date__range": ["2025-01-01"]}, "has to be an array of two"),
            ({"id__in": 5}, "id__in: has to be an array"),
            ({"id__in": list(range(1001))}, "has to be an array of no more than 1000"),
            ({"max_count": "many"}, "max_count: has to be a number."),
            ("text", "filters: has to be a struct."),
        ],
    )
    def test_what_means_nothing_is_told(self, call, states, filters, message):
        with pytest.raises(Fault, match=message) as raised:
            call("patch_list", filters)
        assert raised.value.faultCode == wire.WRONG_PARAMETERS

    def test_too_many_are_told_not_cut(self, call, many, monkeypatch):
        monkeypatch.setattr(methods, "ROWS_LIMIT", 3)
        with pytest.raises(Fault, match="more than 3"):
            call("patch_list", {})
        with pytest.raises(Fault, match="more than 3"):
            call("patch_list", {"max_count": -4})
        assert len(call("patch_list", {"max_count": 3})) == 3
        assert len(call("patch_list", {"max_count": -3})) == 3


class TestChecks:
    @pytest.fixture
    def results(self, patches, maintainer):
        return [
            record_result(
                target=patches[0],
                test_name=name,
                state=state,
                user=maintainer,
                url="https://ci.example.org/1",
                summary="All of it",
            )
            for name, state in (("build", "failure"), ("build", "success"), ("lint/c", "info"))
        ]

    def test_one(self, call, results, patches, maintainer, django_assert_num_queries):
        with django_assert_num_queries(1):
            found = call("check_get", results[0].pk)
        assert found == {
            "id": results[0].pk,
            "date": f"{CheckResult.objects.get(pk=results[0].pk).date:%Y-%m-%d %H:%M:%S}",
            "patch": "[1/2] One",
            "patch_id": patches[0].pk,
            "user": "maria",
            "user_id": maintainer.pk,
            "state": "fail",
            "target_url": "https://ci.example.org/1",
            "description": "All of it",
            "context": "build",
        }
        assert call("check_get", 99999) == {}

    def test_lists(self, call, results, patches, maintainer, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert ids(call("check_list", {})) == [result.pk for result in results]
        assert len(call("check_list")) == 3
        assert len(call("check_list", {"patch_id": patches[0].pk, "user": "maria"})) == 3
        assert len(call("check_list", {"user": str(maintainer.pk)})) == 3
        assert call("check_list", {"user": "oskar"}) == []
        assert call("check_list", {"patch_id": patches[1].pk}) == []
        assert len(call("check_list", {"context": "build", "max_count": -1})) == 1
        with pytest.raises(Fault, match="No filter 'nonsense'"):
            call("check_list", {"nonsense": 1})

    def test_of_a_patch(self, call, results, patches):
        found = call("patch_check_get", patches[0].pk)
        assert (found["state"], found["total"]) == ("success", 2)
        assert ids(found["checks"]) == [result.pk for result in results[1:]]
        assert call("patch_check_get", patches[1].pk) == {
            "state": "pending",
            "total": 0,
            "checks": [],
        }
        with pytest.raises(Fault, match="There is no patch 99999 here"):
            call("patch_check_get", 99999)


def test_every_method_says_how_it_is_called(call, db):
    assert len(methods.all_methods()) == 18
    for method in methods.all_methods():
        assert method.help.endswith(".")
        with pytest.raises(Fault, match="It is called so: ") as raised:
            call(method.name, *range(9))
        assert method.usage in raised.value.faultString
    assert "patch_list([filters])" in {method.usage for method in methods.all_methods()}


@pytest.mark.parametrize("name", ["nonsense", "_account", "__class__", "system.multicall", " "])
def test_nothing_else_can_be_called(call, db, name):
    with pytest.raises(Fault, match="There is no method") as raised:
        call(name)
    assert raised.value.faultCode == wire.NO_METHOD
