# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a long command has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

BAR_SECONDS = 0.2
LINE_SECONDS = 10.0
BAR_WIDTH = 24


class ProgressBar:
    """Counts things and the bytes they come out of; the bytes tell how much is left."""

    def __init__(
        self,
        out: TextIO,
        total: int,
        noun: str,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._total = total
        self._noun = noun
        self._quiet = quiet
        self._terminal = out.isatty()
        self._clock = clock
        self._began = self._shown = clock()
        self._first: tuple[float, int] | None = None
        self.count = 0

    def update(self, position: int, count: int, what: str) -> None:
        """``count`` more things are done; ``position`` is that in all bytes."""
        self.count += count
        now = self._clock()
        if self._first is None:
            # How fast a resumed run passed by what was done before says nothing about the rest.
            self._first = now, position
        if not self._quiet and now - self._shown >= self._interval:
            self._shown = now
            self._show(self._line(now, position, what))

    def finish(self) -> None:
        """Leave the terminal's line clean."""
        if self._terminal and not self._quiet:
            self._out.write("\r\x1b[K")
            self._out.flush()

    @property
    def elapsed(self) -> float:
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Things a second."""
        return self.count / max(self.elapsed, 0.001)

    @property
    def _interval(self) -> float:
        return BAR_SECONDS if self._terminal else LINE_SECONDS

    def _line(self, now: float, position: int, what: str) -> str:
        words = f"{self.count:,} {self._noun}, {self.rate:,.0f} a second"
        if not self._total:
            return f"{words}: {what}"
        share = min(position / self._total, 1.0)
        done = f"{share:4.0%} "
        if self._terminal:
            filled = round(share * BAR_WIDTH)
            done = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}"
        return f"{done} {words}{self._left(now, position)}: {what}"

    def _left(self, now: float, position: int) -> str:
        began, start = self._first or (now, position)
        if position <= start:
            return ""
        seconds = (now - began) * (self._total - position) / (position - start)
        return f", {duration(seconds)} left"

    def _show(self, line: str) -> None:
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"\r\x1b[K{line[:width]}")
        else:
            self._out.write(f"{line}\n")
        self._out.flush()


def duration(seconds: float) -> str:
    """0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
