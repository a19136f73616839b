# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured inside of a process with Django: ``... QUESTION '{"argument": ...}'``.

The answer is JSON, the last line of the output.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

Question = Callable[..., Any]


def answer(*questions: Question) -> None:
    """The question that the command line asks."""
    known = {each.__name__: each for each in questions}
    print(json.dumps(known[sys.argv[1]](**json.loads(sys.argv[2]))))


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """The statements that are sent meanwhile, BEGIN and savepoints included."""
    statements: Counter[str] = Counter()
    with connection.execute_wrapper(counting(statements)):
        yield statements


def counting(statements: Counter[str]) -> Callable[..., Any]:
    """What counts the statements of a connection that it is given to."""

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements[sql] += 1
        return execute(sql, *rest)

    return count
