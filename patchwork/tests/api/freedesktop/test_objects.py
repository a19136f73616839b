# SPDX-License-Identifier: GPL-2.0-or-later
"""The objects: what each says, and what ``related=expand`` makes of the ids in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.ingest.receiving import receive_many
from patchwork.people.models import Person
from patchwork.projects.models import Project, State
from patchwork.tests.letters import thread
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Series


def get(address: str) -> Any:
    return Client().get(f"/api/1.0/{address}").json()


def series(number: int = 0) -> Any:
    return get("series/?ordering=id")["results"][number]


class TestSeries:
    def test_all_of_it(self, feature: Series) -> None:
        shown = get(f"series/{feature.pk}/")
        assert shown == series()
        assert shown.pop("last_updated")
        assert shown == {
            "id": feature.pk,
            "project": feature.project_id,
            "name": "Feature",
            "n_patches": 2,
            "submitter": Person.objects.get(name="Alice").pk,
            "submitted": "2024-01-01T12:00:00",
            "version": 1,
            "reviewer": None,
            "test_state": None,
            "state": "initial",
            "state_summary": [{"name": "New", "final": False, "count": 2}],
        }
        assert list(series()) == [
            *("id", "project", "name", "n_patches", "submitter", "submitted", "last_updated"),
            *("version", "reviewer", "test_state", "state", "state_summary"),
        ]

    def test_before_it_is_complete(self, project: Project) -> None:
        receive_many(thread("+ [PATCH 0/3] Feature\n+--> [PATCH 2/3] Two"))
        assert series().items() >= {
            ("version", 1),
            ("n_patches", 0),
            ("state", "incomplete"),
            ("test_state", None),
        }
        assert series()["state_summary"] is None
        assert get(f"series/{series()['id']}/revisions/1/")["patches"] == [Patch.objects.get().pk]

    def test_it_speaks_of_the_newest_complete_revision(self, feature: Series) -> None:
        mails = thread(
            "+ [PATCH v2 0/3] Feature  @1d\n+--> [PATCH v2 1/3] One\n"
            "+--> [PATCH v2 2/3] Two\n+--> [PATCH v2 3/3] Three",
            "v2",
        )
        receive_many(mails[:3])
        assert (series()["version"], series()["n_patches"]) == (1, 2)
        receive_many(mails[3:])
        shown = series()
        assert (shown["version"], shown["n_patches"], shown["name"]) == (2, 3, "Feature")
        assert shown["submitted"] == "2024-01-01T12:00:00"

    @pytest.mark.parametrize(
        ("slugs", "state", "summary"),
        [
            (["accepted", "new"], "in progress", [("New", False, 1), ("Accepted", True, 1)]),
            (["rejected", "accepted"], "done", [("Accepted", True, 1), ("Rejected", True, 1)]),
            (["under-review"] * 2, "in progress", [("Under Review", False, 2)]),
        ],
    )
    def test_how_it_stands(
        self, feature: Series, slugs: list[str], state: str, summary: list[Any]
    ) -> None:
        for patch, slug in zip(Patch.objects.order_by("pk"), slugs, strict=True):
            changes.set_state([patch], State.objects.get(slug=slug), None)
        assert series()["state"] == state
        counted = [
            (each["name"], each["final"], each["count"]) for each in series()["state_summary"]
        ]
        assert counted == summary

    @pytest.mark.parametrize(
        ("picture", "name"),
        [
            ("+ [PATCH 1/2] One\n+--> [PATCH 2/2] Two", "Series without cover letter"),
            ("+ [PATCH] Only", "Only"),
            ("+ [PATCH 0/1] Letter\n+--> [PATCH 1/1] One", "Letter"),
        ],
    )
    def test_its_name(self, project: Project, picture: str, name: str) -> None:
        receive_many(thread(picture))
        assert series()["name"] == name

    def test_expanded(self, feature: Series, maintainer: User) -> None:
        changes.set_reviewer(feature, maintainer, None)
        shown = get(f"series/{feature.pk}/?related=expand")
        assert shown == get("projects/list/series/?related=expand")["results"][0]
        assert list(shown) == list(series())
        assert shown["project"] == get("projects/list/")
        assert shown["submitter"] == {"id": series()["submitter"], "name": "Alice"}
        assert shown["reviewer"] == {"id": maintainer.pk, "name": "maria"}
        assert get(f"series/{feature.pk}/?related=other") == series()

    def test_names_of_people(self, feature: Series, maintainer: User) -> None:
        Person.objects.update(name="")
        maintainer.first_name, maintainer.last_name = "Maria", "Maintainer"
        maintainer.save()
        changes.set_reviewer(feature, maintainer, None)
        shown = get(f"series/{feature.pk}/?related=expand")
        assert shown["submitter"]["name"] == "alice@example.org"
        assert shown["reviewer"]["name"] == "Maria Maintainer"
        maintainer.first_name = maintainer.last_name = maintainer.email = ""
        maintainer.save()
        assert get(f"series/{feature.pk}/?related=expand")["reviewer"]["name"] == "maria"


class TestRevision:
    def test_all_of_it(self, feature: Series) -> None:
        one, two = Patch.objects.order_by("date")
        shown = get(f"series/{feature.pk}/revisions/1/")
        assert list(shown.items()) == [
            *(("version", 1), ("cover_letter", "A text."), ("patches", [one.pk, two.pk])),
        ]
        assert get(f"series/{feature.pk}/revisions/")["results"] == [shown]

    def test_patches_in_their_order_whatever_came_first(self, project: Project) -> None:
        mails = thread("+ [PATCH 1/3] A\n+--> [PATCH 2/3] B\n+--> [PATCH 3/3] C")
        receive_many(mails[:1])
        receive_many(mails[2:])
        receive_many(mails[1:2])
        shown = get(f"series/{series()['id']}/revisions/1/?related=expand")
        assert shown["cover_letter"] is None
        assert [patch["name"] for patch in shown["patches"]] == ["[1/3] A", "[2/3] B", "[3/3] C"]

    def test_a_patch_sent_again_makes_one(self, feature: Series) -> None:
        receive_many(
            thread(
                "+ [PATCH 0/2] Feature\n+--> [PATCH 1/2] One  #one\n"
                "|  +--> [PATCH v2 1/2] Better  @1d #better"
            )[2:]
        )
        first, second = get(f"series/{feature.pk}/revisions/?related=expand")["results"]
        assert [patch["name"] for patch in first["patches"]] == ["[1/2] One", "[2/2] Two"]
        assert [patch["name"] for patch in second["patches"]] == ["[v2,1/2] Better", "[2/2] Two"]
        assert second["cover_letter"] is None
        assert first["patches"][1] == second["patches"][1]

    def test_expanded_patches_are_whole(self, feature: Series) -> None:
        shown = get(f"series/{feature.pk}/revisions/1/?related=expand")
        assert shown["patches"] == get("patches/")["results"]


class TestPatch:
    def test_all_of_it(self, feature: Series) -> None:
        patch = Patch.objects.earliest("date")
        shown = get(f"patches/{patch.pk}/")
        assert shown == get("patches/")["results"][0]
        assert list(shown) == [
            *("id", "project", "name", "date", "last_updated", "submitter", "state", "content"),
        ]
        assert shown.pop("last_updated")
        assert shown == {
            "id": patch.pk,
            "project": feature.project_id,
            "name": "[1/2] One",
            "date": "2024-01-01T12:01:00",
            "submitter": patch.submitter_id,
            "state": patch.state_id,
            "content": patch.diff,
        }
        assert shown["content"].startswith("diff --git a/file.c b/file.c\n")

    def test_expanded(self, feature: Series) -> None:
        patch = Patch.objects.earliest("date")
        shown = get(f"patches/{patch.pk}/?related=expand")
        assert shown == get("projects/list/patches/?related=expand")["results"][0]
        assert shown["project"] == get("projects/list/")
        assert shown["submitter"] == {"id": patch.submitter_id, "name": "Alice"}
        assert shown["state"] == {"id": patch.state_id, "name": "New"}

    def test_without_a_diff(self, feature: Series) -> None:
        Patch.objects.update(diff=None)
        assert get("patches/")["results"][0]["content"] is None
