# SPDX-License-Identifier: GPL-2.0-or-later
"""How far an import has come: a small file in the spool directory for each source."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from patchwork.ingest.outcome import Fate

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """The mark behind the last stored mail, and what became of the mails before it."""

    mark: str = ""
    fates: Counter[Fate] = field(default_factory=Counter)


class Bookmark:
    """Written after each commit or later, never before: reading some mails twice is harmless,
    leaving one out is not."""

    def __init__(self, directory: Path, identity: str, list_id: str | None) -> None:
        name = sha256(f"{identity}\0{list_id or ''}".encode("utf-8", "surrogateescape")).hexdigest()
        self._writable = True
        self._path = directory / "parsearchive" / f"{name[:32]}.json"

    def read(self) -> Progress:
        """Where to go on; the beginning when there is nothing (readable) noted."""
        try:
            noted = json.loads(self._path.read_bytes())
            fates = Counter({Fate(fate): int(count) for fate, count in noted["fates"].items()})
            return Progress(str(noted["mark"]), fates)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Progress()

    def write(self, progress: Progress) -> None:
        """Without a place to write, an import goes on; it just cannot be resumed."""
        if not self._writable:
            return
        fates = {fate.value: count for fate, count in progress.fates.items()}
        scratch = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(json.dumps({"mark": progress.mark, "fates": fates}))
            scratch.replace(self._path)
        except OSError as error:
            log.warning("this import cannot be resumed when it is interrupted: %s", error)
            self._writable = False

    def remove(self) -> None:
        if self._writable:
            self._path.unlink(missing_ok=True)
