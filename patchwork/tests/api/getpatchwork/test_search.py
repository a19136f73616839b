# SPDX-License-Identifier: GPL-2.0-or-later
"""``q=``: names in every version, and from 1.5 on texts."""

from __future__ import annotations

import pytest
from django.test import Client

from patchwork.api.getpatchwork.faces import Listing
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking.models import Cover, Patch

# InnoDB's full-text indexes know what has been committed.
pytestmark = pytest.mark.django_db(transaction=True)

THREAD = """
    + [PATCH 0/2] Lamps                    #cover  says=Without them it is gloomy.
    +--> [PATCH 1/2] lamp: a dimmer        #one    says=Bright light hurts.
    |  +--> bob: Re: [PATCH 1/2] lamp      #review says=Who is hurt?
    +--> [PATCH 2/2] lamp: a bulb          #two
"""


@pytest.fixture
def stored(project: Project) -> None:
    receive_many(thread(THREAD))


def found(client: Client, address: str) -> list[str]:
    response = client.get(address)
    assert response.status_code == 200, response.content
    return [each.get("name", each.get("subject")) for each in response.json()]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("where", "by_name", "by_text"),
    [
        ("patches/?q=dimm", ["[1/2] lamp: a dimmer"], ["[1/2] lamp: a dimmer"]),
        ("patches/?q=hurts", [], ["[1/2] lamp: a dimmer"]),
        ("patches/?q=hurts+LAMP", [], ["[1/2] lamp: a dimmer"]),
        ("patches/?q=hurts+bulb", [], []),
        ("patches/?q=hur", [], []),
        ("patches/?q=hurts&order=-name&project=list", [], ["[1/2] lamp: a dimmer"]),
        ("covers/?q=gloomy", [], ["[0/2] Lamps"]),
        ("covers/?q=lamps", ["[0/2] Lamps"], ["[0/2] Lamps"]),
        ("series/?q=gloomy", [], ["Lamps"]),
        ("series/?q=lamps+without", [], ["Lamps"]),
        ("series/?q=hurts", [], []),
        ("patches/{patch}/comments/?q=who", [], ["Re: [PATCH 1/2] lamp"]),
    ],
)
def test_words(client: Client, where: str, by_name: list[str], by_text: list[str]):
    address = where.format(patch=Patch.objects.earliest("pk").pk)
    assert found(client, f"/api/1.4/{address}") == by_name
    assert found(client, f"/api/1.5/{address}") == by_text


@pytest.mark.usefixtures("stored")
def test_a_word_that_many_have(client: Client, monkeypatch: pytest.MonkeyPatch):
    """It is looked for in another way."""
    monkeypatch.setattr("patchwork.tracking.queries.texts.FEW", 0)
    Cover.objects.update(content="All of them are gloomy.")
    assert found(client, "/api/1.5/series/?q=gloomy") == ["Lamps"]
    assert found(client, "/api/1.5/patches/?q=hurts") == ["[1/2] lamp: a dimmer"]


@pytest.mark.usefixtures("stored")
def test_as_many_words_as_can_be_looked_for(client: Client):
    said_often = "lamp " * 90
    assert len(found(client, f"/api/1.5/patches/?q={said_often}")) == 2
    many = " ".join(f"word{number}" for number in range(20))
    assert found(client, f"/api/1.5/patches/?q={many}") == []
    response = client.get(f"/api/1.5/patches/?q={many} more")
    assert (response.status_code, response.json()) == (
        400,
        {"q": ["There are more than 20 words."]},
    )


def test_what_cannot_be_searched_says_so(client: Client, db: None):
    listings = [each for each in _all(Listing) if each.told is not None]
    assert listings
    for each in listings:
        for minor in (4, 5):
            assert ("q" in each.parameters(minor)) == bool(each.searched), each


def _all(kind: type[Listing]) -> list[type[Listing]]:
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in _all(each))]
