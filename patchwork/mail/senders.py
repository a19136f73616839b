# SPDX-License-Identifier: GPL-2.0-or-later
"""Who wrote a mail, also when a list put itself into From because of DMARC."""

from __future__ import annotations

import re
from functools import lru_cache

from patchwork.mail import addresses
from patchwork.mail.facts import FROM_LIMIT, Address, Unreadable
from patchwork.mail.headers import Headers
from patchwork.mail.lists import list_ids

VIA = re.compile(r" via\b", re.IGNORECASE)


def sender(headers: Headers) -> tuple[Address, Address | None]:
    """The author, and the From header as it stood when a list had rewritten it."""
    return sender_through(list_ids(headers), headers)


def sender_through(named: tuple[str, ...], headers: Headers) -> tuple[Address, Address | None]:
    """The same, when it is known which lists the headers name."""
    written = addresses.first(headers, "from") or addresses.first(headers, "sender")
    if written is None:
        raise Unreadable(_why_no_sender(headers))
    lists = _mailboxes_of_lists(named)
    if written.email.lower() not in lists:
        return written, None
    author = _author_behind(written, lists, headers)
    return (author, written) if author else (written, None)


def in_body_from(text: str) -> Address | None:
    """The ``From:`` line that a text begins with: the author of a patch sent by somebody else."""
    start = text.lstrip()
    if not start.startswith("From:"):
        return None
    line = start[5 : 5 + FROM_LIMIT].partition("\n")[0]
    found = addresses.parse(line, 1) if "<" in line else ()
    return found[0] if found else None


def _why_no_sender(headers: Headers) -> str:
    if not headers:
        return "no sender: the mail has no headers"
    if "from" not in headers:
        return "no sender: the mail has neither a From header nor a usable Sender header"
    return f"no sender: From names no mailbox: {headers.text('from', 200)!r}"


@lru_cache(maxsize=256)
def _mailboxes_of_lists(names: tuple[str, ...]) -> frozenset[str]:
    """The addresses under which lists can be written to."""
    dotted = (name.replace(".", "@", 1) for name in names if "@" not in name)
    return frozenset((*names, *dotted))


def _author_behind(written: Address, lists: frozenset[str], headers: Headers) -> Address | None:
    """X-Original-From, else the only person in Reply-To, else the only one in Cc of that name.

    A sender may have written X-Original-From himself, and a list passes it on; so it counts only
    when Reply-To names nobody else.
    """
    name = VIA.split(written.name)[0].strip(" '\"")
    people = [
        reply for reply in addresses.every(headers, "reply-to") if reply.email.lower() not in lists
    ]
    original = addresses.first(headers, "x-original-from")
    if original and original.email.lower() not in lists:
        others = [each for each in people if each.email.lower() != original.email.lower()]
        return None if others else original
    if len(people) != 1:
        people = [
            copied
            for copied in addresses.every(headers, "cc")
            if name and copied.name.casefold() == name.casefold()
        ]
    return Address(people[0].name or name, people[0].email) if len(people) == 1 else None
