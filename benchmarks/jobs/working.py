# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts that have jobs queued and done."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.jobs.bench import Bench
from benchmarks.jobs.site import Site, site
from benchmarks.machine import Figure, median, percentile

WORKERS = (1, 2, 4)


def enqueue(bench: Bench) -> Iterator[Figure]:
    """Queueing: alone, many in a transaction, in one statement, with keys."""
    with site(bench.server) as place:
        answer = place.ask("enqueue", count=bench.jobs)
    for words, figures in answer.items():
        yield Figure(
            words,
            f"{figures['rate']:,.0f} jobs/s, SQL {figures['statements']:.2f} a job, "
            f"p50 {figures['p50']:.2f} ms a transaction",
        )


def throughput(bench: Bench) -> Iterator[Figure]:
    """Jobs that do nothing, with some workers: from the commit that queues all to the last end."""
    with site(bench.server) as place:
        for count in WORKERS:
            with place.workers(count):
                yield rates(f"{count} worker{'s' * (count > 1)}", bench, place)
                if count in (1, WORKERS[-1]):
                    yield rates("the same, 8 keys", bench, place, keyed=True)
    with site(bench.server) as place:
        costs = place.ask("in_process", jobs=bench.jobs)
    yield Figure("one worker, a job", f"CPU {costs['cpu']:.2f} ms, SQL {costs['statements']:.2f}")


def rates(words: str, bench: Bench, place: Site, *, keyed: bool = False) -> Figure:
    runs = [place.ask("throughput", jobs=bench.jobs, keyed=keyed) for _ in range(bench.repeat)]
    spread = ", ".join(f"{run:,.0f}" for run in runs)
    return Figure(words, f"{median(runs):,.0f} jobs/s ({spread})")


def latency(bench: Bench) -> Iterator[Figure]:
    """One job at a time for an idle worker: from its commit to the first line of its task."""
    with site(bench.server) as place, place.workers(1):
        yield delays("commit to start", bench, place)


def delays(words: str, bench: Bench, place: Site) -> Figure:
    times = place.ask("latency", jobs=bench.singles)
    return Figure(
        words,
        ", ".join(f"p{percent} {percentile(times, percent):.1f} ms" for percent in (50, 95, 99))
        + f", {len(times)} jobs",
    )
