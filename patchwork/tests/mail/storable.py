# SPDX-License-Identifier: GPL-2.0-or-later
"""What every database can store, as one assertion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime

from patchwork.mail.facts import (
    ADDRESS_LIMIT,
    MSGID_LIMIT,
    NAME_LIMIT,
    RECIPIENT_LIMIT,
    REFERENCE_LIMIT,
    SUBJECT_LIMIT,
    Address,
    MailFacts,
)

TEXTS_WITH_LINES = ("headers", "text", "message", "diff")


def assert_storable(facts: MailFacts) -> None:
    """Valid UTF-8, no NUL, one line where one line is meant, and everything within its cap."""
    for name, text in _texts("", facts):
        assert "\0" not in text, name
        text.encode()
        if name not in TEXTS_WITH_LINES:
            assert not any(character in text for character in "\r\n\x0b\x0c\x1b\x7f"), name
    _assert_identifiers(facts)
    _assert_people(facts)
    assert len(facts.subject) <= SUBJECT_LIMIT
    assert len(facts.headers) < 70_000
    for moment in (facts.date, facts.received):
        assert moment is None or (moment.tzinfo is UTC and 1970 <= moment.year <= 2100)


def _assert_identifiers(facts: MailFacts) -> None:
    assert len(facts.references) <= REFERENCE_LIMIT + 1
    assert len(set(facts.references)) == len(facts.references)
    assert facts.msgid not in facts.references
    assert facts.in_reply_to == (facts.references[-1] if facts.references else None)
    for msgid in (facts.msgid, *facts.references, *facts.supersedes):
        assert msgid.startswith("<") and msgid.endswith(">") and 2 < len(msgid) <= MSGID_LIMIT
        assert not any(character.isspace() for character in msgid)
    for identifier in (facts.change_id, facts.base_commit, *facts.list_ids):
        assert identifier is None or 0 < len(identifier) <= 255


def _assert_people(facts: MailFacts) -> None:
    assert len(facts.to) <= RECIPIENT_LIMIT
    assert len(facts.cc) <= RECIPIENT_LIMIT
    people = (facts.sender, facts.rewritten_from, facts.in_body_from, *facts.to, *facts.cc)
    for address in filter(None, people):
        assert isinstance(address, Address)
        assert len(address.name) <= NAME_LIMIT
        assert 3 <= len(address.email) <= ADDRESS_LIMIT
        assert "@" in address.email and " " not in address.email


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text in the facts with the name of the field it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for member in value:
            yield from _texts(name, member)
    elif is_dataclass(value):
        for fact in fields(value):
            yield from _texts(name or fact.name, getattr(value, fact.name))
    else:
        assert value is None or isinstance(value, (bool, datetime)), name
