# SPDX-License-Identifier: GPL-2.0-or-later
"""What a part is given to measure with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.ingest import mails
from benchmarks.servers import Server


@dataclass(frozen=True)
class Bench:
    server: Server
    archive: Path
    repeat: int
    """How often a cheap part is run; the median counts."""
    mails: int
    """How many mails are delivered one by one."""
    connections: int
    """How many LMTP connections deliver at the same time."""
    fill: int
    """How many patches a full database has."""
    seconds: float
    """For how long the web is visited."""

    @cached_property
    def raws(self) -> list[bytes]:
        return mails.read(self.archive)
