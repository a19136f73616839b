# SPDX-License-Identifier: GPL-2.0-or-later
"""What every transport does, and what it may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A mail with its envelope."""

    sender: str
    """Where it bounces to."""
    recipients: Sequence[str]
    content: bytes
    """Lines end in CRLF, the last one as well."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a recipient does not get the mail."""

    words: str
    is_final: bool
    """There is no use in trying again."""


class NotSent(Exception):
    """Nobody has the mail, for certain."""

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final
        """It is this mail that is refused. What is wrong with the server or with our settings
        passes, or is mended, and the mail is tried again."""


class CutOff(Exception):
    """All of the mail was given away, and nobody knows what became of it."""


class Transport(ABC):
    """Takes mails to where they go, in two steps: between them it is written down that the mail
    may be on its way.

    Each ``offer`` that answers is followed by ``transmit`` or by ``withdraw``.
    """

    @abstractmethod
    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        """Say whom the mail is from and for; who of them is refused. Nothing is sent yet.

        Raises ``NotSent``.
        """

    @abstractmethod
    def transmit(self) -> str:
        """Give the mail to all those who were not refused; what the other side said.

        Raises ``NotSent`` and ``CutOff``.
        """

    def withdraw(self) -> None:  # noqa: B027 (most have nothing to take back)
        """The mail that was offered is not to be sent."""

    def close(self) -> None:  # noqa: B027 (most hold nothing open)
        """Hang up; the next offer begins anew."""
