# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts that deliver mail as a mail server does: over LMTP, and through a pipe."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from benchmarks.ingest.bench import Bench
from benchmarks.ingest.site import Site, site
from benchmarks.machine import Figure, percentile
from benchmarks.site import Failed, peak_mb
from patchwork.ingest.handover import on_the_wire

PIPED = 200
"""How many mails go through the pipe while the daemon runs."""
PIPED_SLOWLY = 20
"""Without it each takes as long as Django takes to start."""
PARALLEL = 300
PROCESSES = 8
WARMING = 20
"""The first mails compile what all later ones use."""


def lmtp(bench: Bench) -> Iterator[Figure]:
    """The daemon with several connections; each mail counts from MAIL to its 250."""
    with site(bench.server) as place, place.daemon() as pid:
        deliver(place, bench.raws[:WARMING], 1)
        raws = bench.raws[WARMING : WARMING + bench.mails]
        for connections in dict.fromkeys((1, bench.connections)):
            share, raws = raws[: len(raws) // 2], raws[len(raws) // 2 :]
            if connections > 1:
                share += raws
            began = time.perf_counter()
            times = deliver(place, share, connections)
            seconds = time.perf_counter() - began
            yield Figure(
                f"{connections} connection{'s' * (connections > 1)}",
                f"{len(share) / seconds:,.0f} mails/s, p50 {percentile(times, 50):.1f} ms, "
                f"p99 {percentile(times, 99):.1f} ms, {len(share)} mails",
            )
        yield Figure("peak RSS of the daemon", f"{peak_mb(pid):,.0f} MB")
        stock = place.ask("grouping")
    expected = min(len(bench.raws), WARMING + bench.mails)
    yield Figure("mails stored", f"{len(stock['msgids']):,} of {expected:,}")


def deliver(place: Site, raws: Sequence[bytes], connections: int) -> list[float]:
    """Over so many connections at once; the milliseconds of each mail."""
    waiting = iter(raws)
    lock = threading.Lock()
    times: list[float] = []

    def work() -> None:
        with Connection(place.socket) as connection:
            while True:
                with lock:
                    raw = next(waiting, None)
                if raw is None:
                    return
                wire = on_the_wire(raw)
                began = time.perf_counter()
                connection.deliver(wire)
                times.append(1000 * (time.perf_counter() - began))

    with ThreadPoolExecutor(connections) as threads:
        for done in [threads.submit(work) for _ in range(connections)]:
            done.result()
    return times


class Connection:
    """A mail server's: it says in one go what it may (PIPELINING, as Postfix does)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> Connection:
        self._expect("220")
        self._socket.sendall(b"LHLO localhost\r\n")
        self._expect("250")
        return self

    def __exit__(self, *error: object) -> None:
        self._replies.close()
        self._socket.close()

    def deliver(self, wire: bytes) -> None:
        self._socket.sendall(b"MAIL FROM:<list@example.com>\r\nRCPT TO:<patchwork>\r\nDATA\r\n")
        for code in ("250", "250", "354"):
            self._expect(code)
        self._socket.sendall(wire)
        self._expect("250")

    def _expect(self, code: str) -> None:
        while True:
            line = self._replies.readline().decode()
            if line[3:4] != "-":
                break
        if line[:3] != code:
            raise Failed(f"lmtpd said {line.strip()!r} instead of {code}")


def parsemail(bench: Bench) -> Iterator[Figure]:
    """parsemail.sh as an MTA's pipe, one mail after the other, with the daemon and without."""
    for words, count in (("with lmtpd", PIPED), ("without lmtpd", PIPED_SLOWLY)):
        daemon = Site.daemon if count == PIPED else nullcontext
        with site(bench.server) as place, daemon(place):
            for raw in bench.raws[:3]:
                place.parsemail(raw)
            times = [1000 * place.parsemail(raw) for raw in bench.raws[3 : 3 + count]]
        yield Figure(
            words,
            f"p50 {percentile(times, 50):,.0f} ms, p95 {percentile(times, 95):,.0f} ms, "
            f"{len(times)} mails",
        )


def _in_parallel(place: Site, raws: Sequence[bytes]) -> None:
    with ThreadPoolExecutor(PROCESSES) as threads:
        deliveries = [threads.submit(place.parsemail, raw) for raw in raws]
        try:
            for delivery in deliveries:
                delivery.result()
        except BaseException:
            # Whoever interrupts does not wait for the rest.
            threads.shutdown(cancel_futures=True)
            raise


def parallel(bench: Bench) -> Iterator[Figure]:
    """Many parsemail processes at once: what is lost, what is double, how it is grouped."""
    raws = bench.raws[:PARALLEL]
    with site(bench.server) as place:
        truth = place.ask("in_sequence", path=str(bench.archive), start=0, end=PARALLEL)
    for words, has_daemon in (("with lmtpd", True), ("without lmtpd", False)):
        with site(bench.server) as place:
            with place.daemon() if has_daemon else nullcontext():
                began = time.perf_counter()
                _in_parallel(place, raws)
                seconds = time.perf_counter() - began
            found = place.ask("grouping")
        lost = set(truth["msgids"]) - set(found["msgids"])
        double = sum(number - 1 for number in Counter(found["msgids"]).values())
        double += found["patches"] - found["patch_mails"]
        same = all(found[what] == truth[what] for what in ("postings", "series"))
        yield Figure(
            words,
            f"{len(lost)} lost, {double} double, grouping "
            f"{'as' if same else 'NOT as'} in sequence, {len(raws) / seconds:,.0f} mails/s",
        )
