# SPDX-License-Identifier: GPL-2.0-or-later
"""What a part is given to measure with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.servers import Server


@dataclass(frozen=True)
class Bench:
    server: Server
    repeat: int
    """How often a part is run; the median counts."""
    jobs: int
    """How many jobs workers do at a stretch."""
    singles: int
    """How many jobs find a worker idle."""
    fill: int
    """How many jobs a full table has that are done."""
    blocked: int
    """How many jobs wait behind busy keys."""
    mails: int
    """How many mails are sent at a stretch."""
    brokers: Sequence[str]
    """URLs of those that Celery is measured with."""
    worn: int
    """How many jobs have just been queued and done in a table that nobody has cleaned since."""
