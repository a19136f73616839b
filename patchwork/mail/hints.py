# SPDX-License-Identifier: GPL-2.0-or-later
"""What the X-Patchwork-* headers ask for."""

from __future__ import annotations

from patchwork.mail.facts import Hints
from patchwork.mail.headers import Headers

HEADERS = (
    "x-patchwork-hint",
    "x-patchwork-state",
    "x-patchwork-delegate",
    "x-patchwork-action-required",
)
VALUE_LIMIT = 255
YES = frozenset(("yes", "true", "1", "on"))
NO = frozenset(("no", "false", "0", "off"))
NO_HINTS = Hints()


def parse(headers: Headers) -> Hints:
    """The hints; words that mean nothing are passed over."""
    if not any(header in headers for header in HEADERS):
        return NO_HINTS
    words = headers.text("x-patchwork-hint", VALUE_LIMIT).lower().replace(",", " ").split()
    return Hints(
        ignore="ignore" in words,
        comment="comment" in words,
        state=headers.text("x-patchwork-state", VALUE_LIMIT) or None,
        delegate=headers.text("x-patchwork-delegate", VALUE_LIMIT) or None,
        action_required=_answer(headers.text("x-patchwork-action-required", VALUE_LIMIT)),
    )


def _answer(value: str) -> bool | None:
    word = value.lower()
    return True if word in YES else False if word in NO else None
