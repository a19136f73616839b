# SPDX-License-Identifier: GPL-2.0-or-later
"""What a text says outright about the posting it belongs to. Quoted lines say nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from patchwork.mail import msgids
from patchwork.mail.charset import one_line
from patchwork.mail.headers import Headers

TOKENS = ("depends-on", "supersedes", "change-id", "base-commit")
SAID_NOTHING: dict[str, list[str]] = {token: [] for token in TOKENS}
STATEMENT = re.compile(rf"^({'|'.join(TOKENS)})[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
GERRIT_ID = re.compile(r"I[0-9a-f]{40}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")
VALUE_LIMIT = 500
IDENTIFIER_LIMIT = 255
COUNT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Statements:
    """The values of the lines of each kind, in the order they stand."""

    depends_on: tuple[str, ...]
    supersedes: tuple[str, ...]
    change_id: str | None
    base_commit: str | None


NOTHING = Statements((), (), None, None)


def parse(text: str, headers: Headers) -> Statements:
    """The statements in ``text``, and the Supersedes header."""
    said = _said(text)
    if said is SAID_NOTHING and "supersedes" not in headers:
        return NOTHING
    supersedes = (*headers.every("supersedes", VALUE_LIMIT, COUNT_LIMIT), *said["supersedes"])
    return Statements(
        depends_on=tuple(dict.fromkeys(said["depends-on"])),
        supersedes=tuple(
            dict.fromkeys(msgid for value in supersedes for msgid in msgids.find(value))
        ),
        change_id=next(filter(_is_change_id, said["change-id"]), None),
        base_commit=next(filter(COMMIT.fullmatch, map(str.lower, said["base-commit"])), None),
    )


def _said(text: str) -> dict[str, list[str]]:
    lowered = text.lower()
    if not any(token in lowered for token in TOKENS):
        return SAID_NOTHING
    said: dict[str, list[str]] = {token: [] for token in TOKENS}
    for statement in STATEMENT.finditer(text):
        values = said[statement[1].lower()]
        if len(values) < COUNT_LIMIT and (value := one_line(statement[2], VALUE_LIMIT)):
            values.append(value)
    return said


def _is_change_id(value: str) -> bool:
    """As b4 writes it; Gerrit's ids name one patch, on every branch it goes to."""
    return len(value) <= IDENTIFIER_LIMIT and " " not in value and not GERRIT_ID.fullmatch(value)
