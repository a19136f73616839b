# SPDX-License-Identifier: GPL-2.0-or-later
"""The objects of this dialect: their keys, in their order, from plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rest_framework.request import Request

from patchwork.checks.models import CheckResult
from patchwork.events.models import EventKind
from patchwork.projects.models import Project
from patchwork.tracking.queries import catalogue

Object = dict[str, Any]

NAMELESS = "Series without cover letter"

EVENT_NAMES = {
    EventKind.SERIES_NEW_REVISION: "series-new-revision",
    EventKind.PATCH_STATE_CHANGED: "patch-state-change",
    EventKind.PULL_REQUEST_NEW: "pull-request-new",
}
"""What this dialect knows of what can happen."""
_EVENT_PARAMETERS = {
    EventKind.SERIES_NEW_REVISION: ("revision",),
    EventKind.PATCH_STATE_CHANGED: ("previous_state", "new_state"),
    EventKind.PULL_REQUEST_NEW: ("pull_url",),
}


def moment(value: datetime) -> str:
    """UTC without saying so; microseconds only when there are some."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat()


class Related:
    """What stands where an object names another one: its id."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows

    def project(self, project_id: int) -> Any:
        return project_id

    def person(self, person_id: int) -> Any:
        return person_id

    def account(self, account_id: int | None) -> Any:
        return account_id

    def state(self, state_id: int) -> Any:
        return state_id

    def series(self, series_id: int | None) -> Any:
        return series_id

    def patches(self, patch_ids: Sequence[int]) -> list[Any]:
        return list(patch_ids)


class Expanded(Related):
    """The other object itself, all that the rows name loaded at once.

    It goes one level deep: an object within an object names others by their ids.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(rows)
        self._projects = self._load("project_id", catalogue.projects_by_id)
        self._people = self._load("submitter_id", catalogue.names_of_people)
        accounts = "actor_id" if rows and "actor_id" in rows[0] else "reviewer_id"
        self._accounts = self._load(accounts, catalogue.names_of_accounts)
        self._states = self._load("state_id", lambda ids: catalogue.names_of_states())
        self._series = self._load("series_id", catalogue.series_by_id)
        patch_ids = {pk for row in rows for pk in row.get("patch_ids", ())}
        self._patches = catalogue.patches_by_id(patch_ids) if patch_ids else {}

    def _load(self, column: str, load: Any) -> Mapping[int, Any]:
        ids = {row[column] for row in self.rows if row.get(column) is not None}
        return load(ids) if ids else {}

    def project(self, project_id: int) -> Any:
        return project(self._projects[project_id])

    def person(self, person_id: int) -> Any:
        return {"id": person_id, "name": self._people[person_id]}

    def account(self, account_id: int | None) -> Any:
        if account_id is None:
            return None
        return {"id": account_id, "name": self._accounts[account_id]}

    def state(self, state_id: int) -> Any:
        return {"id": state_id, "name": self._states[state_id]}

    def series(self, series_id: int | None) -> Any:
        row = self._series.get(series_id or 0)
        return None if row is None else _one_series(row, Related(()))

    def patches(self, patch_ids: Sequence[int]) -> list[Any]:
        ids = Related(())
        return [_patch(self._patches[pk], ids) for pk in patch_ids]


def related(request: Request, rows: Sequence[Mapping[str, Any]]) -> Related:
    """As ``related=expand`` wants it, or not."""
    expand = request.query_params.get("related") == "expand"
    return Expanded(rows) if expand else Related(rows)


def project(row: Project) -> Object:
    return {
        "id": row.pk,
        "name": row.name,
        "linkname": row.linkname,
        "listemail": row.listemail,
        "web_url": row.web_url,
        "scm_url": row.scm_url,
        "webscm_url": row.webscm_url,
    }


def projects(rows: Iterable[Project]) -> list[Object]:
    return [project(row) for row in rows]


def series(request: Request, rows: Sequence[Mapping[str, Any]]) -> list[Object]:
    others = related(request, rows)
    return [_one_series(row, others) for row in rows]


def _one_series(row: Mapping[str, Any], others: Related) -> Object:
    return {
        "id": row["id"],
        "project": others.project(row["project_id"]),
        "name": row["name"] or NAMELESS,
        "n_patches": row["n_patches"],
        "submitter": others.person(row["submitter_id"]),
        "submitted": moment(row["submitted"]),
        "last_updated": moment(row["last_updated"]),
        "version": row["version"],
        "reviewer": others.account(row["reviewer_id"]),
        "test_state": row["test_state"],
        "state": row["state"],
        "state_summary": row["states"],
    }


def revisions(request: Request, rows: Sequence[Mapping[str, Any]]) -> list[Object]:
    others = related(request, rows)
    return [
        {
            "version": row["number"],
            "cover_letter": row["cover_letter"],
            "patches": others.patches(row["patch_ids"]),
        }
        for row in rows
    ]


def patches(request: Request, rows: Sequence[Mapping[str, Any]]) -> list[Object]:
    others = related(request, rows)
    return [_patch(row, others) for row in rows]


def _patch(row: Mapping[str, Any], others: Related) -> Object:
    return {
        "id": row["id"],
        "project": others.project(row["project_id"]),
        "name": row["name"],
        "date": moment(row["date"]),
        "last_updated": moment(row["last_updated"]),
        "submitter": others.person(row["submitter_id"]),
        "state": others.state(row["state_id"]),
        "content": row["diff"],
    }


def events(request: Request, rows: Sequence[Mapping[str, Any]]) -> list[Object]:
    others = related(request, rows)
    return [_event(row, others) for row in rows]


def _event(row: Mapping[str, Any], others: Related) -> Object:
    kind = EventKind(row["kind"])
    return {
        "name": EVENT_NAMES[kind],
        "event_time": moment(row["event_time"]),
        "series": others.series(row["series_id"]),
        "patch": row["patch_id"],
        "user": others.account(row["actor_id"]),
        "parameters": {
            name: row["parameters"][name]
            for name in _EVENT_PARAMETERS[kind]
            if name in row["parameters"]
        },
    }


def result(row: CheckResult) -> Object:
    return {
        "test_name": row.test_name,
        "state": row.state,
        "url": row.url or None,
        "summary": row.summary or None,
        "date": moment(row.date),
    }
