# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patches and cover letters were sent as one.

``group`` is a pure function of a set: the order in which mails arrived, and mails that came
twice, change nothing. The way of a piece:

1. What people joined or parted by hand goes before every rule.
2. A patch without ``x/n`` is a posting of its own.
3. Pieces of one thread, submitter, version marker and announced number are tied together by who
   answers whom; what nothing ties is put together as long as nothing contradicts.
4. Patches that were re-sent one by one become one posting only when all of them are there.
5. Pieces that are no replies are put together when they were sent within an hour.

Two covers, or two holders of one number, are never put together but by hand. But for sorting,
every step is linear in the number of pieces: a thread may be as long and twisted as it likes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from patchwork.tracking.pieces import Piece, Pins, Posting

TOGETHER = timedelta(hours=1)
"""How long sending one posting may take when no thread holds its mails together."""
NOTHING_PINNED = Pins()

Moment = tuple[datetime, str]
_COVER = None
"""The place of a cover letter among the numbers of the patches."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the pieces of one posting have in common."""

    submitter: int
    version: int | None
    total: int


@dataclass(slots=True)
class _Draft:
    """A posting in the making."""

    kind: _Kind
    pieces: list[Piece]
    places: set[int | None]
    first: Moment
    is_resend: bool = False

    @classmethod
    def of(cls, piece: Piece, kind: _Kind, *, is_resend: bool = False) -> _Draft:
        return cls(kind, [piece], {_place(piece)}, moment(piece), is_resend)

    @property
    def has_cover(self) -> bool:
        return _COVER in self.places

    @property
    def has_all_patches(self) -> bool:
        return all(number in self.places for number in range(1, self.kind.total + 1))

    @property
    def is_whole(self) -> bool:
        """Stands for itself, whoever it answers."""
        return self.has_cover or self.has_all_patches

    @property
    def is_loose(self) -> bool:
        """A single mail that is no reply."""
        return len(self.pieces) == 1 and self.pieces[0].parent is None

    @property
    def is_reply(self) -> bool:
        """All of it answers something: whatever is missing stands there, seen or not."""
        return all(piece.parent is not None for piece in self.pieces)

    def has_room_for(self, other: _Draft) -> bool:
        return self.places.isdisjoint(other.places)

    def began_shortly_before(self, other: _Draft) -> bool:
        return other.first[0] - self.first[0] <= TOGETHER

    def take(self, other: _Draft) -> None:
        self.pieces += other.pieces
        self.places |= other.places
        self.first = min(self.first, other.first)


def group(pieces: Iterable[Piece], pins: Pins = NOTHING_PINNED) -> tuple[Posting, ...]:
    """Put together what was sent as one; every piece is in exactly one posting."""
    known = distinct(pieces)
    leaders = _leaders(known, pins)
    free = {piece.msgid: piece for piece in known if piece.msgid not in leaders}
    drafts = [_Draft.of(piece, _kind(piece)) for piece in free.values() if not is_numbered(piece)]
    drafts += _sent_within_the_hour(_sent_in_threads(free, Lineage.of(known)))
    if leaders:
        drafts += _join_by_hand(drafts, known, leaders)
    return tuple(_posting(draft) for draft in sorted(drafts, key=lambda draft: draft.first))


def distinct(pieces: Iterable[Piece]) -> list[Piece]:
    """Each mail once, the earliest first; of two that contradict, always the same one."""
    known: dict[str, Piece] = {}
    for piece in pieces:
        other = known.setdefault(piece.msgid, piece)
        if other is not piece and other != piece:
            known[piece.msgid] = min(other, piece, key=repr)
    return sorted(known.values(), key=moment)


def moment(piece: Piece) -> Moment:
    """When it was sent. Two mails of one second still have an order."""
    return piece.date, piece.msgid


def is_numbered(piece: Piece) -> bool:
    return piece.total is not None and (piece.is_cover or piece.index is not None)


def _place(piece: Piece) -> int | None:
    if piece.is_cover:
        return _COVER
    return piece.index if is_numbered(piece) else 1


def _kind(piece: Piece) -> _Kind:
    if is_numbered(piece):
        return _Kind(piece.submitter, piece.version, piece.total or 0)
    return _Kind(piece.submitter, piece.version, 0 if piece.is_cover else 1)


def _unmarked(kind: _Kind) -> _Kind:
    return _Kind(kind.submitter, None, kind.total)


# Who answers whom


@dataclass(frozen=True, slots=True)
class Lineage:
    """Who answers whom, for each submitter by itself.

    Other people's patches in between are looked through: a stranger who answers with a patch of
    his own must not come between a patch and its next version.
    """

    steps: Sequence[tuple[Piece, bool]]
    """A walk down all threads: (piece, True) on the way down, (piece, False) on the way back."""
    above: Mapping[str, Piece]
    """The nearest piece by the same submitter that a piece answers."""
    resent: frozenset[str]
    """Patches that were sent again, in answer to what they replace."""

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Lineage:
        """Of distinct pieces, the earliest first."""
        steps = _walk(pieces)
        above = _nearest_above(steps, {piece.msgid: piece.submitter for piece in pieces})
        return cls(steps, above, _resent(steps, above))

    def is_same_place_again(self, patch: Piece) -> bool:
        above = self.above.get(patch.msgid)
        return above is not None and _holds_same_place(patch, above)


def _walk(pieces: Sequence[Piece]) -> list[tuple[Piece, bool]]:
    """Mails that answer each other in a circle are entered at the earliest one."""
    known = {piece.msgid for piece in pieces}
    answers: dict[str, list[Piece]] = defaultdict(list)
    tops: list[Piece] = []
    for piece in pieces:
        if piece.answers is None or piece.answers not in known:
            tops.append(piece)
        else:
            answers[piece.answers].append(piece)
    steps: list[tuple[Piece, bool]] = []
    seen: set[str] = set()
    for top in (*tops, *pieces):
        ahead = [(top, True)]
        while ahead:
            piece, is_down = ahead.pop()
            if is_down:
                if piece.msgid in seen:
                    continue
                seen.add(piece.msgid)
                ahead.append((piece, False))
                ahead.extend((answer, True) for answer in answers.get(piece.msgid, ()))
            steps.append((piece, is_down))
    return steps


def _nearest_above(
    steps: Iterable[tuple[Piece, bool]], likeness: Mapping[str, Hashable]
) -> dict[str, Piece]:
    """For each piece the nearest one above it that is like it; what has no likeness is skipped."""
    path: dict[Hashable, list[Piece]] = defaultdict(list)
    above: dict[str, Piece] = {}
    for piece, is_down in steps:
        if piece.msgid not in likeness:
            continue
        like = path[likeness[piece.msgid]]
        if not is_down:
            like.pop()
            continue
        if like:
            above[piece.msgid] = like[-1]
        like.append(piece)
    return above


def _resent(steps: Iterable[tuple[Piece, bool]], above: Mapping[str, Piece]) -> frozenset[str]:
    resent: set[str] = set()
    for piece, is_down in steps:
        answered = above.get(piece.msgid)
        if not is_down or answered is None or piece.is_cover or answered.is_cover:
            continue
        is_sent_below_another = answered.msgid in resent and _kind(answered) == _kind(piece)
        if is_sent_below_another or _replaces(piece, answered):
            resent.add(piece.msgid)
    return frozenset(resent)


def _replaces(patch: Piece, answered: Piece) -> bool:
    """A higher version, no series marker of its own, or the very same place once more."""
    is_higher = patch.marker > answered.marker
    return is_higher or not is_numbered(patch) or _holds_same_place(patch, answered)


def _holds_same_place(patch: Piece, answered: Piece) -> bool:
    """Whoever sends ``v2 2/5`` again as ``2/5`` or ``v2 2/5`` has forgotten to count up."""
    return (
        is_numbered(patch)
        and (patch.index, patch.total) == (answered.index, answered.total)
        and patch.version in (None, answered.version)
    )


# In one thread


def _sent_in_threads(free: Mapping[str, Piece], lineage: Lineage) -> list[_Draft]:
    top_down = [
        piece
        for piece, is_down in lineage.steps
        if is_down and piece.msgid in free and is_numbered(piece)
    ]
    kinds = _kinds(top_down, lineage)
    threads: dict[tuple[_Kind, str], list[Piece]] = defaultdict(list)
    thread_of: dict[str, tuple[_Kind, str]] = {}
    for piece in top_down:
        thread = thread_of[piece.msgid] = kinds[piece.msgid], piece.root
        threads[thread].append(piece)
    mates = _nearest_above(lineage.steps, thread_of)
    drafts: list[_Draft] = []
    for (kind, _), members in threads.items():
        drafts += _put_together(_tied(members, kind, mates, lineage), lineage)
    return drafts


def _kinds(numbered: Sequence[Piece], lineage: Lineage) -> dict[str, _Kind]:
    """Each by its own markers, but ``Feature (v2)`` may stand above patches without a marker."""
    kinds = {piece.msgid: _kind(piece) for piece in numbered}
    covers = [piece for piece in numbered if piece.is_cover and piece.version is not None]
    if not covers:
        return kinds
    patches = [piece for piece in numbered if not piece.is_cover]
    marked = {(piece.root, kinds[piece.msgid]) for piece in patches}
    above_unmarked = {
        (lineage.above[piece.msgid].msgid, kinds[piece.msgid])
        for piece in patches
        if piece.msgid in lineage.above
    }
    for cover in covers:
        unmarked = _unmarked(kinds[cover.msgid])
        has_patches_of_its_own = (cover.root, kinds[cover.msgid]) in marked
        if not has_patches_of_its_own and (cover.msgid, unmarked) in above_unmarked:
            kinds[cover.msgid] = unmarked
    return kinds


def _tied(
    members: Sequence[Piece], kind: _Kind, mates: Mapping[str, Piece], lineage: Lineage
) -> list[_Draft]:
    """What who-answers-whom holds together.

    A cover begins a posting. A patch goes with the nearest of its kind above it, or with those
    that reply to the same mail of another kind, mostly a cover that nobody has seen.
    """
    drafts: list[_Draft] = []
    draft_of: dict[str, _Draft] = {}
    beside: dict[tuple[str | None, bool], _Draft] = {}
    for piece in _generations(members, mates):
        own = _Draft.of(piece, kind, is_resend=piece.msgid in lineage.resent)
        reply = piece.parent, own.is_resend
        mate = mates.get(piece.msgid)
        near = beside.get(reply) if mate is None else draft_of[mate.msgid]
        if near is not None and not piece.is_cover and _belongs(own, near):
            near.take(own)
            draft_of[piece.msgid] = near
            continue
        drafts.append(own)
        draft_of[piece.msgid] = own
        if mate is None and not piece.is_cover and piece.parent is not None:
            beside[reply] = own
    return drafts


def _generations(members: Sequence[Piece], mates: Mapping[str, Piece]) -> list[Piece]:
    """Those that answer nobody of their kind first, then those that answer them, and so on."""
    depth: dict[str, int] = {}
    for piece in members:
        mate = mates.get(piece.msgid)
        depth[piece.msgid] = 0 if mate is None else depth[mate.msgid] + 1
    return sorted(members, key=lambda piece: (depth[piece.msgid], moment(piece)))


def _belongs(own: _Draft, near: _Draft) -> bool:
    """What is re-sent days later is re-sent for itself: the revision before has been announced."""
    if own.is_resend and not (near.is_resend and near.began_shortly_before(own)):
        return False
    return near.has_room_for(own)


def _put_together(drafts: Sequence[_Draft], lineage: Lineage) -> list[_Draft]:
    """One thread's drafts of one kind, as far as they do not contradict.

    Re-sent patches join only where something whole comes of it: a posting with a cover, or with
    all of its patches.
    """
    if len(drafts) == 1:
        return list(drafts)
    outcome: list[_Draft] = []
    regular: list[_Draft] = []
    resent: list[_Draft] = []
    for draft in drafts:
        if not draft.is_resend:
            regular.append(draft)
        elif lineage.is_same_place_again(draft.pieces[0]):
            outcome.append(draft)
        else:
            resent.append(draft)
    merged = [_merged(parts) for parts in _first_fit(regular)]
    for parts in _first_fit([*merged, *resent]):
        whole = _merged(parts)
        outcome += [whole] if whole.is_whole else parts
    return outcome


def _merged(parts: Sequence[_Draft]) -> _Draft:
    first, *others = parts
    whole = _Draft(first.kind, list(first.pieces), set(first.places), first.first)
    for part in others:
        whole.take(part)
    return whole


def _first_fit(drafts: Iterable[_Draft]) -> list[list[_Draft]]:
    """Those with a cover first, then the earliest, each to the first that has room.

    For each number is known up to where it is taken, so nothing is looked at twice. A draft of
    several patches may miss a gap further on; it then stays for itself.
    """
    groups: list[list[_Draft]] = []
    places: list[set[int | None]] = []
    taken_up_to: dict[int | None, int] = defaultdict(int)
    for draft in sorted(drafts, key=lambda draft: (not draft.has_cover, draft.first)):
        at = 0
        for place in draft.places:
            while taken_up_to[place] < len(places) and place in places[taken_up_to[place]]:
                taken_up_to[place] += 1
            at = max(at, taken_up_to[place])
        if at < len(groups) and places[at].isdisjoint(draft.places):
            groups[at].append(draft)
            places[at] |= draft.places
        else:
            groups.append([draft])
            places.append(set(draft.places))
    return groups


# Without a thread


def _sent_within_the_hour(drafts: Iterable[_Draft]) -> list[_Draft]:
    """Put mails that are no replies to what the same person sent at about the same time.

    The mails of a posting leave one after the other: each goes with the latest posting begun,
    and what does not fit there begins the next. Patches below a cover that nobody has seen wait
    for that one.
    """
    outcome: list[_Draft] = []
    of_kind: dict[_Kind, list[_Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.is_resend or draft.is_reply or (draft.has_cover and draft.has_all_patches):
            outcome.append(draft)
        else:
            of_kind[draft.kind].append(draft)
    _move_covers_to_unmarked_patches(of_kind)
    for mates in of_kind.values():
        outcome += _in_bursts(mates)
    return outcome


def _move_covers_to_unmarked_patches(of_kind: dict[_Kind, list[_Draft]]) -> None:
    """``Feature (v2)`` may be sent beside patches without a marker."""
    for kind in list(of_kind):
        drafts = of_kind[kind]
        unmarked = _unmarked(kind)
        if kind != unmarked and unmarked in of_kind and all(map(_is_cover_named_v2, drafts)):
            of_kind[unmarked] += of_kind.pop(kind)


def _is_cover_named_v2(draft: _Draft) -> bool:
    return draft.is_loose and draft.pieces[0].is_cover and draft.pieces[0].has_version_in_name


def _in_bursts(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Two threads of mails are never one burst; a single mail may belong to a thread."""
    bursts: list[_Draft] = []
    is_threaded = False
    for draft in sorted(drafts, key=lambda draft: draft.first):
        if (
            bursts
            and (draft.is_loose or not is_threaded)
            and bursts[-1].began_shortly_before(draft)
            and bursts[-1].has_room_for(draft)
        ):
            is_threaded = is_threaded or not draft.is_loose
            bursts[-1].take(draft)
        else:
            is_threaded = not draft.is_loose
            bursts.append(draft)
    return bursts


# By hand


def _leaders(known: Sequence[Piece], pins: Pins) -> dict[str, str]:
    """Pinned piece -> the piece whose posting it belongs to, at the end of all its pins."""
    leaders: dict[str, str] = {}
    for piece in known if pins.posting_of else ():
        trail: dict[str, None] = {}
        at = piece.msgid
        while at in pins.posting_of and at not in leaders and at not in trail:
            trail[at] = None
            at = pins.posting_of[at]
        if at in trail:
            circle = list(trail)
            at = min(circle[circle.index(at) :])
        leader = leaders.get(at, at)
        leaders |= dict.fromkeys(trail, leader)
    return leaders


def _join_by_hand(
    drafts: Iterable[_Draft], known: Iterable[Piece], leaders: Mapping[str, str]
) -> list[_Draft]:
    """Put the pinned pieces where they belong; return the postings that consist of them alone."""
    draft_of = {piece.msgid: draft for draft in drafts for piece in draft.pieces}
    led: dict[str, list[Piece]] = defaultdict(list)
    for piece in known:
        if piece.msgid in leaders:
            led[leaders[piece.msgid]].append(piece)
    founded: list[_Draft] = []
    for leader, pieces in led.items():
        draft = draft_of.get(leader)
        if draft is None:
            head = next((piece for piece in pieces if piece.msgid == leader), pieces[0])
            draft = _Draft(_kind(head), [], set(), moment(pieces[0]))
            founded.append(draft)
        for piece in pieces:
            draft.take(_Draft.of(piece, draft.kind))
    return founded


# The outcome


def _posting(draft: _Draft) -> Posting:
    pieces = sorted(draft.pieces, key=_by_number)
    cover = pieces[0] if pieces[0].is_cover else None
    patches = [piece for piece in pieces if not piece.is_cover]
    slots = _slots(patches, draft.kind.total)
    held = {patch.msgid for patch in slots.values()}
    version = draft.kind.version
    if cover is not None and cover.version is not None:
        version = cover.version
    return Posting(
        pieces=tuple(pieces),
        cover=cover,
        slots=slots,
        extras=tuple(patch for patch in patches if patch.msgid not in held),
        total=draft.kind.total,
        version=version,
    )


def _slots(patches: Iterable[Piece], total: int) -> dict[int, Piece]:
    """Whoever puts a patch without number into a posting means it to fill a gap."""
    slots: dict[int, Piece] = {}
    gap = 1
    for patch in patches:
        if is_numbered(patch):
            number = patch.index or 0
        else:
            while gap in slots:
                gap += 1
            number = gap
        if 1 <= number <= total:
            slots.setdefault(number, patch)
    return slots


def _by_number(piece: Piece) -> tuple[bool, bool, int, Moment]:
    return not piece.is_cover, not is_numbered(piece), piece.index or 0, moment(piece)
