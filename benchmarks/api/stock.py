# SPDX-License-Identifier: GPL-2.0-or-later
"""What a full database holds: everything about a patch follows from its number.

Postings of 1, 2, ... 8 patches, then of one again; every fourth is the second revision of the one
before it. Ids are given out without gaps, so that addresses can be made without asking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

PROJECTS = 5
PEOPLE = 400
BUNDLES = 20
BUNDLE_PATCHES = 50
LONGEST = 8
_ROUND = LONGEST * (LONGEST + 1) // 2
RARE_EVERY = 1000
"""Of so many postings one is about something rare."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Some patches that were sent together."""

    id: int
    first_patch: int
    size: int

    @property
    def patch_ids(self) -> range:
        return range(self.first_patch, self.first_patch + self.size)

    @property
    def number(self) -> int:
        """Of the revision within its series."""
        return 2 if self.id % 4 == 0 else 1

    @property
    def series_id(self) -> int:
        return self.id + 1 - self.number

    @property
    def project_id(self) -> int:
        """Half of all are of the first project."""
        return max(1, self.series_id % (2 * PROJECTS) - PROJECTS + 1)

    @property
    def person_id(self) -> int:
        return self.series_id * 7919 % PEOPLE + 1

    @property
    def subject(self) -> str:
        return "rarity" if self.id % RARE_EVERY == 1 else "common"

    def msgid(self, number: int) -> str:
        """Of the patch of that number; 0 is the cover letter."""
        return f"<20250102030405.{self.id}-{number}-dev{self.person_id}@example.net>"


@dataclass(frozen=True)
class Stock:
    """At least so many patches: the last series is whole."""

    patches: int

    def postings(self) -> Iterator[Posting]:
        first, number = 1, 0
        while first <= self.patches or number % 4:
            number += 1
            posting = self.posting(number)
            yield posting
            first += posting.size

    def posting(self, number: int) -> Posting:
        rounds, rest = divmod(number - 1, LONGEST)
        first = 1 + rounds * _ROUND + rest * (rest + 1) // 2
        return Posting(number, first, rest + 1)

    @cached_property
    def posting_count(self) -> int:
        """A guess from below: all of these are there."""
        return self.patches // _ROUND * LONGEST or 1

    @cached_property
    def longest(self) -> list[Posting]:
        """Some of those with the most patches, from all over the time."""
        last = self.posting_count // LONGEST
        return [self.posting(LONGEST * (1 + last * part // 20)) for part in range(20) if last]


def hash_of(patch_id: int) -> str:
    return hashlib.sha1(str(patch_id).encode(), usedforsecurity=False).hexdigest()
