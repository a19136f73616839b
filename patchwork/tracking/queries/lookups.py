# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches by conditions that a program spells out: a field, and how to compare it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import Contains, EndsWith, Exact, StartsWith

from patchwork.people.models import Person
from patchwork.tracking.models import Patch, RevisionPatch
from patchwork.tracking.queries.mails import bracketed

Row = dict[str, Any]

COLUMNS: Mapping[str, str] = {
    "id": "pk",
    "name": "name",
    "date": "date",
    "hash": "hash",
    "commit_ref": "commit_ref",
    "archived": "archived",
    "msgid": "mail__msgid",
    "project_id": "project_id",
    "state_id": "state_id",
    "submitter_id": "submitter_id",
}
_SHOWN = (
    *("pk", "name", "date", "hash", "commit_ref", "archived", "mail__msgid"),
    *("project_id", "project__name", "state_id", "state__name", "delegate_id"),
    *("delegate__username", "submitter_id", "submitter__name", "submitter__email"),
)

_BYTEWISE = frozenset({"hash", "commit_ref", "msgid"})
_WITHOUT_CASE: Mapping[str, Any] = {
    "iexact": Exact,
    "icontains": Contains,
    "istartswith": StartsWith,
    "iendswith": EndsWith,
}

Value = str | int | bool | datetime | list[Any]


def without_case(column: str, comparison: str, value: str) -> Q:
    """``icontains`` and its like for columns that MariaDB compares byte by byte."""
    lookup = _WITHOUT_CASE[comparison]
    return Q(lookup(Lower(F(column)), value.lower()))


def condition(field: str, comparison: str, value: Value) -> Q:
    """What Django is to look for. Hashes are stored small, Message-IDs with their brackets."""
    if field == "hash" and isinstance(value, str):
        value = value.lower()
    if field == "msgid" and comparison == "exact":
        value = bracketed(str(value))
    if field in _BYTEWISE and comparison in _WITHOUT_CASE:
        return without_case(COLUMNS[field], comparison, str(value))
    return Q(**{f"{COLUMNS[field]}__{comparison}": value})


def delegated_to(person_id: int) -> Q:
    """To the account that a sender is linked with."""
    accounts = Person.objects.filter(pk=person_id).exclude(user=None).values("user_id")
    return Q(delegate_id__in=accounts)


def in_revision(revision_id: int) -> Q:
    return Q(pk__in=RevisionPatch.objects.filter(revision_id=revision_id).values("patch_id"))


def patches(wanted: Q) -> QuerySet[Patch]:
    """The oldest first."""
    return Patch.objects.filter(wanted).order_by("date", "pk")


def rows(found: QuerySet[Patch]) -> list[Row]:
    """What a program is told of each of them, without its long texts."""
    return list(found.values(*_SHOWN))
