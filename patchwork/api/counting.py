# SPDX-License-Identifier: GPL-2.0-or-later
"""How many rows there are, at a price that does not grow with them.

How many patches there are of a project, in a state, put away or not, is written with every change.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TypeVar

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db.models import Model, QuerySet, Sum

from patchwork.tracking.models import PatchCount

Row = TypeVar("Row", bound=Model)

LIMIT = 10_000
"""Up to here every answer is exact."""
KEPT_SECONDS = 60
"""For so long a number above the limit is told again."""


def count(rows: QuerySet[Row]) -> int:
    """Exact up to ``LIMIT``; above it, as it was within the last minute."""
    rows = rows.order_by()
    try:
        key = _key(rows)
    except EmptyResultSet:
        return 0
    known: int | None = cache.get(key)
    if known is not None:
        return known
    found = rows[: LIMIT + 1].count()
    if found > LIMIT:
        found = rows.count()
        cache.set(key, found, KEPT_SECONDS)
    return found


def count_patches(counters: QuerySet[PatchCount]) -> int:
    """Exact, however many there are; of the same project, state and so on as the counters are."""
    total: int | None = counters.aggregate(total=Sum("count"))["total"]
    return total or 0


def _key(rows: QuerySet[Row]) -> str:
    """The same question has the same key."""
    statement, values = rows.values("pk").query.sql_with_params()
    question = f"{statement} {values!r}".encode("utf-8", "replace")
    return f"count:{sha256(question).hexdigest()}"
