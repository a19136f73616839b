# SPDX-License-Identifier: GPL-2.0-or-later
"""Which postings are the revisions of one series.

``chain`` is a pure function of a set, as ``group`` is. The postings are gone through by (version
marker, date, Message-ID); each continues a series of those before it, or founds one. ``_RULES``
are asked in turn; the first that names exactly one series which its sender may continue decides.
Only the submitter continues a series, and a maintainer whose posting says so outright. What
resembles without deciding is named in ``possibly_continues``: a person decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from patchwork.tracking.grouping import NOTHING_PINNED, Lineage, distinct, is_numbered, moment
from patchwork.tracking.pieces import Chain, ChainedRevision, Claim, Piece, Pins, Posting

YEAR = timedelta(days=365)
"""For how long a name is taken up again."""
LOOKED_AT_LIMIT = 50
"""How many series that are alike are looked at, the latest ones."""
DOUBTS_LIMIT = 5
"""How many series a person is asked about."""
NAMED_LIMIT = 5
"""How many patches a remark names."""

_Place = tuple[int, datetime, int, str]
"""Version marker, date, how many it cannot come before, Message-ID."""
_Mark = tuple[str, str]
"""Something that the postings of one series have in common: what it is, and its value."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A posting, and what chaining wants to know of it."""

    posting: Posting
    earliest: Piece
    lead: Piece
    """The cover, or else the first patch: it speaks for the posting."""
    above: Piece | None
    """The nearest piece of another posting by the same submitter that it answers."""
    answered: Piece | None
    """The nearest piece of another posting that it answers, whoever wrote it."""
    claims: Mapping[Claim, Collection[str]]
    is_resend: bool
    marker: int
    place: _Place
    series: _Series | None = None

    @property
    def submitter(self) -> int:
        return self.lead.submitter

    @property
    def steps(self) -> int:
        return self.place[2]

    @property
    def is_behind(self) -> bool:
        """Its marker or its clock says that it is older than what it was sent in place of."""
        return self.place[:2] != (self.marker, self.earliest.date)

    @property
    def name(self) -> str:
        """Patches without a cover have no name of their own, unless there is only one."""
        has_name = self.posting.cover is not None or self.posting.total == 1
        return self.lead.key if has_name else ""


@dataclass(slots=True, eq=False)
class _Series:
    """A series in the making."""

    first: _Entry
    newest: _Entry
    """The newest one that was posted as a whole."""
    entries: list[_Entry] = field(default_factory=list)
    doubts: tuple[str, ...] = ()

    @property
    def submitter(self) -> int:
        return self.first.submitter

    @property
    def msgid(self) -> str:
        return self.first.earliest.msgid


@dataclass(frozen=True, slots=True)
class _Known:
    """What has been gone through so far."""

    entry_of: Mapping[str, _Entry]
    by_mark: defaultdict[tuple[int | None, _Mark], dict[_Series, None]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Series that somebody has sent to, or anybody (None), by their marks, the latest last."""

    def series_of(self, msgid: str | None) -> list[_Series]:
        entry = self.entry_of.get(msgid) if msgid is not None else None
        return [entry.series] if entry is not None and entry.series is not None else []

    def alike(self, mark: _Mark, submitter: int | None = None) -> list[_Series]:
        """Others' series crowd out nobody's own: they are looked up apart."""
        return list(islice(reversed(self.by_mark.get((submitter, mark), {})), LOOKED_AT_LIMIT))

    def note(self, entry: _Entry, series: _Series) -> None:
        entry.series = series
        series.entries.append(entry)
        series.first = min(series.first, entry, key=_place)
        if not entry.is_resend:
            series.newest = max(series.newest, entry, key=_place)
        for mark in _marks(entry):
            for submitter in (series.submitter, entry.submitter, None):
                self.by_mark[submitter, mark][series] = None


def chain(postings: Iterable[Posting], pins: Pins = NOTHING_PINNED) -> tuple[Chain, ...]:
    """Put postings in series; every posting is in exactly one."""
    entries = _entries(postings)
    entry_of = {piece.msgid: entry for entry in entries for piece in entry.posting.pieces}
    _keep_order_of_answers(entries, entry_of)
    entries.sort(key=_place)
    all_series = _all_series(entries, _Known(entry_of), _pinned(entries, entry_of, pins))
    return tuple(_chain(series, entry_of) for series in all_series)


def _place(entry: _Entry) -> _Place:
    return entry.place


# What is known of a posting by itself


def _entries(postings: Iterable[Posting]) -> list[_Entry]:
    """Each posting once, the earliest first."""
    by_msgid = {posting.key: posting for posting in postings}
    pieces = distinct(piece for posting in by_msgid.values() for piece in posting.pieces)
    by_piece = {piece.msgid: piece for piece in pieces}
    lineage = Lineage.of(pieces)
    entries = [_entry(posting, by_piece, lineage) for posting in by_msgid.values()]
    return sorted(entries, key=lambda entry: moment(entry.earliest))


def _entry(posting: Posting, by_piece: Mapping[str, Piece], lineage: Lineage) -> _Entry:
    inside = {piece.msgid for piece in posting.pieces}
    above = (lineage.above.get(piece.msgid) for piece in posting.pieces)
    answered = (by_piece.get(piece.answers or "") for piece in posting.pieces)
    earliest = min(posting.pieces, key=moment)
    claims = _claims(posting)
    return _Entry(
        posting=posting,
        earliest=earliest,
        lead=posting.pieces[0],
        above=next((each for each in above if each and each.msgid not in inside), None),
        answered=next((each for each in answered if each and each.msgid not in inside), None),
        claims=claims,
        is_resend=not _is_whole(posting, claims)
        and all(piece.msgid in lineage.resent for piece in posting.pieces),
        marker=posting.marker,
        place=(posting.marker, earliest.date, 0, earliest.msgid),
    )


def _claims(posting: Posting) -> dict[Claim, dict[str, None]]:
    claims: dict[Claim, dict[str, None]] = {}
    for piece in posting.pieces:
        for kind, value in piece.claims:
            claims.setdefault(kind, {})[value] = None
    return claims


def _is_whole(posting: Posting, claims: Collection[Claim]) -> bool:
    """Stands for itself, whatever it answers."""
    if posting.cover is not None or (posting.is_complete and posting.total > 1):
        return True
    return Claim.PULL_REQUEST in claims


def _keep_order_of_answers(entries: Iterable[_Entry], entry_of: Mapping[str, _Entry]) -> None:
    """Nothing comes before what it was sent in place of, whatever its clock and its marker say.

    A patch sent again without a version marker has the one of what it answers.
    """
    done: set[_Entry] = set()
    for entry in entries:
        trail: dict[_Entry, _Entry | None] = {}
        at: _Entry | None = entry
        while at is not None and at not in done and at not in trail:
            trail[at] = _replaced(at, entry_of)
            at = trail[at]
        for each, replaced in reversed(trail.items()):
            done.add(each)
            if replaced in done and replaced is not None:
                if each.posting.version is None and each.is_resend:
                    each.marker = replaced.marker
                marker, date, steps, _ = replaced.place
                own = each.earliest
                each.place = max(each.marker, marker), max(own.date, date), steps + 1, own.msgid


def _replaced(entry: _Entry, entry_of: Mapping[str, _Entry]) -> _Entry | None:
    if entry.is_resend and entry.above is not None:
        return entry_of[entry.above.msgid]
    targets = (entry_of.get(msgid) for msgid in entry.claims.get(Claim.SUPERSEDES, ()))
    allowed = (
        target
        for target in targets
        if target and (target.submitter == entry.submitter or entry.lead.is_maintainer)
    )
    return max(allowed, key=lambda target: moment(target.earliest), default=None)


def _marks(entry: _Entry) -> Iterator[_Mark]:
    """By what later postings may find it again. A patch sent again has no name for the series."""
    for kind in (Claim.PULL_REQUEST, Claim.CHANGE_ID):
        for value in entry.claims.get(kind, ()):
            yield kind.value, value
    for root in dict.fromkeys(piece.root for piece in entry.posting.pieces):
        yield "thread", root
    if entry.name and not entry.is_resend:
        yield "name", entry.name


# Which series it continues


def _all_series(
    entries: Sequence[_Entry], known: _Known, pinned: Mapping[_Entry, _Entry | None]
) -> list[_Series]:
    """A posting pinned to a later one waits for it; pins in a circle are let go where it begins."""
    waiting: dict[_Entry, list[_Entry]] = defaultdict(list)
    founded: list[_Series] = []
    for patience in (True, False):
        for entry in entries:
            target = pinned.get(entry)
            if entry.series is not None:
                continue
            if patience and target is not None and target.series is None:
                waiting[target].append(entry)
                continue
            ahead = [entry]
            while ahead:
                at = ahead.pop()
                if at.series is None:
                    founded += _put_in_series(at, known, pinned)
                    ahead += waiting.pop(at, ())
    return founded


def _put_in_series(
    entry: _Entry, known: _Known, pinned: Mapping[_Entry, _Entry | None]
) -> list[_Series]:
    """What it founds: a series, or nothing."""
    series, doubts = _by_hand(entry, pinned) or _continued(entry, known)
    if entry.is_resend:
        goes_on = series is not None and series in known.series_of(_msgid(entry.above))
        entry.is_resend = goes_on and not _replaces_all(entry, series)
    if series is not None:
        known.note(entry, series)
        return []
    founded = _Series(entry, entry, doubts=doubts)
    known.note(entry, founded)
    return [founded]


def _replaces_all(entry: _Entry, series: _Series | None) -> bool:
    """A newer patch in place of a series of one patch is that series posted anew."""
    return series is not None and series.newest.posting.total == 1 and not entry.is_behind


def _by_hand(
    entry: _Entry, pinned: Mapping[_Entry, _Entry | None]
) -> tuple[_Series | None, tuple[str, ...]] | None:
    if entry not in pinned:
        return None
    target = pinned[entry]
    if target is None:
        return None, ()
    return (target.series, ()) if target.series is not None else None


def _pinned(
    entries: Iterable[_Entry], entry_of: Mapping[str, _Entry], pins: Pins
) -> dict[_Entry, _Entry | None]:
    """What each pinned posting continues; None: nothing. A pin to what is not here says nothing."""
    pinned: dict[_Entry, _Entry | None] = {}
    for entry in entries if pins.continues else ():
        for piece in entry.posting.pieces:
            if piece.msgid not in pins.continues:
                continue
            msgid = pins.continues[piece.msgid]
            target = entry_of.get(msgid) if msgid is not None else None
            if msgid is None or (target is not None and target is not entry):
                pinned[entry] = target
                break
    return pinned


def _continued(entry: _Entry, known: _Known) -> tuple[_Series | None, tuple[str, ...]]:
    """The series it continues, or else those that it may continue."""
    doubts: dict[str, None] = {}
    for rule, is_claim in _RULES:
        candidates = rule(entry, known)
        if not candidates:
            continue
        may_continue = [
            series
            for series in candidates
            if series.submitter == entry.submitter or (is_claim and entry.lead.is_maintainer)
        ]
        if len(may_continue) == 1:
            return may_continue[0], ()
        doubts |= dict.fromkeys(series.msgid for series in candidates)
    doubts |= dict.fromkeys(series.msgid for series in _namesakes(entry, known))
    return None, tuple(islice(doubts, DOUBTS_LIMIT))


def _patch_it_replaces(entry: _Entry, known: _Known) -> list[_Series]:
    return known.series_of(_msgid(entry.above)) if entry.is_resend else []


def _same_pull_request(entry: _Entry, known: _Known) -> list[_Series]:
    return _same_claim(entry, known, Claim.PULL_REQUEST)


def _said_to_supersede(entry: _Entry, known: _Known) -> list[_Series]:
    msgids = entry.claims.get(Claim.SUPERSEDES, ())
    return list(dict.fromkeys(series for msgid in msgids for series in known.series_of(msgid)))


def _same_change_id(entry: _Entry, known: _Known) -> list[_Series]:
    return _same_claim(entry, known, Claim.CHANGE_ID)


def _same_claim(entry: _Entry, known: _Known, kind: Claim) -> list[_Series]:
    marks = [(kind.value, value) for value in entry.claims.get(kind, ())]
    own = {series: None for mark in marks for series in known.alike(mark, entry.submitter)}
    if own:
        return list(own)
    return list({series: None for mark in marks for series in known.alike(mark)})


def _answered_with_higher_version(entry: _Entry, known: _Known) -> list[_Series]:
    return [
        series
        for answered in dict.fromkeys((_msgid(entry.above), _msgid(entry.answered)))
        for series in known.series_of(answered)
        if answered is not None and entry.marker > known.entry_of[answered].marker
    ]


def _same_name(entry: _Entry, known: _Known) -> list[_Series]:
    if not entry.name:
        return []
    own = known.alike(("name", entry.name), entry.submitter)
    return [s for s in own if _is_next(entry, s.newest) and _is_within_a_year(entry, s)]


def _is_next(entry: _Entry, newest: _Entry) -> bool:
    """A higher version, or the same once more: "Feature" and "feature", RESEND v2 after v2.

    Did a second v2 found a series, every later version would have two series to choose from.
    """
    return entry.marker >= newest.marker


def _is_within_a_year(entry: _Entry, series: _Series) -> bool:
    """Counted from the revision before it, whether that is a whole posting or one patch."""
    dates = (series.newest.earliest.date, series.entries[-1].earliest.date)
    return min(abs(entry.earliest.date - date) for date in dates) <= YEAR


def _same_thread(entry: _Entry, known: _Known) -> list[_Series]:
    """The mail it answers was never seen: where else could it belong? Not where names differ."""
    if entry.above is not None:
        return []
    return [
        series
        for series in known.alike(("thread", entry.lead.root), entry.submitter)
        if entry.marker > series.newest.marker and "" in (entry.name, series.newest.name)
    ]


_RULES: tuple[tuple[Callable[[_Entry, _Known], list[_Series]], bool], ...] = (
    (_patch_it_replaces, False),
    (_same_pull_request, True),
    (_said_to_supersede, True),
    (_same_change_id, True),
    (_answered_with_higher_version, False),
    (_same_name, False),
    (_same_thread, False),
)
"""With each: whether it is a claim, which a maintainer may make for others."""


def _namesakes(entry: _Entry, known: _Known) -> Iterator[_Series]:
    """By whomever, and in whatever version."""
    if entry.name:
        mark = ("name", entry.name)
        for series in (*known.alike(mark, entry.submitter), *known.alike(mark)):
            if _is_within_a_year(entry, series):
                yield series


def _msgid(piece: Piece | None) -> str | None:
    return None if piece is None else piece.msgid


# What its revisions hold


def _chain(series: _Series, entry_of: Mapping[str, _Entry]) -> Chain:
    """Patches sent again are put in place of those of the newest revision before them."""
    revisions: list[ChainedRevision] = []
    base: ChainedRevision | None = None
    numbers: dict[str, int] = {}
    for entry in sorted(series.entries, key=_place):
        if base is None or not entry.is_resend:
            revision = _whole(entry.posting)
            numbers |= {patch.msgid: number for number, patch in revision.slots.items()}
        else:
            revision = _with_resent(entry, base, numbers, entry_of)
        revisions.append(revision)
        if not revision.is_late:
            base = revision
    return Chain(tuple(revisions), series.doubts)


def _whole(posting: Posting) -> ChainedRevision:
    return ChainedRevision(
        posting=posting,
        slots=dict(posting.slots),
        total=posting.total,
        is_resend=False,
        is_late=False,
        is_complete=posting.is_complete,
        strange=tuple(_remarks(posting)),
    )


def _with_resent(
    entry: _Entry, base: ChainedRevision, numbers: dict[str, int], entry_of: Mapping[str, _Entry]
) -> ChainedRevision:
    """Late when all its places hold something higher already."""

    def height(patch: Piece) -> _Place:
        holder = entry_of[patch.msgid]
        return holder.marker, patch.date, holder.steps, patch.msgid

    sent: dict[int, Piece] = {}
    homeless: list[Piece] = []
    for patch in entry.posting.pieces:
        number = _number(patch, entry, base.total, numbers)
        if number is None:
            homeless.append(patch)
        else:
            numbers[patch.msgid] = number
            sent[number] = patch
    higher = {
        number: patch
        for number, patch in sent.items()
        if number not in base.slots or height(base.slots[number]) < height(patch)
    }
    slots = base.slots | (higher or sent)
    remark = f"no place among {base.total} patches for: {_listed(homeless)}"
    return ChainedRevision(
        posting=entry.posting,
        slots=slots,
        total=base.total,
        is_resend=True,
        is_late=not higher,
        is_complete=len(slots) == base.total > 0,
        strange=(remark,) if homeless else (),
    )


def _number(patch: Piece, entry: _Entry, total: int, numbers: Mapping[str, int]) -> int | None:
    """Its own where as many patches are announced, else that of the patch it answers."""
    number = patch.index
    if not is_numbered(patch) or patch.total != total:
        is_head = patch is entry.lead and entry.above is not None
        number = numbers.get(entry.above.msgid) if is_head and entry.above is not None else None
    return number if number is not None and 1 <= number <= total else None


def _remarks(posting: Posting) -> Iterator[str]:
    """In words: what does not fit."""
    unfit: dict[str, list[Piece]] = defaultdict(list)
    for patch in posting.extras:
        unfit[_reason_for_no_slot(patch, posting)].append(patch)
    for piece in posting.pieces:
        if piece.is_cover and piece is not posting.cover:
            unfit["more than one cover letter"].append(piece)
        if not _has_fitting_marker(piece, posting):
            unfit["the version marker does not fit"].append(piece)
    for words, pieces in unfit.items():
        yield f"{words}: {_listed(pieces)}"


def _reason_for_no_slot(patch: Piece, posting: Posting) -> str:
    if not is_numbered(patch):
        return "without a number"
    if patch.index in posting.slots:
        return "a number is held twice"
    return "more patches than announced"


def _has_fitting_marker(piece: Piece, posting: Posting) -> bool:
    if piece.version is None and posting.cover is not None:
        return posting.version is None or posting.cover.has_version_in_name
    return piece.version == posting.version


def _listed(pieces: Sequence[Piece]) -> str:
    names = [f"{p.index}/{p.total}" if is_numbered(p) else p.name for p in pieces[:NAMED_LIMIT]]
    more = len(pieces) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
