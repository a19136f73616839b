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

    @property
    def is_closed(self) -> bool:
        """Somebody was told its patches, and none of them was taken away since."""
        return self.announced and self.is_complete


@dataclass(slots=True, eq=False)
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


@dataclass(slots=True, eq=False)
class PlannedSeries:
    """A series as it shall be stored."""

    held_id: int | None
    revisions: list[PlannedRevision]
    """In the order of the work, not of arrival."""
    founder: PlannedRevision
    possibly_continues: tuple[str, ...] = ()
    absorbed: list[int] = field(default_factory=list)
    """Series that turned out to be this one."""
    is_changed: bool = False
    """Anything about its revisions, their numbers, patches and mails is not as it is stored."""

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
    headless = series_left - by_id.keys()
    planned = []
    for chain, revisions in zip(chains, drafts, strict=True):
        series = _series(revisions, series_left, headless)
        series.possibly_continues = chain.possibly_continues
        planned.append(series)
    emptied = _place_the_rest(unclaimed, planned)
    for series in planned:
        _absorb(series, series_left, headless)
        _order(series)
        _catch_up(series)
        _mark_late(series)
        _number(series)
        _announce(series)
        series.is_changed = _differs(series, by_id, posting_of)
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
    if held is not None and held.is_closed:
        return PlannedRevision(held, chained, held.slots, True, held.is_late, True)
    if held is not None and held.announced:
        return PlannedRevision(held, chained, slots, chained.is_complete, held.is_late, True)
    is_late = chained.is_late or (held is not None and held.is_late)
    return PlannedRevision(held, chained, slots, chained.is_complete, is_late, False)


def _series(
    revisions: list[PlannedRevision], series_left: set[int], headless: set[int]
) -> PlannedSeries:
    """The stored series that these revisions belong to: the one that one of them founded first.

    A series whose founder was deleted (``headless``) is found by any of its revisions.
    """
    mine = [revision.held for revision in revisions if revision.held is not None]
    led = [held for held in mine if held.series_id in series_left and _leads(held, headless)]
    if led:
        held_id = min(held.series_id for held in led)
        series_left.discard(held_id)
        founder = next(each for each in revisions if each.held and each.held.series_id == held_id)
        return PlannedSeries(held_id, revisions, founder)
    return PlannedSeries(None, revisions, revisions[0])


def _leads(held: Held, headless: set[int]) -> bool:
    """Where this revision goes, its series goes."""
    return held.id == held.series_id or held.series_id in headless


def _absorb(series: PlannedSeries, series_left: set[int], headless: set[int]) -> None:
    """Note the other series whose founders are among these revisions."""
    for revision in series.revisions:
        held = revision.held
        if held and held.series_id in series_left and _leads(held, headless):
            series_left.discard(held.series_id)
            series.absorbed.append(held.series_id)


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


def _order(series: PlannedSeries) -> None:
    """Among themselves, revisions that were announced in this series stay in that order."""
    places = [place for place, each in enumerate(series.revisions) if _was_newest(series, each)]
    in_order = sorted(
        (series.revisions[place] for place in places),
        key=lambda revision: revision.held.number if revision.held else 0,
    )
    for place, revision in zip(places, in_order, strict=True):
        series.revisions[place] = revision


def _was_newest(series: PlannedSeries, revision: PlannedRevision) -> bool:
    """It was announced in this very series, and was the newest then."""
    held = revision.held
    return (
        held is not None
        and held.announced
        and not held.is_late
        and held.series_id == series.held_id
    )


def _catch_up(series: PlannedSeries) -> None:
    """Patches re-sent before the last announced revision, but seen only after it.

    That revision would hold them, had it not been announced; so they make the next one.
    """
    announced = [place for place, each in enumerate(series.revisions) if _was_newest(series, each)]
    if not announced or (last := series.revisions[announced[-1]]).chained is None:
        return
    wanted = {number: piece.msgid for number, piece in last.chained.slots.items()}
    slots = dict(last.slots)
    behind = announced[-1]
    for revision in series.revisions[:behind]:
        own = _own_places(revision, wanted)
        if not own or (revision.held is not None and revision.held.is_fixed):
            continue
        slots.update(own)
        revision.slots = dict(slots)
        revision.is_complete = revision.is_complete or last.is_complete
        series.revisions.remove(revision)
        series.revisions.insert(behind, revision)


def _own_places(revision: PlannedRevision, wanted: Mapping[int, str]) -> dict[int, str]:
    """The places that a re-send fills in what stands at the end."""
    if revision.chained is None or not revision.chained.is_resend:
        return {}
    own = {piece.msgid for piece in revision.pieces}
    return {number: msgid for number, msgid in wanted.items() if msgid in own}


def _mark_late(series: PlannedSeries) -> None:
    """A revision is late when something newer was announced in the series before it was."""
    newer = False
    for revision in reversed(series.revisions):
        if _was_newest(series, revision):
            newer = True
        elif newer:
            revision.is_late = True


def _announce(series: PlannedSeries) -> None:
    for revision in series.revisions:
        if revision.is_complete and not revision.is_late and not revision.announced:
            revision.announced = revision.is_new_announcement = True


def _abandoned(held: Mapping[int, Held], planned: list[PlannedSeries]) -> list[int]:
    kept = {series.held_id for series in planned}
    return sorted({revision.series_id for revision in held.values()} - kept)


def _differs(
    series: PlannedSeries, held: Mapping[int, Held], posting_of: Mapping[str, int]
) -> bool:
    """Whether anything of a planned series is to be written."""
    stored = sum(revision.series_id == series.held_id for revision in held.values())
    if series.absorbed or stored != len(series.revisions):
        return True
    return any(
        revision.held is None
        or revision.held.series_id != series.held_id
        or (
            (revision.number, revision.is_complete, revision.is_late, revision.announced)
            != (
                revision.held.number,
                revision.held.is_complete,
                revision.held.is_late,
                revision.held.announced,
            )
        )
        or dict(revision.slots) != dict(revision.held.slots)
        or any(posting_of.get(piece.msgid) != revision.held.id for piece in revision.pieces)
        for revision in series.revisions
    )
