# SPDX-License-Identifier: GPL-2.0-or-later
"""Which thread a mail belongs to, and what it answers. Pure functions over what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


def root_of(
    msgid: str, references: Mapping[str, Sequence[str]], known_roots: Mapping[str, str]
) -> str:
    """The oldest mail above this one, seen or not.

    ``references`` holds the mails that are being placed, oldest reference first; ``known_roots``
    the roots of mails placed earlier. Each mail points at its oldest reference, and the pointers
    are followed until one leads to a mail that has not been seen or that refers to nothing. So the
    answer does not depend on the order of arrival, and nobody can join two threads by referring
    to both. Mails that refer to each other in a circle get its smallest Message-ID.
    """
    passed: dict[str, int] = {}
    at = msgid
    while at not in passed:
        passed[at] = len(passed)
        if above := references.get(at):
            at = above[0]
        elif at not in references and known_roots.get(at, at) != at:
            at = known_roots[at]
        else:
            return at
    return min(mail for mail, place in passed.items() if place >= passed[at])


def nearest(references: Sequence[str], place: Callable[[str], str | None]) -> str | None:
    """What the nearest reference leads to that leads to anything; oldest references come first.

    ``place`` answers the patch or cover letter that a mail is or answers, None for a mail that has
    not been seen or leads nowhere.
    """
    for reference in reversed(references):
        if found := place(reference):
            return found
    return None
