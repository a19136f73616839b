# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and mailboxes out of From, To and Cc: one pass over the text, however odd it is."""

from __future__ import annotations

import re
from functools import lru_cache

from patchwork.mail.charset import decode_words, one_line
from patchwork.mail.facts import (
    ADDRESS_LIMIT,
    FROM_LIMIT,
    NAME_LIMIT,
    RECIPIENT_LIMIT,
    Address,
)
from patchwork.mail.headers import Headers

RECIPIENTS_LIMIT = 64 * 1024
KNOWN_LIMIT = 200
"""How long an address may be to be remembered: the same people write to each other all day."""
USUAL = re.compile(r'(?:"([^"\\]*)"[ \t]*|([^"<>(),;:\\@]*))<([^\s<>(),;:"\\]+)>')
SPECIAL = re.compile(r'\\.|["(),;:]', re.DOTALL)
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?', re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
NOT_IN_MAILBOX = frozenset('<>(),;"\\ ')
"""No blank, no control character and none of these: such a mailbox can stand in any header."""


def first(headers: Headers, name: str) -> Address | None:
    """The first mailbox the header names; None when there is no usable one."""
    value = headers.first(name, FROM_LIMIT)
    if not value:
        return None
    found = parse(value, 1) or parse(decode_words(value), 1)
    return found[0] if found else None


def every(headers: Headers, name: str) -> tuple[Address, ...]:
    """The mailboxes that all headers of that name hold."""
    values = headers.every(name, RECIPIENTS_LIMIT, RECIPIENT_LIMIT)
    if not values:
        return ()
    return parse(values[0] if len(values) == 1 else ", ".join(values), RECIPIENT_LIMIT)


def parse(value: str, count: int) -> tuple[Address, ...]:
    """The first ``count`` usable mailboxes in ``value``."""
    found: list[Address] = []
    for outside, comment in _mailboxes(value[:RECIPIENTS_LIMIT]):
        read = _known_address if len(outside) + len(comment) <= KNOWN_LIMIT else _address
        if address := read(outside, comment):
            found.append(address)
            if len(found) == count:
                break
    return tuple(found)


def is_mailbox(text: str) -> bool:
    """Whether mail could be sent there without harm to the mail that says so."""
    local, at, domain = text.rpartition("@")
    return (
        bool(at and local and domain)
        and len(text) <= ADDRESS_LIMIT
        and text.isprintable()
        and NOT_IN_MAILBOX.isdisjoint(text)
    )


def _mailboxes(value: str) -> list[tuple[str, str]]:
    """The members of an address list, each as its text and the comment in it."""
    if '"' not in value and "(" not in value and ";" not in value:
        return [(member, "") for member in value.split(",")]
    members: list[tuple[str, str]] = []
    outside: list[str] = []
    comment: list[str] = []
    depth, quoted, end = 0, False, 0
    for special in SPECIAL.finditer(value):
        mark = special[0]
        (comment if depth else outside).append(value[end : special.start()])
        end = special.end()
        if quoted or (mark == '"' and not depth):
            quoted ^= mark == '"'
        elif mark == "(":
            depth += 1
            mark = "" if depth == 1 else mark
        elif mark == ")" and depth:
            depth -= 1
            mark = mark if depth else ""
        elif mark == ":" and not depth and _is_group(outside):
            outside, mark = [], ""
        elif mark in ",;" and not depth:
            members.append(("".join(outside), "".join(comment)))
            outside, comment, mark = [], [], ""
        (comment if depth else outside).append(mark)
    (comment if depth else outside).append(value[end:])
    return [*members, ("".join(outside), "".join(comment))]


def _is_group(written: list[str]) -> bool:
    """Whether a colon after this ends the name of a group rather than stands in a mailbox."""
    name = "".join(written)
    return not any(mark in name for mark in ("<", "@", "=?"))


def _address(outside: str, comment: str) -> Address | None:
    outside = outside.strip()
    if usual := USUAL.fullmatch(outside):
        name, mailbox = usual[1] or usual[2] or "", usual[3]
    elif "<" in outside:
        name, _, rest = outside.rpartition("<")
        name, mailbox = _unquoted(name), "".join(rest.partition(">")[0].split())
    else:
        name, mailbox = _bare(outside)
    mailbox = mailbox.removeprefix("mailto:")
    if not is_mailbox(mailbox):
        return None
    return Address(one_line(decode_words(name or comment), NAME_LIMIT), mailbox)


_known_address = lru_cache(maxsize=4096)(_address)


def _bare(outside: str) -> tuple[str, str]:
    """``name@domain``, or the ``name at domain`` of list archives."""
    words = outside.split()
    if len(words) == 3 and words[1] == "at":
        return "", f"{words[0]}@{words[2]}"
    return "", next((word for word in words if "@" in word), "")


def _unquoted(name: str) -> str:
    """A display name without its quotes."""
    return QUOTED.sub(lambda quoted: ESCAPED.sub(r"\1", quoted[1]), name)
