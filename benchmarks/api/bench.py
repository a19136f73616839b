# SPDX-License-Identifier: GPL-2.0-or-later
"""What a part is given to measure with, and how it asks."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from benchmarks.api.stock import Stock
from benchmarks.machine import Figure, percentile
from benchmarks.site import Failed
from benchmarks.web import HOST

STATEMENTS = "X-Benchmark-Statements"
"""Header by which an answer tells how many it took."""
WARMING = 5
"""The first requests compile what all later ones use, and count what is counted once a minute."""


@dataclass(frozen=True)
class Bench:
    port: int
    requests: int
    """How often each kind of address is asked for."""
    patches: int

    @cached_property
    def stock(self) -> Stock:
        return Stock(self.patches)

    def ask(self, name: str, addresses: Sequence[str]) -> Figure:
        """Ask for these addresses in turn, over one connection that is kept."""
        turn = itertools.cycle(addresses)
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as client:
            for _ in range(WARMING):
                _fetch(client, next(turn))
            answers = [_fetch(client, next(turn)) for _ in range(self.requests)]
        times = [answer.milliseconds for answer in answers]
        return Figure(
            name,
            f"p50 {percentile(times, 50):5.1f} ms, p95 {percentile(times, 95):5.1f} ms, "
            f"SQL {max(answer.statements for answer in answers)}, "
            f"{max(answer.size for answer in answers) / 1024:,.1f} kB",
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    milliseconds: float
    statements: int
    size: int


def _fetch(client: http.client.HTTPConnection, address: str) -> _Answer:
    began = time.perf_counter()
    client.request("GET", address)
    response = client.getresponse()
    body = response.read()
    milliseconds = 1000 * (time.perf_counter() - began)
    if response.status != http.client.OK:
        raise Failed(f"GET {address}: {response.status}: {body[:200]!r}")
    return _Answer(milliseconds, int(response.headers[STATEMENTS]), len(body))
