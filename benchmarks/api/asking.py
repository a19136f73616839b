# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts: what programs ask for, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from benchmarks.api.bench import Bench
from benchmarks.api.stock import BUNDLES, LONGEST, hash_of
from benchmarks.machine import Figure

GETPATCHWORK = "/api/1.3"
BY_PLACE = "/api/1.5"
"""The version in which a list goes on from where a page ended."""
FREEDESKTOP = "/fdo/api/1.0"
LISTS = ("patches", "series", "events")
DETAILS = 20
"""So many different ones are asked for in turn."""


def lists(bench: Bench) -> Iterator[Figure]:
    """First pages of patches, series and events, 30 and 250 long."""
    for name in LISTS:
        for api in (GETPATCHWORK, BY_PLACE):
            yield bench.ask(f"{name}, {api[5:]}", [f"{api}/{name}/"])
    yield bench.ask("patches, newest first", [f"{GETPATCHWORK}/patches/?order=-id"])
    yield bench.ask("patches of a project", [f"{GETPATCHWORK}/patches/?project=project3"])
    for name in LISTS:
        yield bench.ask(f"{name}, 250", [f"{GETPATCHWORK}/{name}/?per_page=250"])


def pages(bench: Bench) -> Iterator[Figure]:
    """Later pages, by their number and by where another one ended."""
    of_30 = bench.patches // 30
    yield bench.ask("patches, last by number", [f"{GETPATCHWORK}/patches/?page={of_30}"])
    yield bench.ask("patches, deep by number", [f"{GETPATCHWORK}/patches/?page={of_30 // 2}"])
    near_the_end = bench.patches - 31
    yield bench.ask(
        "patches, last by cursor",
        [f"{BY_PLACE}/patches/?cursor={quote(f'id;{near_the_end}')}"],
    )
    postings = bench.stock.posting_count // 30
    yield bench.ask("series, last by number", [f"{GETPATCHWORK}/series/?page={postings}"])
    yield bench.ask("series, deep by number", [f"{GETPATCHWORK}/series/?page={postings // 2 + 1}"])
    yield bench.ask("events, last by number", [f"{GETPATCHWORK}/events/?page={of_30 * 2}"])
    yield bench.ask("events, deep by number", [f"{GETPATCHWORK}/events/?page={of_30}"])
    early = quote("-date;2015-01-01T00:01:00+00:00")
    yield bench.ask("events, last by cursor", [f"{BY_PLACE}/events/?cursor={early}"])


def details(bench: Bench) -> Iterator[Figure]:
    """One patch or series, by its id, its hash, its Message-ID."""
    series = bench.stock.longest
    patches = [1 + (bench.patches - 1) * part // DETAILS for part in range(DETAILS)]
    for api in (GETPATCHWORK, BY_PLACE):
        yield bench.ask(f"patch, {api[5:]}", [f"{api}/patches/{pk}/" for pk in patches])
        yield bench.ask(f"series, {api[5:]}", [f"{api}/series/{one.id}/" for one in series])
    yield bench.ask("hash", [f"{GETPATCHWORK}/patches/?hash={hash_of(pk)}" for pk in patches])
    msgids = [quote(one.msgid(1).strip("<>")) for one in series]
    yield bench.ask("msgid", [f"{GETPATCHWORK}/patches/?msgid={msgid}" for msgid in msgids])


def mboxes(bench: Bench) -> Iterator[Figure]:
    """Mailboxes of a series of eight and of a bundle of fifty."""
    revisions = [(one.series_id, one.number) for one in bench.stock.longest]
    yield bench.ask(
        f"series of {LONGEST}, page",
        [f"/series/{pk}/rev/{number}/mbox/" for pk, number in revisions],
    )
    yield bench.ask(
        f"series of {LONGEST}, API",
        [f"{FREEDESKTOP}/series/{pk}/revisions/{number}/mbox/" for pk, number in revisions],
    )
    bundles = range(1, BUNDLES + 1)
    yield bench.ask("bundle of 50", [f"{GETPATCHWORK}/bundles/{pk}/mbox/" for pk in bundles])


def search(bench: Bench) -> Iterator[Figure]:
    """Words in names: one that many have, one that few have, one that nobody has."""
    for name in ("patches", "series"):
        for word in ("common", "rarity", "nowhere"):
            yield bench.ask(f"{name}, {word}", [f"{GETPATCHWORK}/{name}/?q={word}"])
            yield bench.ask(f"{name}, {word}, texts", [f"{BY_PLACE}/{name}/?q={word}"])
    yield bench.ask("events, project", [f"{GETPATCHWORK}/events/?q=3"])


def freedesktop(bench: Bench) -> Iterator[Figure]:
    """The lists of the other dialect: all, of a project, deep."""
    for where, of in (("", ""), ("/projects/project3", " of a project")):
        for name in ("series", "patches"):
            yield bench.ask(f"{name}{of}", [f"{FREEDESKTOP}{where}/{name}/"])
    yield bench.ask("series, expanded", [f"{FREEDESKTOP}/series/?related=expand"])
    events = f"{FREEDESKTOP}/projects/project1/events/"
    yield bench.ask("events of a project", [events])
    yield bench.ask("events, all names", [f"{events}?name=*"])
    yield bench.ask("patches, 100", [f"{FREEDESKTOP}/patches/?perpage=100"])
    yield bench.ask(
        "patches, deep by number", [f"{FREEDESKTOP}/patches/?page={bench.patches // 40}"]
    )
