# SPDX-License-Identifier: GPL-2.0-or-later
"""Loading what an arrival touches: mails it names, threads it joins, series it may continue."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from patchwork.tracking.models import (
    Mail,
    MailKind,
    MailReference,
    Pin,
    PostingClaim,
    Revision,
    RevisionPatch,
)
from patchwork.tracking.pieces import Claim, Piece, Pins
from patchwork.tracking.settling import Held

LOOSE = timedelta(hours=1)
"""How far apart mails that refer to nothing may be to have been sent as one."""

PIECES = (MailKind.PATCH.value, MailKind.COVER.value)

_FIELDS = (
    "pk",
    "msgid",
    "thread_root",
    "references",
    "answers",
    "kind",
    "submitter_id",
    "submitter__user_id",
    "submitter__email_key",
    "date",
    "subject",
    "posting_id",
    "posting__series_id",
    "patch__pk",
    "cover__pk",
    "name",
    "key",
    "number",
    "total",
    "version",
    "has_claims",
    "raw_id",
)


@dataclass(slots=True)
class Known:
    """A mail that is stored already, with what hangs on it."""

    pk: int
    msgid: str
    thread_root: str
    references_text: str
    answers: str
    kind: str
    submitter_id: int
    user_id: int | None
    email_key: str
    date: datetime
    subject: str
    posting_id: int | None
    series_id: int | None
    patch_id: int | None
    cover_id: int | None
    name: str
    key: str
    number: int | None
    total: int | None
    version: int | None
    has_claims: bool
    raw_id: int

    @property
    def references(self) -> list[str]:
        return self.references_text.split()

    @property
    def identity(self) -> int:
        return identity(self.submitter_id, self.user_id)

    @property
    def is_piece(self) -> bool:
        return self.kind in PIECES


def identity(person_id: int, user_id: int | None) -> int:
    """Equal for a person's addresses once they are linked to one account."""
    return person_id if user_id is None else -user_id


def by_msgid(project_id: int, msgids: Collection[str]) -> dict[str, Known]:
    """The mails among these that have been seen."""
    return _known(Mail.objects.filter(project_id=project_id, msgid__in=msgids))


def by_thread(project_id: int, roots: Collection[str]) -> dict[str, Known]:
    return _known(Mail.objects.filter(project_id=project_id, thread_root__in=roots))


def piece(known: Known, *, answers: str | None = None) -> Piece:
    """A stored patch or cover letter in the words of grouping."""
    return Piece(
        msgid=known.msgid,
        is_cover=known.kind == MailKind.COVER,
        submitter=known.identity,
        date=known.date,
        root=known.thread_root,
        parent=known.references[-1] if known.references_text else None,
        answers=(known.answers if answers is None else answers) or None,
        index=known.number,
        total=known.total,
        version=known.version,
        name=known.name,
        key=known.key,
    )


def waiting_for(project_id: int, msgids: Collection[str]) -> list[tuple[int, str, int]]:
    """(row, Message-ID, mail) for references to mails that had not been seen."""
    rows = MailReference.objects.filter(project_id=project_id, msgid__in=msgids)
    return list(rows.values_list("pk", "msgid", "mail_id"))


def pieces_near(
    project_id: int, new: Iterable[Piece], person_ids: Collection[int]
) -> dict[str, Known]:
    """The patches and cover letters that the new ones may belong with: one query.

    Those of the same threads; those that carry the same name, of the same sender; and, for mails
    that refer to nothing, those sent within the hour.
    """
    new = list(new)
    roots = {piece.root for piece in new}
    keys = {piece.key for piece in new if piece.key}
    loose = [piece for piece in new if piece.parent is None and (piece.total or 1) > 1]
    pieces = Mail.objects.filter(project_id=project_id, kind__in=PIECES)
    queries = [pieces.filter(thread_root__in=roots)]
    if keys:
        queries.append(pieces.filter(submitter_id__in=person_ids, key__in=keys))
    if loose:
        queries.append(
            pieces.filter(
                _about(piece.date for piece in loose),
                submitter_id__in=person_ids,
                in_reply_to="",
                total__in={piece.total for piece in loose},
            )
        )
    first, *others = (query.values_list(*_FIELDS).order_by() for query in queries)
    rows = first.union(*others, all=True) if others else first
    return {known.msgid: known for known in (Known(*row) for row in rows)}


def pieces_named_by(project_id: int, claims: Collection[tuple[Claim, str]]) -> dict[str, Known]:
    """The patches and cover letters that share a claim, or that one names."""
    wanted = Q()
    for claim, value in claims:
        wanted |= Q(claims__kind=claim.value, claims__value=value)
        if claim is Claim.SUPERSEDES:
            wanted |= Q(msgid=value)
    return _known(Mail.objects.filter(wanted, project_id=project_id, kind__in=PIECES).distinct())


def pieces_of(revision_ids: Collection[int]) -> dict[str, Known]:
    return _known(Mail.objects.filter(posting_id__in=revision_ids, kind__in=PIECES))


def claims_of(mail_ids: Collection[int]) -> dict[int, tuple[tuple[Claim, str], ...]]:
    claims: dict[int, list[tuple[Claim, str]]] = {}
    rows = PostingClaim.objects.filter(mail_id__in=mail_ids).order_by("pk")
    for mail_id, kind, value in rows.values_list("mail_id", "kind", "value"):
        claims.setdefault(mail_id, []).append((Claim(kind), value))
    return {mail_id: tuple(said) for mail_id, said in claims.items()}


def pins_of(mail_ids: Collection[int]) -> Pins:
    """What people decided about these mails."""
    pins = Pins()
    for pin in Pin.objects.filter(mail_id__in=mail_ids).select_related("mail"):
        if pin.posting_of:
            pins.posting_of[pin.mail.msgid] = pin.posting_of
        if pin.stands_alone or pin.continues:
            pins.continues[pin.mail.msgid] = None if pin.stands_alone else pin.continues
    return pins


def revisions_of(series_ids: Collection[int]) -> list[Revision]:
    """All revisions of these series, with their series."""
    return list(
        Revision.objects.filter(series_id__in=series_ids).select_related("series").order_by("pk")
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """A patch's place in a stored revision, and how the patch stands."""

    revision_id: int
    number: int
    patch_id: int
    msgid: str
    state_id: int
    action_required: bool
    state_set_by_human: bool


def slots_of(revision_ids: Collection[int]) -> list[Slot]:
    rows = RevisionPatch.objects.filter(revision_id__in=revision_ids).order_by(
        "revision_id", "number"
    )
    return [
        Slot(*row)
        for row in rows.values_list(
            "revision_id",
            "number",
            "patch_id",
            "patch__mail__msgid",
            "patch__state_id",
            "patch__state__action_required",
            "patch__state_set_by_human",
        )
    ]


def held(revisions: Iterable[Revision], slots: Iterable[Slot]) -> list[Held]:
    """The stored revisions in the words of ``settling``."""
    places: dict[int, dict[int, str]] = {}
    for slot in slots:
        places.setdefault(slot.revision_id, {})[slot.number] = slot.msgid
    return [
        Held(
            id=revision.pk,
            series_id=revision.series_id or revision.pk,
            number=revision.number,
            announced=revision.announced,
            is_late=revision.is_late,
            is_complete=revision.is_complete,
            slots=places.get(revision.pk, {}),
            rerun_of=revision.rerun_of_id,
        )
        for revision in revisions
    ]


def _about(dates: Iterable[datetime]) -> Q:
    """Within an hour of one of these dates, as few ranges as possible."""
    ranges: list[list[datetime]] = []
    for date in sorted(dates):
        if ranges and date - LOOSE <= ranges[-1][1]:
            ranges[-1][1] = date + LOOSE
        else:
            ranges.append([date - LOOSE, date + LOOSE])
    wanted = Q()
    for start, end in ranges:
        wanted |= Q(date__range=(start, end))
    return wanted


def _known(mails: QuerySet[Mail]) -> dict[str, Known]:
    return {known.msgid: known for known in (Known(*row) for row in mails.values_list(*_FIELDS))}
