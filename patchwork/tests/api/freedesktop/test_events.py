# SPDX-License-Identifier: GPL-2.0-or-later
"""Events: what clients poll, and that polling misses nothing and tells nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project, State
from patchwork.tests import factories
from patchwork.tests.api.freedesktop.conftest import SEED
from patchwork.tests.events.test_polling import DELIVER, PROCESSES, mails
from patchwork.tests.ingest.conftest import installation, short_path  # noqa: F401 (fixtures)
from patchwork.tests.ingest.installation import ROOT, Installation
from patchwork.tests.letters import thread
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Series

EVENTS = "/api/1.0/projects/list/events/"


def get(query: str = "", status: int = 200) -> Any:
    answer = Client().get(f"{EVENTS}?{query}")
    assert answer.status_code == status, answer.content
    return answer.json()


def results(query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(query)["results"]
    return found


@pytest.fixture
def busy(feature: Series, maintainer: User) -> Series:
    """A project in which everything has happened that this dialect knows of, and more."""
    receive_many(thread("+ [PATCH v2 0/1] Feature  @1d\n+--> [PATCH v2 1/1] One", "v2"))
    patch = Patch.objects.earliest("date")
    changes.set_state([patch], State.objects.get(slug="accepted"), maintainer)
    changes.set_delegate([patch], maintainer, maintainer)
    pull = factories.make_patch(feature.project, patch.submitter, "pull", pull_url="git://x y")
    # Nothing records it yet.
    Event.objects.create(
        kind="pull-request-new",
        event_time=Event.objects.latest("event_time").event_time + timedelta(seconds=1),
        project=feature.project,
        patch=pull,
        parameters={"pull_url": "git://x y"},
    )
    return feature


class TestObjects:
    def test_all_of_it(self, feature: Series) -> None:
        (shown,) = results()
        assert list(shown) == ["name", "event_time", "series", "patch", "user", "parameters"]
        happened = Event.objects.get(kind="series-new-revision").event_time
        assert shown == {
            "name": "series-new-revision",
            "event_time": happened.replace(tzinfo=None).isoformat(),
            "series": feature.pk,
            "patch": None,
            "user": None,
            "parameters": {"revision": 1},
        }

    def test_other_kinds(self, busy: Series, maintainer: User) -> None:
        patch = Patch.objects.earliest("date")
        pull, accepted = results("name=pull-request-new,patch-state-change")[:2]
        assert (pull["name"], pull["parameters"]) == (
            *("pull-request-new", {"pull_url": "git://x y"}),
        )
        states = {state.slug: state.pk for state in State.objects.all()}
        assert (accepted["name"], accepted["patch"], accepted["user"]) == (
            *("patch-state-change", patch.pk, maintainer.pk),
        )
        assert accepted["parameters"] == {
            "previous_state": states["superseded"],
            "new_state": states["accepted"],
        }

    def test_expanded(self, busy: Series, maintainer: User) -> None:
        shown = results("name=*&related=expand")
        assert shown[1]["user"] == {"id": maintainer.pk, "name": "maria"}
        assert (shown[0]["series"], shown[0]["user"]) == (None, None)
        assert shown[-1]["series"] == Client().get(f"/api/1.0/series/{busy.pk}/").json()
        assert isinstance(shown[1]["patch"], int)

    def test_a_microsecond_less(self, feature: Series) -> None:
        event = Event.objects.filter(kind="series-new-revision")
        event.update(event_time=datetime.fromisoformat("2026-11-20T12:00:00+00:00"))
        assert results()[0]["event_time"] == "2026-11-20T12:00:00"

    def test_of_an_import_nobody_is_told(self, feature: Series) -> None:
        Event.objects.update(historical=True)
        assert get("name=*")["count"] == 0

    def test_by_number(self, feature: Series) -> None:
        address = f"/api/1.0/projects/{feature.project_id}/events/"
        assert Client().get(address).json()["results"] == results()


class TestFilters:
    @pytest.mark.parametrize(
        ("names", "kinds"),
        [
            *(("", {"series-new-revision"}), ("series-new-revision", {"series-new-revision"})),
            ("*", {"series-new-revision", "patch-state-change", "pull-request-new"}),
            (
                "series-new-revision,*",
                {*("series-new-revision", "patch-state-change"), "pull-request-new"},
            ),
            ("pull-request-new,patch-state-change", {"pull-request-new", "patch-state-change"}),
            (
                "pull-request-new&name=patch-state-change",
                {*("pull-request-new", "patch-state-change")},
            ),
        ],
    )
    def test_names(self, busy: Series, names: str, kinds: set[str]) -> None:
        assert {each["name"] for each in results(f"name={names}")} == kinds

    @pytest.mark.parametrize("name", ["patch-state-changed", "check-created", "Series", "%2A%2A"])
    def test_other_names_are_told(self, busy: Series, name: str) -> None:
        (words,) = get(f"name={name}", 400)["name"]
        assert words.endswith(
            " is none of: *, patch-state-change, pull-request-new, series-new-revision."
        )

    def test_series_and_patch(self, busy: Series) -> None:
        patch = Patch.objects.earliest("date")
        assert get(f"series={busy.pk}")["count"] == 2
        assert get("series=999")["count"] == 0
        assert [each["name"] for each in results(f"name=*&patch={patch.pk}")] == [
            *("patch-state-change", "patch-state-change"),
        ]
        assert results(f"patch={patch.pk}") == results(f"name=*&patch={patch.pk}")
        assert get(f"name=series-new-revision&patch={patch.pk}")["count"] == 0
        assert list(get("series=x", 400)) == ["series"]
        assert list(get("patch=-1", 400)) == ["patch"]

    def test_what_people_do_to_the_patches_of_a_series(self, busy: Series) -> None:
        """The events of it name the patch alone."""
        patch = Patch.objects.earliest("date")
        named = f"series={busy.pk}&name=patch-state-change"
        shown = results(named)
        assert shown == results(f"name=patch-state-change&since={busy.submitted.date()}")
        assert None in {each["series"] for each in shown}
        assert results(f"{named}&patch={patch.pk}") == results(f"patch={patch.pk}")
        other = factories.make_series(busy.project, None, "Other")
        assert get(f"series={other.pk}&name=*")["count"] == 0

    def test_an_empty_position_is_none(self, busy: Series) -> None:
        """A script that has lost its place would take everything for new."""
        for query in ("since=", "since=+", "name=*&since="):
            (words,) = get(query, 400)["since"]
            assert words.startswith("Give a date, as 2026-11-20T14:30:00, ")

    def test_a_list_of_nothing(self, busy: Series) -> None:
        (words,) = get("name=,", 400)["name"]
        assert words.startswith('"," is none of: *, patch-state-change, ')

    @pytest.mark.parametrize("query", ["submitter=self", "state=done", "submitted_since=x"])
    def test_what_selects_elsewhere(self, busy: Series, query: str) -> None:
        (words,) = get(query, 400)[query.split("=")[0]]
        assert words == (
            "This list has no such filter; those that there are: name, patch, series, since."
        )

    def test_since_the_last_one_seen(self, busy: Series) -> None:
        shown = results("name=*")
        for place, event in enumerate(shown):
            for since in (event["event_time"], f"{event['event_time']}Z"):
                assert results(f"name=*&since={since}") == shown[:place]
        assert results(f"name=*&since={shown[0]['event_time']}%2B00:00") == []

    def test_since_a_day(self, busy: Series) -> None:
        today = Event.objects.latest("event_time").event_time.date()
        assert get(f"since={today}")["count"] == 2
        assert get(f"since={today + timedelta(days=1)}")["count"] == 0

    @pytest.mark.parametrize("since", ["yesterday", "2016-02-30", "1455235200", "%00"])
    def test_bad_dates(self, busy: Series, since: str) -> None:
        assert list(get(f"since={since}", 400)) == ["since"]

    def test_order(self, busy: Series) -> None:
        latest_first = results("name=*")
        times = [each["event_time"] for each in latest_first]
        assert times == sorted(times, reverse=True)
        assert results("name=*&ordering=event_time") == latest_first[::-1]
        assert results("name=*&ordering=series__name") == latest_first


def test_the_filter_of_the_documentation_runs(busy: Series, tmp_path: Any) -> None:
    """It reads ``event['parameters']['revision']``, whatever else has happened."""
    if not SEED.exists():
        pytest.skip("the seed is not beside this checkout")
    text = SEED.read_text(encoding="utf-8")
    start = text.index("#!/bin/python\n")
    script = tmp_path / "show-series"
    script.write_text(text[start : text.index("\n\n\n\n", start)], encoding="utf-8")
    lines = "".join(f"{json.dumps(event)}\n" for event in reversed(results()))
    shown = subprocess.run(
        [sys.executable, script], input=lines, capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"series {busy.pk} (rev 1)\nseries {busy.pk} (rev 2)\n"


POLL = """
import json, sys
import django
django.setup()
from django.conf import settings
settings.ALLOWED_HOSTS = ["*"]
from django.test import Client
client = Client()
address = "/api/1.0/projects/{project}/events/?name=*&perpage=7"
since = "2016-02-12"
print("ready", flush=True)
while True:
    done = sys.stdin.readline() == "done\\n"
    seen, page = [], f"{{address}}&since={{since}}&ordering=event_time"
    while page:
        answer = client.get(page).json()
        seen += answer["results"]
        page = answer["next"]
    for event in seen:
        print(json.dumps(event), flush=True)
    since = max([since, *(event["event_time"] for event in seen)])
    print("polled", flush=True)
    if done:
        break
"""


@pytest.mark.django_db(transaction=True)
def test_a_poller_sees_every_event_once(installation: Installation) -> None:  # noqa: F811
    """The oldest first and page by page, while eight processes deliver mails."""
    for number in range(3):
        Project.objects.create(
            linkname=f"p{number}",
            name=f"P{number}",
            listid=f"p{number}.example.org",
            listemail=f"p{number}@example.org",
        )
    installation.publish()

    def start(script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=installation.environment,
            cwd=ROOT,
            text=True,
        )

    poller = start(POLL.format(project="p1"))
    assert poller.stdin and poller.stdout and poller.stdout.readline() == "ready\n"
    senders = [start(DELIVER) for _ in range(PROCESSES)]
    for number, sender in enumerate(senders):
        assert sender.stdin
        sender.stdin.write(mails(number).decode())
        sender.stdin.close()
    seen: list[dict[str, Any]] = []
    while any(sender.poll() is None for sender in senders):
        seen += poll(poller, "again")
    seen += poll(poller, "done")
    for process in (poller, *senders):
        if process.stdout:
            process.stdout.read()
        assert process.wait() == 0
    installation.fetch()
    happened = Event.objects.filter(project__linkname="p1", kind="series-new-revision")
    assert len(seen) == happened.count() > 5
    assert [each["series"] for each in seen] == list(
        happened.order_by("event_time").values_list("series_id", flat=True)
    )


def poll(poller: subprocess.Popen[str], word: str) -> list[dict[str, Any]]:
    """One round: what is new since the last event that it saw."""
    assert poller.stdin and poller.stdout
    poller.stdin.write(f"{word}\n")
    poller.stdin.flush()
    return [json.loads(line) for line in iter(poller.stdout.readline, "polled\n")]
