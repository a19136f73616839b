# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from patchwork.checks.by_test import last_of_each
from patchwork.checks.models import CheckResult, ResultState
from patchwork.databases import column, moment, places, rows

DECISIVE = (ResultState.FAILURE, ResultState.WARNING, ResultState.PENDING)
"""What one test says of these, the first of them, is said of the whole patch."""


class ResultRecord(NamedTuple):
    """A result on a patch or on a revision."""

    id: int
    patch_id: int | None
    revision_id: int | None
    test_name: str
    context: str
    user_id: int | None
    state: str
    date: datetime
    url: str
    summary: str


_RESULT = ResultRecord._fields


def result_records(result_ids: Collection[int]) -> list[ResultRecord]:
    """The results with these ids, in the order of the ids."""
    found = _records(f"{column(CheckResult, 'id')} IN {places(result_ids)}", [*result_ids])
    by_id = {record.id: record for record in found}
    return [by_id[result_id] for result_id in result_ids if result_id in by_id]


def latest_on_revision(revision_id: int) -> list[ResultRecord]:
    """The latest result of each test, whoever reported it, by the test's name."""
    where = f"{column(CheckResult, 'revision')} = %s AND {column(CheckResult, 'is_latest')}"
    return last_of_each(_records(where, [revision_id]))


def states_of_patches(newest: Mapping[int, int | None]) -> dict[int, ResultState]:
    """How the tests of patches ended, all taken together.

    ``newest``: patch id -> the newest revision that holds it, whose results are the patch's as
    well. On a patch each account speaks for itself, on a revision the last one for each test. A
    test that failed decides, then one that warned, then one that is not through; a patch that
    nobody has tested is pending.
    """
    on_patches = _latest("patch", newest)
    on_revisions = _latest("revision", {pk for pk in newest.values() if pk})
    states = {pk: [said.state for said in last_of_each(on_revisions[pk])] for pk in on_revisions}
    return {
        patch_id: _combined(
            {said.state for said in on_patches.get(patch_id, ())}.union(
                states.get(revision_id or 0, ())
            )
        )
        for patch_id, revision_id in newest.items()
    }


class _Said(NamedTuple):
    target: int
    id: int
    test_name: str
    state: str


def _latest(target: str, ids: Collection[int]) -> dict[int, list[_Said]]:
    """Id of a patch or a revision -> the latest of each test and each account."""
    found: dict[int, list[_Said]] = defaultdict(list)
    if ids:
        names = (f"{target}_id", "id", "test_name", "state")
        where = f"{column(CheckResult, target)} IN {places(ids)}"
        latest = f"{where} AND {column(CheckResult, 'is_latest')}"
        for row in map(_Said._make, rows(CheckResult, names, latest, [*ids])):
            found[row.target].append(row)
    return found


def _combined(states: Collection[str]) -> ResultState:
    if not states:
        return ResultState.PENDING
    return next((state for state in DECISIVE if state in states), ResultState.SUCCESS)


def _records(where: str, values: list[int]) -> list[ResultRecord]:
    return [
        ResultRecord._make(row)._replace(date=moment(row[_RESULT.index("date")]))
        for row in rows(CheckResult, _RESULT, where, values)
    ]
