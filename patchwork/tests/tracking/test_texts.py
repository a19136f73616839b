# SPDX-License-Identifier: GPL-2.0-or-later
"""Words are found in names and texts, by indexes that every database keeps in its own way."""

from __future__ import annotations

import pytest
from django.db import connection

from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tracking import search
from patchwork.tracking.changes import remove_mails
from patchwork.tracking.models import Cover, Patch
from patchwork.tracking.queries import texts
from patchwork.tracking.queries.texts import naming, saying

# InnoDB's full-text indexes know what has been committed.
pytestmark = pytest.mark.django_db(transaction=True)


PARTS: dict[str, list[str]] = {
    "lamp": ["add", "100%"],
    "LAMP": ["add", "100%"],
    "imm": ["add"],
    "a": ["add", "100%"],
    "0%": ["100%"],
    "t_b": ["100%"],
    "t_x": [],
    "100%": ["100%"],
    "ren": ["Türen:"],
    "öff": ["Türen:"],
    "ÖFF": ["Türen:"],
    "TÜR": ["Türen:"],
    "[v2,1/2]": ["Türen:"],
    '"': [],
    "'": [],
    "*": [],
    "NOT": [],
    "bridge": [],
}
"""Parts of words -> the patches in whose names they are."""
WORDS: dict[str, list[str]] = {
    "bridge": ["add"],
    "BRIDGE": ["add"],
    "queue_length": ["add"],
    "window": ["100%"],
    '"window"': ["100%"],
    "doors.": ["Türen:"],
    "grüße": ["add"],
    "ridge": [],
    "cli": ["100%"],
    "src/cli.py": ["100%"],
    "ada": ["Türen:"],
    "ada@example.org": ["Türen:"],
    "bridge*": ["add"],
    "-bridge": ["add"],
    "lamp": [],
    "NEAR(bridge)": [],
    "content:bridge": [],
    "'": [],
    '"': [],
    "***": [],
    "+<>()~@": [],
}
"""Words -> the patches in whose texts they are."""


@pytest.fixture
def patches(project: Project) -> dict[str, Patch]:
    ada = factories.make_person("Ada", "ada@example.org")
    said = {
        "lamp: add a dimmer": "The bridge waits for its queue_length.\n\nGrüße",
        "lamp: 100% light_bulbs": 'Nothing but a "window" AND some -more in src/cli.py.',
        "[v2,1/2] Türen: öffnen": "Windows are no doors, says ada@example.org: doors.",
    }
    return {
        name: factories.make_patch(project, ada, name, content=content)
        for name, content in said.items()
    }


def names(condition: object) -> list[str]:
    return [
        name.split()[1]
        for name in Patch.objects.filter(condition).values_list("name", flat=True).order_by("pk")
    ]


@pytest.fixture(params=["few", "many"])
def how_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that many have is looked for in another way."""
    if request.param == "many":
        monkeypatch.setattr(texts, "FEW", 0)


@pytest.mark.usefixtures("patches", "how_many")
class TestNames:
    def test_any_part_of_a_name(self) -> None:
        assert {word: names(naming(Patch, word)) for word in PARTS} == PARTS


@pytest.mark.usefixtures("patches", "how_many")
class TestTexts:
    def test_whole_words(self) -> None:
        assert {word: names(saying(Patch, word)) for word in WORDS} == WORDS

    def test_what_changes_and_goes_is_found_no_more(self, patches: dict[str, Patch]) -> None:
        patch = patches["lamp: add a dimmer"]
        Patch.objects.filter(pk=patch.pk).update(content="About tunnels.", name="tram: add it")
        assert names(saying(Patch, "bridge")) == []
        assert names(saying(Patch, "tunnels")) == ["add"]
        assert names(naming(Patch, "dimmer")) == []
        assert names(naming(Patch, "tram")) == ["add"]
        remove_mails([patch.mail], None)
        assert names(saying(Patch, "tunnels")) == []
        assert names(naming(Patch, "tram")) == []

    def test_covers_too(self, project: Project) -> None:
        series = factories.make_series(project, None, "stairs", patches=["one"])
        assert series.newest
        cover = factories.make_cover(series.newest, "Why we need banisters.")
        assert list(Cover.objects.filter(saying(Cover, "banisters"))) == [cover]

    def test_a_text_of_any_length_can_be_stored(self, patches: dict[str, Patch]) -> None:
        long = " ".join(f"word{number}" for number in range(200_000)) + " " + "x" * 5000
        Patch.objects.update(content=long)
        assert set(Patch.objects.values_list("content", flat=True)) == {long}
        # MariaDB reads texts of this length when it finds time.
        assert len(names(saying(Patch, "word7"))) == 3 or connection.vendor == "mysql"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite alone has triggers")
def test_triggers_that_are_lost_come_back(patches: dict[str, Patch]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER patchwork_patch_words_come")
    project, ben = Project.objects.get(), factories.make_person("Ben", "ben@example.org")
    factories.make_patch(project, ben, "it before", content="Tunnels")
    search.keep_search(using="default")
    factories.make_patch(project, ben, "it after", content="Tunnels")
    assert names(saying(Patch, "tunnels")) == ["before", "after"]


def test_the_indexes_can_be_dropped_and_made_again(patches: dict[str, Patch]) -> None:
    search.drop_indexes(connection)
    try:
        search.keep_search(using="default")
        found = connection.introspection.table_names()
        assert search.words_of("patchwork_patch") not in found
    finally:
        search.make_indexes(connection)
        search.make_indexes(connection)
    assert names(saying(Patch, "bridge")) == ["add"]
    assert names(naming(Patch, "dimmer")) == ["add"]
