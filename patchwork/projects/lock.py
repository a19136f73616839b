# SPDX-License-Identifier: GPL-2.0-or-later
"""One project, one writer at a time."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction

from patchwork.projects.models import ProjectLock

_ADVISORY_CLASS = 0x7077


def lock(project_ids: Iterable[int]) -> None:
    """Take the locks of these projects until the transaction ends, in the order of their ids.

    Every transaction that changes a project's mails, series or events comes through here first.
    SQLite has one writer as it is: its transactions begin IMMEDIATE.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a project is locked within a transaction")
    ordered = sorted(set(project_ids))
    if connection.vendor == "postgresql":
        _take_advisory_locks(ordered)
    elif connection.vendor == "mysql":
        _lock_rows(ordered)


def _take_advisory_locks(project_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        for project_id in project_ids:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ADVISORY_CLASS, project_id])


def _lock_rows(project_ids: list[int]) -> None:
    locks = ProjectLock.objects.select_for_update().filter(project_id__in=project_ids)
    found = set(locks.order_by("project_id").values_list("project_id", flat=True))
    missing = [project_id for project_id in project_ids if project_id not in found]
    if missing:
        for project_id in missing:
            ProjectLock.objects.get_or_create(project_id=project_id)
        list(locks.order_by("project_id").values_list("project_id", flat=True))
