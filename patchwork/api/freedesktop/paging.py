# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists: the envelope that all of them come in, and their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.encoding import escape_uri_path
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import links, parameters
from patchwork.api.counting import count

PER_PAGE = 20
PER_PAGE_LIMIT = 100
PAGE_DIGITS = 9

Listed = TypeVar("Listed", bound=Model)
Shape = Callable[[QuerySet[Any]], list[dict[str, Any]]]


def ordered(
    request: Request, rows: QuerySet[Listed], columns: Mapping[str, str], default: str
) -> QuerySet[Listed]:
    """By ``ordering=[-]field``; anything else than the words of ``columns`` is passed over.

    Rows that are alike in it go by their id, so that no page shows what another one did.
    """
    asked = request.query_params.get("ordering", "")
    descending, word = asked.startswith("-"), asked.removeprefix("-")
    if word not in columns:
        descending, word = default.startswith("-"), default.removeprefix("-")
    sign = "-" if descending else ""
    column = columns[word]
    return rows.order_by(*dict.fromkeys((f"{sign}{column}", f"{sign}pk")))


def listed(
    request: Request, rows: QuerySet[Listed], shape: Shape, total: int | None = None
) -> Response:
    """The page of a list that was asked for; ``total`` where the number of its rows is known."""
    number, size = _page(request), _per_page(request)
    start = (number - 1) * size
    # Counted off by ids alone, as indexes have them: what is passed over is not read. One more
    # than is shown tells whether there is a page behind.
    ids = list(rows.values_list("pk", flat=True)[start : start + size + 1])
    shown = shape(rows.filter(pk__in=ids))
    if number > 1 and not shown:
        raise _invalid_page()
    return Response(
        {
            "count": count(rows) if total is None else total,
            "next": _address(request, number + 1) if len(shown) > size else None,
            "previous": _address(request, number - 1) if number > 1 else None,
            "results": shown[:size],
        }
    )


def _page(request: Request) -> int:
    written = request.query_params.get("page", "") or "1"
    number = int(written) if _is_number(written) and len(written) <= PAGE_DIGITS else 0
    if not number:
        raise _invalid_page()
    return number


def _per_page(request: Request) -> int:
    written = request.query_params.get("perpage", "")
    if not _is_number(written):
        return PER_PAGE
    # Only its first digits matter where it is above the limit anyway.
    return min(int(written[:PAGE_DIGITS]), PER_PAGE_LIMIT) or PER_PAGE


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdecimal()


def _invalid_page() -> NotFound:
    return NotFound("Invalid page.")


def _address(request: Request, number: int) -> str:
    """The same list, asked in the same way, at another page; the first one has no number."""
    query = parameters.without(request.query_params, page=str(number) if number > 1 else None)
    path = escape_uri_path(request.path)
    return links.absolute(request, f"{path}?{query}" if query else path)
