# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of revisions, ids of series and what is announced, for mails out of order."""

from __future__ import annotations

import pytest

from patchwork.events.models import Event
from patchwork.ingest.receiving import receive
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking.models import Revision, Series, SeriesMetadata

VERSIONS = """
    + [PATCH] Name        #1
    + [PATCH v2] Name     #2 @1d
    + [PATCH v3] Name     #3 @2d
    + [PATCH v4] Name     #4 @3d
"""
PAIRS = """
    + [PATCH 0/2] Feature        #c1
    +--> [PATCH 1/2] One         #a1
    +--> [PATCH 2/2] Two         #b1
    + [PATCH v2 0/2] Feature     #c2 @1d
    +--> [PATCH v2 1/2] One      #a2
    +--> [PATCH v2 2/2] Two      #b2
"""


def deliver(picture: str, order: str) -> None:
    mails = {}
    for raw in thread(picture):
        name = raw.split(b"Message-ID: <")[1].split(b"@")[0].decode()
        mails[name] = raw
    for name in order.split():
        receive(mails[name])


def revisions(series: Series) -> list[tuple[int, int | None, str]]:
    """(number, marker, what was said of it) by number."""
    return [
        (
            each.number,
            each.marker,
            "late" if each.is_late else "announced" if each.announced else "incomplete",
        )
        for each in series.revisions.order_by("number")
    ]


@pytest.mark.parametrize(
    ("order", "expected", "newest"),
    [
        ("1 2 3", [(1, None, "announced"), (2, 2, "announced"), (3, 3, "announced")], 3),
        ("2 1", [(1, 2, "announced"), (2, None, "late")], 1),
        ("1 3 2", [(1, None, "announced"), (2, 3, "announced"), (3, 2, "late")], 2),
        ("3 2 1", [(1, 3, "announced"), (2, 2, "late"), (3, None, "late")], 1),
        (
            "2 1 4 3",
            [(1, 2, "announced"), (2, None, "late"), (3, 4, "announced"), (4, 3, "late")],
            3,
        ),
    ],
)
def test_versions_in_some_order(
    project: Project, order: str, expected: list[tuple[int, int, str]], newest: int
) -> None:
    deliver(VERSIONS, order)
    series = Series.objects.get()
    assert revisions(series) == expected
    assert series.version == newest
    announced = sum(said == "announced" for _, _, said in expected)
    assert Event.objects.filter(kind="series-new-revision").count() == announced


def test_what_nobody_was_told_of_makes_room(project: Project) -> None:
    """v2 began to arrive first, but is not complete: v1 is still number one."""
    deliver(PAIRS, "c2 a2 c1 a1 b1")
    series = Series.objects.get()
    assert revisions(series) == [(1, None, "announced"), (2, 2, "incomplete")]
    assert series.version == 1
    deliver(PAIRS, "b2")
    assert revisions(Series.objects.get())[1] == (2, 2, "announced")
    assert list(
        Event.objects.filter(kind="series-new-revision")
        .order_by("event_time")
        .values_list("parameters", flat=True)
    ) == [{"revision": 1}, {"revision": 2}]


def test_a_late_cover_joins_two_series(project: Project) -> None:
    """Without its cover the first posting has no name that the second could continue."""
    deliver(PAIRS, "a1 b1 c2 a2 b2")
    first, second = Series.objects.order_by("pk")
    SeriesMetadata.objects.create(series=second, name="github_pr", value="https://x/pull/1")
    deliver(PAIRS, "c1")
    series = Series.objects.get()
    assert series == first
    assert (series.name, series.version, series.n_patches) == ("Feature", 2, 2)
    assert revisions(series) == [(1, None, "announced"), (2, 2, "announced")]
    assert Revision.objects.get(pk=second.pk).series == series
    assert set(Event.objects.exclude(series=None).values_list("series", flat=True)) == {series.pk}
    assert SeriesMetadata.objects.get().series == series
    assert Event.objects.filter(kind="series-new-revision").count() == 2


def test_no_later_revisions_id_is_ever_that_of_a_series(project: Project) -> None:
    deliver(VERSIONS, "1 2")
    deliver("+ [PATCH] Another  #other", "other")
    ids = set(Series.objects.values_list("pk", flat=True))
    founders = set(Revision.objects.filter(number=1).values_list("pk", flat=True))
    assert ids == founders
    assert not ids & set(Revision.objects.filter(number=2).values_list("pk", flat=True))
