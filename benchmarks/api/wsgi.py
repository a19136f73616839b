# SPDX-License-Identifier: GPL-2.0-or-later
"""The application as it is, but each answer tells how many statements it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from benchmarks.api.bench import STATEMENTS
from benchmarks.inside import counting
from patchwork.wsgi import application as patchwork


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    statements: Counter[str] = Counter()

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (STATEMENTS, str(statements.total()))], *rest)

    with connection.execute_wrapper(counting(statements)):
        return patchwork(environ, start)
