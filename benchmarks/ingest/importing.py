# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts that take in archives, or one mail after the other, without anybody waiting at a door."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.ingest.bench import Bench
from benchmarks.ingest.site import Site, site
from benchmarks.machine import Figure, median
from benchmarks.site import Ended

_RATE = re.compile(r"\(([\d,]+) a second\)")


def archive(bench: Bench) -> Iterator[Figure]:
    """The whole archive into an empty database: speed, memory, statements, true postings."""
    with site(bench.server) as empty:
        runs = []
        for _ in range(bench.repeat):
            with site(bench.server, copy_of=empty) as place:
                runs.append(_parsearchive(bench, place))
        count = len(bench.raws)
        spread = ", ".join(f"{_rate(run):,.0f}" for run in runs)
        yield Figure("mails/s", f"{median(map(_rate, runs)):,.0f} ({spread})")
        whole = median(count / run.seconds for run in runs)
        yield Figure("mails/s with start-up", f"{whole:,.0f}")
        yield Figure(
            "mails per CPU second", f"{median(count / run.cpu_seconds for run in runs):,.0f}"
        )
        yield Figure("peak RSS", f"{max(run.peak_mb for run in runs):,.0f} MB")
        for words, shuffle in (("in order", False), ("shuffled", True)):
            with site(bench.server, copy_of=empty) as place:
                answer = place.ask("archive", path=str(bench.archive), shuffle=shuffle)
            statements = answer["statements"] / answer["mails"]
            rate = answer["mails"] / answer["seconds"]
            yield Figure(f"SQL a mail, {words}", f"{statements:.3f} (at {rate:,.0f} mails/s)")
            yield Figure(
                f"exact postings, {words}", f"{answer['exact']:,} of {answer['postings']:,}"
            )


def single(bench: Bench) -> Iterator[Figure]:
    """One mail a transaction, in one process: statements and milliseconds by kind."""
    with site(bench.server) as place:
        answer = place.ask("single", path=str(bench.archive), count=bench.mails)
    for kind, figures in answer.items():
        yield Figure(
            kind,
            f"SQL {figures['statements']:.1f} (at most {figures['most']:.0f}), "
            f"p50 {figures['p50']:.1f} ms, p95 {figures['p95']:.1f} ms, "
            f"{figures['mails']:.0f} mails",
        )


def full(bench: Bench) -> Iterator[Figure]:
    """The archive into a database with many patches, and into an empty one, in turn."""
    with site(bench.server) as empty, site(bench.server) as filled:
        patches = filled.ask("fill", patches=bench.fill)
        yield Figure("patches there before", f"{patches:,}")
        rates: dict[str, list[float]] = {"empty": [], "full": []}
        for _ in range(bench.repeat):
            with site(bench.server, copy_of=empty) as place:
                rates["empty"].append(_rate(_parsearchive(bench, place)))
            if not bench.server.copies:
                # It can be done only once: the second time, all mails are there.
                rates["full"].append(_rate(_parsearchive(bench, filled)))
                break
            with site(bench.server, copy_of=filled) as place:
                rates["full"].append(_rate(_parsearchive(bench, place)))
        before, after = median(rates["empty"]), median(rates["full"])
        yield Figure("mails/s, empty", f"{before:,.0f}")
        yield Figure("mails/s, full", f"{after:,.0f} ({after / before - 1:+.0%})")


def _parsearchive(bench: Bench, place: Site) -> Ended:
    return place.manage("parsearchive", "--quiet", str(bench.archive))


def _rate(run: Ended) -> float:
    """What the command says of itself: without loading Python, Django and the settings."""
    found = _RATE.search(run.output)
    assert found is not None, run.output
    return float(found[1].replace(",", ""))
