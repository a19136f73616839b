# SPDX-License-Identifier: GPL-2.0-or-later
"""How commands show what they have found, and how they are used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.core.management.base import DjangoHelpFormatter

_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


class WithExamples(DjangoHelpFormatter):
    """Leaves the lines of examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("Examples:") else super()._fill_text(text, width, indent)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """For what only shows something: ``| head`` reads as far as it likes, and nobody misses the
    rest."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left once more when it ends.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def printable(line: str) -> str:
    """What a stranger wrote must not command the operator's terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in line.replace("\t", " "))


def spelled(seconds: float) -> str:
    """``7 ms``, ``1.5 s``, ``4 min``, ``30 h``, ``12 d``: never more than is worth knowing."""
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def at(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str | int]]) -> Iterator[str]:
    """The lines of a table; numbers stand at the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    at_right = [
        all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)
    ] or [False] * len(head)
    for row in (head, *cells):
        placed = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, at_right, strict=True)
        )
        yield "  ".join(placed).rstrip()
