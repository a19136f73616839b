# SPDX-License-Identifier: GPL-2.0-or-later
"""The part that asks whether a job costs more where there are many others."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.jobs.bench import Bench
from benchmarks.jobs.site import site
from benchmarks.machine import Figure, median

CLAIMS = 300
"""Few at a stretch, in turn: so the machine is equally busy for all tables."""
WHAT = {"taking": "take, begin and record", "looking": "look for work"}


def full(bench: Bench) -> Iterator[Figure]:
    """Jobs among many that are done, or blocked, or have just been done, and in an empty table."""
    with (
        site(bench.server) as empty,
        site(bench.server, copy_of=empty) as done,
        site(bench.server, copy_of=empty) as blocked,
        site(bench.server, copy_of=empty) as worn,
    ):
        done.ask("fill", jobs=bench.fill)
        blocked.ask("block", jobs=bench.blocked)
        worn.ask("wear", jobs=bench.worn)
        places = {
            "an empty table": empty,
            f"{bench.fill:,} done": done,
            f"{bench.blocked:,} blocked": blocked,
            f"{bench.worn:,} just done": worn,
        }
        answers: dict[str, list[dict[str, float]]] = {words: [] for words in places}
        order = list(places)
        for _ in range(bench.repeat):
            for words in order:
                answers[words].append(places[words].ask("claims", jobs=CLAIMS))
            # Nobody is always the first one after the last.
            order.append(order.pop(0))
    yield from compared(answers)


def compared(answers: dict[str, list[dict[str, float]]]) -> Iterator[Figure]:
    (_, plain), *_ = answers.items()
    for key, what in WHAT.items():
        for words, rounds in answers.items():
            times = [each[key] for each in rounds]
            ratio = median(
                here[key] / there[key] for here, there in zip(rounds, plain, strict=True)
            )
            yield Figure(words, f"{what} {median(times):.2f} ms, ratio {ratio:.2f}")
