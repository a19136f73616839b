# SPDX-License-Identifier: GPL-2.0-or-later
"""How a series stands, told from how its patches stand. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from patchwork.tracking.models import SeriesState


class Stands(Protocol):
    """Anything that has a patch's state."""

    @property
    def state_id(self) -> int: ...

    @property
    def action_required(self) -> bool: ...


def series_state(patches: Collection[Stands], first_state_id: int) -> SeriesState:
    """Of a complete revision: untouched, being worked on, or done with."""
    if all(patch.state_id == first_state_id for patch in patches):
        return SeriesState.INITIAL
    if not any(patch.action_required for patch in patches):
        return SeriesState.DONE
    return SeriesState.IN_PROGRESS
