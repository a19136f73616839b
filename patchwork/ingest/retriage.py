# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored mails are sorted anew, by the settings and the rules of today.

Handful by handful of whole threads: the mails are read before the lock is taken, as when mail
comes in. Those that belong to another project are taken in there like mail that comes in, and
leave this one. The others are looked at again: kept ones may be patches, covers or comments now,
and patches may make other series. What people decided, pinned and deleted stays so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from patchwork.checks.changes import hand_over
from patchwork.databases import until_it_passes
from patchwork.ingest.receiving import Delivery, letter, taking
from patchwork.mail import reading
from patchwork.mail.facts import MailFacts, Unreadable
from patchwork.projects.lock import lock
from patchwork.projects.models import Project
from patchwork.tracking.changes.arrival import Arrival
from patchwork.tracking.changes.carrying import carry_over
from patchwork.tracking.changes.removal import lift_tombstones, take_away
from patchwork.tracking.changes.rereading import Said, reread
from patchwork.tracking.changes.second_look import SecondLook
from patchwork.tracking.letters import Fate, Letter, Packed
from patchwork.tracking.models import Mail, MailKind, PostingClaim
from patchwork.tracking.pieces import Claim

PIECES = (MailKind.PATCH.value, MailKind.COVER.value)
BATCH_MAILS = 200
BATCH_BYTES = 4 * 1024 * 1024


class Step(StrEnum):
    """What can be done by itself."""

    MOVES = "moves"
    """Mails that belong to another project go there."""
    KEPT = "kept"
    """Kept mails may be patches, covers or comments now."""
    SERIES = "series"
    """Patches and covers are grouped anew."""


@dataclass(slots=True)
class Report:
    """What became of it."""

    found: Counter[str] = field(default_factory=Counter)
    """Kind -> how many mails are of that kind now and were not before."""
    moved: Counter[str] = field(default_factory=Counter)
    """Project -> how many mails went there."""
    copied: Counter[str] = field(default_factory=Counter)
    """Project -> how many mails are there as well now."""
    stayed: Counter[str] = field(default_factory=Counter)
    """Why mails that belong elsewhere stay -> how many."""
    regrouped: int = 0
    """Patches and covers that are in another series or revision now."""
    lines: list[str] = field(default_factory=list)
    """One for each mail that anything becomes of."""

    def add(self, other: Report) -> None:
        """All but the lines: there may be very many."""
        self.found.update(other.found)
        self.moved.update(other.moved)
        self.copied.update(other.copied)
        self.stayed.update(other.stayed)
        self.regrouped += other.regrouped


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of a mail's content the rules ask for."""

    pk: int
    msgid: str
    projects: Sequence[Project]
    """Those that it belongs to today."""
    said: Said | None
    """When it is a patch or a cover letter."""
    facts: MailFacts | None
    """When it is kept: all that it says."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a mail is, and where it stands."""

    kind: str
    posting_id: int | None
    series_id: int | None


@dataclass(frozen=True, slots=True)
class Retriage:
    """Sorting one project's mails anew."""

    project: Project
    projects: Sequence[Project]
    """All there are."""
    steps: Collection[Step] = frozenset(Step)
    historical: bool = True
    """Nobody is to be told of what turns up."""

    def run(self, roots: Collection[str]) -> Report:
        """Sort the mails of these threads."""
        seen = list(self._read(roots))
        return until_it_passes(partial(self._write, roots, seen))

    # Reading.

    def _read(self, roots: Collection[str]) -> Iterator[_Seen]:
        """One mail at a time: a thread may be long. What cannot be read any more stays as it is."""
        for pk in list(_mails(self.project, roots).values_list("pk", flat=True)):
            mail = Mail.objects.select_related("raw").get(pk=pk)
            try:
                facts = _as_stored(mail, reading.read(mail.raw.raw))
            except Unreadable:
                continue
            yield _Seen(
                mail.pk,
                mail.msgid,
                taking(facts, list(self.projects), Delivery()),
                Said.by(facts, mail.kind, self.project) if mail.kind in PIECES else None,
                facts if mail.kind == MailKind.KEPT else None,
            )

    def _places(self, roots: Collection[str]) -> dict[str, _Place]:
        rows = Mail.objects.filter(project=self.project, thread_root__in=roots).values_list(
            "msgid", "kind", "posting_id", "posting__series_id"
        )
        return {msgid: _Place(kind, posting, series) for msgid, kind, posting, series in rows}

    # Writing.

    def _write(self, roots: Collection[str], seen: Sequence[_Seen]) -> Report:
        report = Report()
        now = timezone.now()
        with transaction.atomic():
            lock({self.project.pk, *(each.pk for one in seen for each in one.projects)})
            before = self._places(roots)
            if Step.MOVES in self.steps:
                self._move(seen, now, report)
            if Step.SERIES in self.steps:
                reread(self.project, {one.msgid: one.said for one in seen if one.said})
            self._look_again(roots, seen, now)
            _compare(before, self._places(roots), report)
        return report

    def _look_again(self, roots: Collection[str], seen: Sequence[_Seen], now: datetime) -> None:
        """Those that are still here."""
        mails = _mails(self.project, roots)
        if Step.KEPT not in self.steps:
            mails = mails.exclude(kind=MailKind.KEPT)
        if Step.SERIES not in self.steps:
            mails = mails.filter(kind=MailKind.KEPT)
        SecondLook(
            self.project,
            list(mails.values_list("msgid", flat=True)),
            now=now,
            historical=self.historical,
            facts={one.msgid: one.facts for one in seen if one.facts},
        ).run()

    # Moving.

    def _move(self, seen: Iterable[_Seen], now: datetime, report: Report) -> None:
        """To every project that they belong to, before they leave this one."""
        leaving: dict[str, str] = {}
        for target in self.projects:
            if target.pk == self.project.pk:
                continue
            wanted = {one.msgid: one for one in seen if target in one.projects}
            if not wanted:
                continue
            arrived = self._take_in(target, wanted, now, report)
            for msgid in sorted(arrived):
                if self.project not in wanted[msgid].projects:
                    leaving[msgid] = target.linkname
        for linkname in set(leaving.values()):
            gone = [msgid for msgid, went_to in leaving.items() if went_to == linkname]
            left = take_away(
                self.project, gone, went_to=linkname, now=now, historical=self.historical
            )
            report.moved[linkname] += len(left)
            report.lines += [f"{msgid}: went to {linkname}" for msgid in sorted(left)]

    def _take_in(
        self, target: Project, wanted: Mapping[str, _Seen], now: datetime, report: Report
    ) -> set[str]:
        """Answers which of them are there now."""
        lift_tombstones(target, wanted.keys())
        fates: dict[str, Fate] = {}
        for letters in self._letters(target, list(wanted.values())):
            arrival = Arrival(target, letters, now=now, historical=self.historical)
            told = arrival.run()
            fates |= {each.facts.msgid: told[each.position] for each in letters}
        there = Mail.objects.filter(project=target, msgid__in=wanted.keys())
        deleted = set(there.filter(kind=MailKind.GONE).values_list("msgid", flat=True))
        arrived = {msgid for msgid, fate in fates.items() if fate is not Fate.USED_TWICE} - deleted
        carried = carry_over(self.project, target, arrived)
        hand_over(target.pk, carried.patches, carried.revisions)
        self._note(target, wanted, fates, deleted, report)
        return arrived

    def _letters(self, target: Project, wanted: Sequence[_Seen]) -> Iterator[list[Letter]]:
        """The mails as they come in there, a few megabytes at a time."""
        origins = _origins([one.pk for one in wanted])
        batch: list[Letter] = []
        size = 0
        for one in wanted:
            mail = Mail.objects.select_related("raw").get(pk=one.pk)
            raw = mail.raw.raw
            facts = _as_stored(mail, reading.read(raw))
            delivery = Delivery(historical=self.historical, origin=origins.get(one.pk, ""))
            batch.append(letter(Packed.of(raw), facts, target, len(batch), delivery))
            size += len(raw)
            if len(batch) == BATCH_MAILS or size > BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _note(
        self,
        target: Project,
        wanted: Mapping[str, _Seen],
        fates: Mapping[str, Fate],
        deleted: Collection[str],
        report: Report,
    ) -> None:
        """What moving will not tell: mails that stay, and those that are in both projects now."""
        for msgid, one in wanted.items():
            belongs_here = self.project in one.projects
            if belongs_here and fates[msgid] in (Fate.DUPLICATE, Fate.USED_TWICE):
                continue
            if msgid in deleted:
                _stays(msgid, f"it was deleted from {target.linkname}", report)
            elif fates[msgid] is Fate.USED_TWICE:
                why = f"{target.linkname} has another mail with its Message-ID"
                _stays(msgid, why, report)
            elif belongs_here:
                report.copied[target.linkname] += 1
                report.lines.append(f"{msgid}: {fates[msgid].value}, in {target.linkname} as well")


def _stays(msgid: str, why: str, report: Report) -> None:
    report.stayed[why] += 1
    report.lines.append(f"{msgid}: stays, {why}")


def _compare(before: Mapping[str, _Place], after: Mapping[str, _Place], report: Report) -> None:
    """What is something else, or stands elsewhere; what went to another project is told already."""
    for msgid, was in before.items():
        now = after[msgid]
        if now == was or now.kind == MailKind.GONE:
            continue
        if now.kind != was.kind:
            report.found[now.kind] += 1
            report.lines.append(f"{msgid}: {was.kind} -> {now.kind}")
        else:
            report.regrouped += 1
            report.lines.append(
                f"{msgid}: series {was.series_id}, revision {was.posting_id} -> "
                f"series {now.series_id}, revision {now.posting_id}"
            )


def _mails(project: Project, roots: Collection[str]) -> QuerySet[Mail]:
    """What is there of these threads."""
    mails = Mail.objects.filter(project=project, thread_root__in=roots)
    return mails.exclude(kind=MailKind.GONE).order_by("date", "pk")


def _as_stored(mail: Mail, facts: MailFacts) -> MailFacts:
    """Its name and its date are what they were when it came in."""
    return replace(facts, msgid=mail.msgid, date=mail.date)


def _origins(mail_ids: Collection[int]) -> dict[int, str]:
    """The pull requests that mails were made from."""
    claims = PostingClaim.objects.filter(mail_id__in=mail_ids, kind=Claim.PULL_REQUEST.value)
    return dict(claims.values_list("mail_id", "value"))
