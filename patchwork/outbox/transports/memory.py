# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that go nowhere, and can be looked at: for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from patchwork.outbox.transports.base import Parcel, Refusal, Transport


class Memory(Transport):
    """Keeps what it was given, of all threads."""

    sent: ClassVar[list[Parcel]] = []

    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        self._offered = parcel
        return {}

    def transmit(self) -> str:
        self.sent.append(self._offered)
        return "kept in memory"
