# SPDX-License-Identifier: GPL-2.0-or-later
"""From what grouping and chaining say to what is to be written. Pure: no database here.

``chain`` answers for a set of mails, whatever the order in which they came; here its answer meets
what is stored already. What has been announced stays: such a revision keeps its patches, and its
number within its series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from patchwork.tracking.pieces import Chain, ChainedRevision, Piece


@dataclass(frozen=True, slots=True)
class Held:
    """A revision as it is stored."""

    id: int
    series_id: int
    number: int
    announced: bool
    is_late: bool
    is_complete: bool
    slots: Mapping[int, str]
    """Number -> Message-ID of the patch."""
    rerun_of: int | None = None

    @property
    def is_fixed(self) -> bool:
        """Somebody may have been told its number."""
        return self.announced or self.is_late


@dataclass(slots=True)
class PlannedRevision:
    """A revision as it shall be stored."""

    held: Held | None
    chained: ChainedRevision | None
    """None for a rerun, or one whose mails were taken away: it stays as it is."""
    slots: Mapping[int, str]
    is_complete: bool
    is_late: bool
    announced: bool
    number: int = 0
    is_new_announcement: bool = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return self.chained.posting.pieces if self.chained else ()


@dataclass(slots=True)
class PlannedSeries:
    """A series as it shall be stored."""

    held_id: int | None
    revisions: list[PlannedRevision]
    """In the order of the work, not of arrival."""
    founder: PlannedRevision
    possibly_continues: tuple[str, ...] = ()
    absorbed: list[int] = field(default_factory=list)
    """Series that turned out to be this one."""

    @property
    def newest(self) -> PlannedRevision | None:
        """The newest complete revision."""
        ready = [each for each in self.revisions if each.is_complete and not each.is_late]
        return ready[-1] if ready else None

    @property
    def first(self) -> PlannedRevision:
        """The one that gives the series its name, submitter and date."""
        return min(self.revisions, key=lambda revision: revision.number)


@dataclass(slots=True)
class Plan:
    """What is to be written about the touched series."""

    series: list[PlannedSeries]
    emptied: list[Held]
    """Revisions whose mails all belong elsewhere now, and which nobody was told of."""
    abandoned: list[int]
    """Series that are no more, their revisions being elsewhere."""


def settle(chains: Sequence[Chain], held: Iterable[Held], posting_of: Mapping[str, int]) -> Plan:
    """Match the chains with what is held; ``posting_of`` tells a mail's revision so far."""
    by_id = {revision.id: revision for revision in held}
    unclaimed = dict(by_id)
    drafts = [
        [_match(revision, unclaimed, posting_of) for revision in chain.revisions]
        for chain in chains
    ]
    series_left = {revision.series_id for revision in by_id.values()}
    planned = []
    for chain, revisions in zip(chains, drafts, strict=True):
        series = _series(revisions, series_left)
        series.possibly_continues = chain.possibly_continues
        planned.append(series)
    emptied = _place_the_rest(unclaimed, planned)
    for series in planned:
        _absorb(series, series_left)
        _number(series)
        _announce(series)
    return Plan(planned, emptied, _abandoned(by_id, planned))


def _match(
    chained: ChainedRevision, unclaimed: dict[int, Held], posting_of: Mapping[str, int]
) -> PlannedRevision:
    """The stored revision that it most likely is: announced before not, older before newer."""
    candidates = {posting_of.get(piece.msgid, 0) for piece in chained.posting.pieces}
    found = [unclaimed[revision_id] for revision_id in candidates if revision_id in unclaimed]
    held = min(found, key=lambda each: (not each.announced, each.id), default=None)
    if held is not None:
        del unclaimed[held.id]
    slots = {number: piece.msgid for number, piece in chained.slots.items()}
    if held is not None and held.announced:
        return PlannedRevision(held, chained, held.slots, True, held.is_late, True)
    is_late = chained.is_late or (held is not None and held.is_late)
    return PlannedRevision(held, chained, slots, chained.is_complete, is_late, False)


def _series(revisions: list[PlannedRevision], series_left: set[int]) -> PlannedSeries:
    """The stored series that these revisions belong to: the one that one of them founded first."""
    mine = [revision.held for revision in revisions if revision.held is not None]
    founded = [held for held in mine if held.id == held.series_id and held.id in series_left]
    if founded:
        held_id = min(held.series_id for held in founded)
        series_left.discard(held_id)
        founder = next(each for each in revisions if each.held and each.held.id == held_id)
        return PlannedSeries(held_id, revisions, founder)
    return PlannedSeries(None, revisions, revisions[0])


def _absorb(series: PlannedSeries, series_left: set[int]) -> None:
    """Note the other series whose founders are among these revisions."""
    for revision in series.revisions:
        held = revision.held
        if held and held.id == held.series_id and held.id in series_left:
            series_left.discard(held.id)
            series.absorbed.append(held.id)


def _place_the_rest(unclaimed: dict[int, Held], planned: list[PlannedSeries]) -> list[Held]:
    """Reruns go behind what they rerun; what was announced stays where it is; the rest is empty."""
    emptied = []
    for held in sorted(unclaimed.values(), key=lambda each: each.id):
        stays = PlannedRevision(held, None, held.slots, held.is_complete, held.is_late, True)
        if held.rerun_of is not None:
            home, place = _place_of(planned, held.rerun_of)
            if home is not None:
                home.revisions.insert(place + 1, stays)
                continue
        home = next((each for each in planned if each.held_id == held.series_id), None)
        if held.is_fixed and home is not None:
            stays.is_late = True
            stays.announced = held.announced
            home.revisions.insert(0, stays)
        else:
            emptied.append(held)
    return emptied


def _place_of(planned: list[PlannedSeries], held_id: int) -> tuple[PlannedSeries | None, int]:
    for series in planned:
        for place, revision in enumerate(series.revisions):
            if revision.held is not None and revision.held.id == held_id:
                return series, place
    return None, 0


def _number(series: PlannedSeries) -> None:
    """Give out numbers: fixed ones first, the others rising in the order of the work."""
    taken = _keep_fixed_numbers(series)
    _mark_late(series)
    highest = max(taken, default=0)
    floor = 0
    for place, revision in enumerate(series.revisions):
        if revision.number:
            floor = floor if revision.is_late else max(floor, revision.number)
            continue
        ceiling = min(
            (
                later.number
                for later in series.revisions[place:]
                if later.number and not later.is_late
            ),
            default=None,
        )
        number = floor + 1
        while number in taken:
            number += 1
        if ceiling is not None and number >= ceiling:
            number = highest + 1
        revision.number = number
        taken.add(number)
        highest = max(highest, number)
        if not revision.is_late:
            floor = max(floor, number)


def _keep_fixed_numbers(series: PlannedSeries) -> set[int]:
    """Those of this series keep theirs; those that come from another get it when it is free."""
    taken: set[int] = set()
    fixed = [each for each in series.revisions if each.held is not None and each.held.is_fixed]
    for at_home in (True, False):
        for revision in fixed:
            held = revision.held
            assert held is not None
            if (held.series_id == series.held_id) is at_home and held.number not in taken:
                revision.number = held.number
                taken.add(held.number)
    return taken


def _mark_late(series: PlannedSeries) -> None:
    """A revision is late when something newer was announced before it was."""
    newer_announced = False
    for revision in reversed(series.revisions):
        if revision.announced and not revision.is_late:
            newer_announced = True
        elif newer_announced and not revision.announced:
            revision.is_late = True


def _announce(series: PlannedSeries) -> None:
    for revision in series.revisions:
        if revision.is_complete and not revision.is_late and not revision.announced:
            revision.announced = revision.is_new_announcement = True


def _abandoned(held: Mapping[int, Held], planned: list[PlannedSeries]) -> list[int]:
    kept = {series.held_id for series in planned}
    return sorted({revision.series_id for revision in held.values()} - kept)
