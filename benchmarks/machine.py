# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that is measured on: how busy it is, and what is made of its figures."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

__all__ = ["Figure", "describe", "load", "median", "percentile", "wait_until_quiet"]

LOOK_SECONDS = 5


@dataclass(frozen=True)
class Figure:
    """One line of the report."""

    name: str
    value: str


def describe() -> str:
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {platform.system()}, {platform.machine()}, Python {python}"


def load() -> float:
    """Processes that wanted to run, on average over the last minute."""
    return os.getloadavg()[0]


def wait_until_quiet(limit: float, patience: float) -> float:
    """Wait for the load to fall below the limit, but not for ever; answers the load it is then."""
    end = time.monotonic() + patience
    while load() >= limit and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return load()


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that so many percent of these do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]
