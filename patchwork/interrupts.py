# SPDX-License-Identifier: GPL-2.0-or-later
"""Being told to stop by Ctrl+C or SIGTERM, at a moment that suits the database.

An exception that comes out of nowhere while a driver talks to its server may be swallowed by the
driver, or leave the conversation in the middle of a sentence. So what writes is done
``uninterrupted``: the interrupt waits until it is over, and is raised between two of them at the
latest, even if somebody has swallowed it. Who cannot wait asks twice.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Asked:
    """What the signals of this process have said; they come to its main thread only."""

    times = 0
    depth = 0


def _stop(number: int, frame: object) -> None:
    _Asked.times += 1
    if _Asked.depth == 0 or _Asked.times > 1:
        raise KeyboardInterrupt


def _stop_if_asked() -> None:
    if _Asked.times and _Asked.depth == 0:
        raise KeyboardInterrupt


@contextmanager
def told_to_stop() -> Iterator[None]:
    """SIGTERM is like Ctrl+C: a ``KeyboardInterrupt`` that respects ``uninterrupted``."""
    _Asked.times = 0
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
        _stop_if_asked()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Asked.times = 0


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish this first."""
    _stop_if_asked()
    _Asked.depth += 1
    try:
        yield
    finally:
        _Asked.depth -= 1
    _stop_if_asked()
