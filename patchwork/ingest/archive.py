# SPDX-License-Identifier: GPL-2.0-or-later
"""Store all the mails of a source, batch after batch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from patchwork.ingest.bookmark import Bookmark, Progress
from patchwork.ingest.outcome import Fate, Outcome
from patchwork.ingest.pacing import Pace
from patchwork.ingest.receiving import receive_many
from patchwork.ingest.sources import Found, Source
from patchwork.interrupts import uninterrupted

BATCH_BYTES = 4 * 1024 * 1024
BOOKMARK_SECONDS = 1.0
LISTED = 20


@dataclass(slots=True)
class Summary:
    """What became of every mail."""

    fates: Counter[Fate] = field(default_factory=Counter)
    quarantined: list[str] = field(default_factory=list)
    """The first ones, in words."""
    problems: list[str] = field(default_factory=list)
    """Sources that could not be read to their end."""

    def add(self, source: Source, found: Found, outcome: Outcome) -> None:
        self.fates[outcome.fate] += 1
        if outcome.fate is Fate.QUARANTINED and len(self.quarantined) < LISTED:
            self.quarantined.append(
                f"{source.name}, {found.mark}: {outcome.msgid} {outcome.detail}".rstrip()
            )

    @property
    def total(self) -> int:
        return self.fates.total()


@dataclass(frozen=True, slots=True)
class Import:
    """How mails are to be stored, and whom to tell about each batch."""

    pace: Pace
    summary: Summary
    list_id: str | None = None
    historical: bool = True
    stored: Callable[[int, int], None] = lambda position, count: None
    """Called with the position in the source and the number of mails of each batch."""

    def run(
        self, source: Source, bookmark: Bookmark | None = None, *, resume: bool = False
    ) -> None:
        """Store what a source has; what it could not read is in ``summary.problems`` then."""
        progress = bookmark.read() if bookmark and resume else Progress()
        self.summary.fates.update(progress.fates)
        noted = time.monotonic()
        try:
            for batch in self._batches(source.mails(progress.mark)):
                with uninterrupted():
                    self._store(source, batch, progress)
                if bookmark and time.monotonic() - noted > BOOKMARK_SECONDS:
                    bookmark.write(progress)
                    noted = time.monotonic()
        finally:
            self.summary.problems += source.problems
            if bookmark and progress.mark:
                bookmark.write(progress)

    def _batches(self, mails: Iterator[Found]) -> Iterator[list[Found]]:
        batch: list[Found] = []
        size = 0
        for found in mails:
            batch.append(found)
            size += len(found.raw)
            if len(batch) >= self.pace.size or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _store(self, source: Source, batch: list[Found], progress: Progress) -> None:
        with self.pace.batch(len(batch)):
            outcomes = receive_many(
                [found.raw for found in batch], list_id=self.list_id, historical=self.historical
            )
        for found, outcome in zip(batch, outcomes, strict=True):
            self.summary.add(source, found, outcome)
            progress.fates[outcome.fate] += 1
        progress.mark = batch[-1].mark
        self.stored(source.position(), len(batch))
