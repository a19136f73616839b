# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting what has been done, for the metrics: in memory first, then now and then in the table."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict

from django.db import transaction
from django.db.models import F

from patchwork.jobs.models import JobState, JobTally

BUCKETS = (5, 25, 100, 500, 2_000, 10_000, 60_000, 600_000)
"""Upper bounds of durations in milliseconds; what takes longer is counted in ``OVER``."""
OVER = 2**31 - 1

_lock = threading.Lock()
_counted: dict[tuple[str, str, int], list[float]] = defaultdict(lambda: [0, 0.0])


def tally(name: str, outcome: JobState, seconds: float) -> None:
    with _lock:
        counted = _counted[name, outcome.value, bucket_of(seconds)]
        counted[0] += 1
        counted[1] += seconds


def bucket_of(seconds: float) -> int:
    place = bisect_left(BUCKETS, seconds * 1000)
    return BUCKETS[place] if place < len(BUCKETS) else OVER


def flush() -> None:
    """Add what this process has counted to the table. What a killed one has counted is lost."""
    with _lock:
        counted = dict(_counted)
        _counted.clear()
    # In one order, so that two workers never wait for each other.
    for (name, outcome, bucket), (count, seconds) in sorted(counted.items()):
        with transaction.atomic():
            row, _ = JobTally.objects.get_or_create(name=name, outcome=outcome, bucket=bucket)
            JobTally.objects.filter(pk=row.pk).update(
                count=F("count") + int(count), seconds=F("seconds") + seconds
            )
