# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments in the order in which one reads a discussion. No database here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patchwork.tracking.models import Comment

DEEPEST = 6
"""Below this level answers are no longer indented: a phone has no room for them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment in its thread."""

    comment: Comment
    depth: int
    """0: it answers the patch or the cover letter itself."""
    answers: Comment | None

    @property
    def indent(self) -> int:
        return min(self.depth, DEEPEST)


def read_through(comments: Sequence[Comment]) -> Iterator[Reply]:
    """Each comment once: below what it answers, brothers by date.

    Mails that claim to answer each other in a circle begin with the oldest of them.
    """
    by_msgid = {comment.mail.msgid: comment for comment in comments}
    answers: defaultdict[str, list[Comment]] = defaultdict(list)
    beginnings = []
    for comment in comments:
        above = comment.mail.in_reply_to
        if above in by_msgid and above != comment.mail.msgid:
            answers[above].append(comment)
        else:
            beginnings.append(comment)
    seen: set[int] = set()
    for beginning in [*beginnings, *comments]:
        yield from _below(beginning, by_msgid, answers, seen)


def _below(
    beginning: Comment,
    by_msgid: dict[str, Comment],
    answers: dict[str, list[Comment]],
    seen: set[int],
) -> Iterator[Reply]:
    waiting = [(beginning, 0)]
    while waiting:
        comment, depth = waiting.pop()
        if comment.pk in seen:
            continue
        seen.add(comment.pk)
        yield Reply(comment, depth, by_msgid.get(comment.mail.in_reply_to) if depth else None)
        below = answers.get(comment.mail.msgid, [])
        waiting += [(answer, depth + 1) for answer in reversed(below)]
