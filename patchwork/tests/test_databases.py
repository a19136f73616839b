# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain statements say what Django's own would: on every database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Model

from patchwork.databases import (
    attributes,
    change,
    containing,
    create,
    load,
    upsert,
    without_query_log,
)
from patchwork.people.models import Person
from patchwork.projects.models import Project, State
from patchwork.tracking.models import RawMail, Series

pytestmark = pytest.mark.django_db


def person(name: str) -> Person:
    return Person(email=f"{name}@example.com", email_key=f"{name}@example.com", name=name)


def values(row: Model) -> list:
    return [(name, type(value := getattr(row, name)), value) for name in attributes(type(row))]


def test_loaded_rows_are_those_of_django(project):
    assert [values(row) for row in load(Project)] == [values(row) for row in Project.objects.all()]
    states = load(State, "action_required = %s ORDER BY ordering", [True])
    expected = State.objects.filter(action_required=True).order_by("ordering")
    assert [values(row) for row in states] == [values(row) for row in expected]
    assert not states[0]._state.adding


def test_created_rows_know_their_ids():
    rows = create([person("ada"), person("bob")])
    assert [(row.pk, row.name) for row in rows] == list(
        Person.objects.order_by("pk").values_list("pk", "name")
    )


def test_a_row_that_clashes_is_updated_and_keeps_its_id():
    (ada,) = create([person("ada")])
    again, bob = person("ada"), person("bob")
    again.name = "Ada Lovelace"
    upsert([again, bob], unique=["email_key"], update=["name"])
    assert again.pk == ada.pk
    assert sorted(Person.objects.values_list("pk", "name")) == [
        (ada.pk, "Ada Lovelace"),
        (bob.pk, "bob"),
    ]


def test_bytes_survive():
    raw = RawMail(sha256="0" * 64, size=3, compressed=b"\0\xff'")
    create([raw])
    assert (
        bytes(load(RawMail)[0].compressed) == bytes(RawMail.objects.get().compressed) == b"\0\xff'"
    )


def test_changed_columns_of_some_rows(project):
    _, bob = create([person("ada"), person("bob")])
    change(Person, [bob.pk], name="Robert")
    change(Person, [], name="nobody")
    assert set(Person.objects.values_list("name", flat=True)) == {"ada", "Robert"}


def test_a_time_is_stored_as_django_would(project):
    (ada,) = create([person("ada")])
    now = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
    create([Series(pk=5, project=project, submitter=ada, submitted=now, last_updated=now)])
    assert values(load(Series)[0]) == values(Series.objects.get())
    assert Series.objects.get().submitted == now
    change(Series, [5], last_updated=now.replace(microsecond=0))
    assert Series.objects.get().last_updated == now.replace(microsecond=0)


def test_long_commands_keep_no_statements(settings):
    settings.DEBUG = True
    connection.queries_log.clear()
    with without_query_log():
        load(Person)
    assert not connection.queries
    load(Person)
    assert connection.queries
    assert settings.DEBUG


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("LOVE", True), ("lace", True), ("100%", True), ("é", True), ("a_L", True)),
        *(("_", True), ("a%L", False), ("loveless", False), ("\\", False)),
    ],
)
def test_texts_are_found_in_columns_whatever_their_case(text, found):
    create([person("Ada_Lovelace, 100% née Byron")])
    assert Person.objects.filter(containing("name", text)).exists() is found
