# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked about mails, inside of a process with Django."""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.ingest import mails  # noqa: E402
from benchmarks.inside import answer, counted  # noqa: E402
from benchmarks.machine import percentile  # noqa: E402
from patchwork.ingest.archive import Import, Summary  # noqa: E402
from patchwork.ingest.pacing import Pace  # noqa: E402
from patchwork.ingest.receiving import receive, receive_many  # noqa: E402
from patchwork.projects.models import Project  # noqa: E402
from patchwork.tracking.models import Mail, MailKind, Patch, Revision, Series  # noqa: E402

_FILL_BATCH = 1000
_FILL_SERIAL = 10_000_000


def prepare(account: str, password: str) -> None:
    """The tables, what every installation starts with, a project and an account."""
    call_command("migrate", verbosity=0)
    call_command("loaddata", "default_states", "default_tags", verbosity=0)
    Project.objects.create(
        linkname="test", name="Test", listid=mails.LIST_ID, listemail=mails.LIST_ADDRESS
    )
    User.objects.create_user(account, password=password)


def archive(path: str, *, shuffle: bool = False) -> dict[str, Any]:
    """What ``parsearchive`` does: its statements, and whether the postings are true."""
    raws = mails.read(Path(path))
    source = mails.Listed(mails.shuffled(raws) if shuffle else raws)
    summary = Summary()
    began = time.perf_counter()
    with counted() as statements:
        Import(Pace(connection, settings.INGEST_BATCH_SIZE), summary).run(source)
    seconds = time.perf_counter() - began
    return {
        "mails": summary.total,
        "seconds": seconds,
        "statements": statements.total(),
        "fates": {fate.value: number for fate, number in summary.fates.items()},
        **stock(),
    }


def single(path: str, count: int) -> dict[str, dict[str, float]]:
    """One mail a transaction; statements and milliseconds by what the mail is."""
    numbers: dict[str, list[int]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    for raw in mails.read(Path(path))[:count]:
        with counted() as statements:
            began = time.perf_counter()
            fate = receive(raw).fate.value
            times[fate].append(1000 * (time.perf_counter() - began))
        numbers[fate].append(statements.total())
    return {
        fate: {
            "mails": len(numbers[fate]),
            "statements": sum(numbers[fate]) / len(numbers[fate]),
            "most": max(numbers[fate]),
            "p50": percentile(times[fate], 50),
            "p95": percentile(times[fate], 95),
        }
        for fate in sorted(numbers)
    }


def fill(patches: int) -> int:
    """Synthetic mails until there are so many patches; answers how many there are then."""
    source = mails.synthetic(_FILL_SERIAL)
    batch_patches = _FILL_BATCH * mails.PATCHES_PER_SERIES // (mails.PATCHES_PER_SERIES + 2)
    for _ in range(-(-patches // batch_patches)):
        receive_many(list(islice(source, _FILL_BATCH)), historical=True)
    if connection.vendor != "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Patch.objects.count()


def take_in(path: str, start: int, end: int) -> None:
    """Some of the mails of an archive."""
    receive_many(mails.read(Path(path))[start:end], historical=True)


def in_sequence(path: str, start: int, end: int) -> dict[str, Any]:
    """Mail after mail; how they are grouped then."""
    for raw in mails.read(Path(path))[start:end]:
        receive(raw)
    return grouping()


def grouping() -> dict[str, Any]:
    """Which mails there are, and which stand together, in an order that says nothing."""
    msgids = sorted(Mail.objects.values_list("msgid", flat=True))
    postings: dict[int, list[str]] = defaultdict(list)
    series: dict[int, list[str]] = defaultdict(list)
    pieces = Mail.objects.filter(kind__in=[MailKind.PATCH, MailKind.COVER])
    for msgid, posting, home in pieces.values_list("msgid", "posting_id", "posting__series_id"):
        postings[posting].append(msgid)
        series[home].append(msgid)
    return {
        "msgids": msgids,
        "postings": sorted(map(sorted, postings.values())),
        "series": sorted(map(sorted, series.values())),
        "patches": Patch.objects.count(),
        "patch_mails": Mail.objects.filter(kind=MailKind.PATCH).count(),
    }


def stock() -> dict[str, int]:
    """What there is, and how many postings consist of exactly the mails that they should."""
    truth: dict[str, set[str]] = defaultdict(set)
    found: dict[int, set[str]] = defaultdict(set)
    pieces = Mail.objects.filter(kind__in=[MailKind.PATCH, MailKind.COVER])
    for msgid, posting in pieces.values_list("msgid", "posting_id"):
        serial = mails.posting_of(msgid)
        if serial is not None:
            truth[serial].add(msgid)
        found[posting].add(msgid)
    groups = {frozenset(group) for group in found.values()}
    return {
        "postings": len(truth),
        "exact": sum(frozenset(group) in groups for group in truth.values()),
        "series": Series.objects.count(),
        "revisions": Revision.objects.count(),
        "patches": Patch.objects.count(),
    }


def newest(count: int) -> dict[str, list[int]]:
    """Series and patches to look at."""
    return {
        "series": list(Series.objects.order_by("-pk").values_list("pk", flat=True)[:count]),
        "patches": list(Patch.objects.order_by("-pk").values_list("pk", flat=True)[:count]),
    }


if __name__ == "__main__":
    answer(prepare, archive, single, fill, take_in, in_sequence, grouping, stock, newest)
