# SPDX-License-Identifier: GPL-2.0-or-later
"""What pwclient is told of things. It prints whatever it gets, and knows no None."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from patchwork.checks.models import ResultState
from patchwork.people.models import Person
from patchwork.projects.models import Project, State
from patchwork.tracking.mbox import file_name

Row = dict[str, Any]
Told = dict[str, Any]

CHECK_STATES = {
    ResultState.PENDING: "pending",
    ResultState.INFO: "success",
    ResultState.SUCCESS: "success",
    ResultState.WARNING: "warning",
    ResultState.FAILURE: "fail",
}
"""Our states in the words of this dialect, which has fewer."""


def project(one: Project) -> Told:
    return {"id": one.pk, "linkname": one.linkname, "name": one.name}


def person(one: Person) -> Told:
    return {
        "id": one.pk,
        "email": one.email,
        "name": one.display_name,
        "user": one.user.get_username() if one.user else "",
    }


def state(one: State) -> Told:
    return {"id": one.pk, "name": one.name}


def patch(row: Row) -> Told:
    return {
        "id": row["pk"],
        "date": written(row["date"]),
        "filename": file_name(row["name"]),
        "msgid": row["mail__msgid"],
        "name": row["name"],
        "project": row["project__name"],
        "project_id": row["project_id"],
        "state": row["state__name"],
        "state_id": row["state_id"],
        "archived": row["archived"],
        "submitter": str(Person(name=row["submitter__name"], email=row["submitter__email"])),
        "submitter_id": row["submitter_id"],
        "delegate": row["delegate__username"] or "",
        "delegate_id": row["delegate_id"] or "",
        "commit_ref": row["commit_ref"],
        "hash": row["hash"],
    }


def check(row: Row) -> Told:
    return {
        "id": row["pk"],
        "date": written(row["date"]),
        "patch": row["patch__name"],
        "patch_id": row["patch_id"],
        "user": row["user__username"] or "",
        "user_id": row["user_id"] or "",
        "state": CHECK_STATES[row["state"]],
        "target_url": row["url"],
        "description": row["summary"],
        "context": row["context"],
    }


def written(moment: datetime) -> str:
    """In UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
