# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads written as pictures, for tests of grouping and chaining.

One line is one mail; what stands further to the right answers what stands above it::

    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One               #one
    |  +--> bob: Re: [PATCH 1/2] One   (a comment: no piece)
    |     +--> [PATCH v2 1/2] One      @3d

Alice wrote it unless somebody else is named. Each mail was sent a minute after the line above,
``@3d`` (or ``@5h``, ``@7m``): that long after the beginning. Behind two blanks may stand ``?``
(nobody has seen it), ``~`` (its references are lost but for parent and root), ``!`` (from a
maintainer), ``supersedes=one``, ``change-id=x``, ``pull-request=x``. The rest is for the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from patchwork.mail.subject import parse
from patchwork.tracking.pieces import Chain, Claim, Piece, Posting

BEGINNING = datetime(2024, 1, 1, 12, tzinfo=UTC)
PEOPLE = ("alice", "bob", "carol", "dave")

_LINE = re.compile(
    r"(?P<tree>[ |+>-]*)(?:(?P<who>[a-z]+): )?(?P<subject>\S.*?)(?:  +(?P<notes>.*))?"
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class _Mail:
    column: int
    msgid: str
    seen_piece: str | None
    """The nearest piece from here upwards."""


def pieces(picture: str) -> list[Piece]:
    """The patches and covers of a picture, from top to bottom."""
    found: list[Piece] = []
    path: list[_Mail] = []
    date = BEGINNING - timedelta(minutes=1)
    for number, line in enumerate(filter(str.strip, picture.splitlines())):
        match = _LINE.fullmatch(line.rstrip())
        assert match is not None, line
        notes = (match["notes"] or "").split()
        column = len(match["tree"])
        while path and path[-1].column >= column:
            path.pop()
        date = _date(notes, date)
        msgid = next((note[1:] for note in notes if note.startswith("#")), f"m{number}")
        facts = parse(match["subject"])
        above = path[-1] if path else None
        answers = above.seen_piece if above and "~" not in notes else None
        is_piece = facts.is_patch and not facts.is_reply and "?" not in notes
        if is_piece:
            found.append(
                Piece(
                    msgid=msgid,
                    is_cover=facts.index == 0,
                    submitter=PEOPLE.index(match["who"] or "alice"),
                    date=date,
                    root=path[0].msgid if path else msgid,
                    parent=above.msgid if above else None,
                    answers=answers,
                    index=facts.index,
                    total=facts.total,
                    version=facts.version,
                    name=facts.name,
                    key=facts.key,
                    is_maintainer="!" in notes,
                    claims=_claims(notes),
                )
            )
        path.append(_Mail(column, msgid, msgid if is_piece else answers))
    return found


def _date(notes: Iterable[str], before: datetime) -> datetime:
    for note in notes:
        if note.startswith("@"):
            return BEGINNING + timedelta(**{_UNITS[note[-1]]: float(note[1:-1])})
    return before + timedelta(minutes=1)


def _claims(notes: Iterable[str]) -> tuple[tuple[Claim, str], ...]:
    kinds = {kind.value: kind for kind in Claim}
    said = (note.split("=", 1) for note in notes if "=" in note)
    return tuple((kinds[kind], value) for kind, value in said)


def label(piece: Piece) -> str:
    """``#id`` when the picture gives one, else the markers, else the name."""
    if not re.fullmatch(r"m\d+", piece.msgid):
        return f"#{piece.msgid}"
    if piece.total is None:
        return piece.name if piece.version is None else f"v{piece.version} {piece.name}"
    version = "" if piece.version is None else f"v{piece.version} "
    return f"{version}{piece.index}/{piece.total}"


def grouped(postings: Iterable[Posting]) -> list[str]:
    """Each posting as the labels of its pieces, ``+`` before what has no slot."""
    return [
        ", ".join(
            ("+" if piece in posting.extras else "") + label(piece) for piece in posting.pieces
        )
        for posting in postings
    ]


def chained(chains: Iterable[Chain]) -> list[list[str]]:
    """Each series as its revisions: the patches in their slots, - where one is missing."""
    return [
        [
            " ".join(
                label(revision.slots[number]) if number in revision.slots else "-"
                for number in range(1, revision.total + 1)
            )
            + (" (late)" if revision.is_late else "")
            for revision in series.revisions
        ]
        for series in chains
    ]
