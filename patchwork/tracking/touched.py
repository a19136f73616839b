# SPDX-License-Identifier: GPL-2.0-or-later
"""Loading what an arrival touches: mails it names, threads it joins, series it may continue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Model, Q

from patchwork.databases import attributes, column, moment, places, revive, select, table
from patchwork.tracking.models import (
    Mail,
    MailKind,
    MailReference,
    Pin,
    PostingClaim,
    Revision,
    RevisionPatch,
    Series,
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
    "patch__state_id",
    "patch__state__action_required",
    "patch__state_set_by_human",
)
_SLOT_FIELDS = (
    "revision_id",
    "number",
    "patch_id",
    "patch__mail__msgid",
    "patch__state_id",
    "patch__state__action_required",
    "patch__state_set_by_human",
)
_SERIES_FIELDS = tuple(f"series__{name}" for name in attributes(Series))


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
    state_id: int | None
    action_required: bool | None
    state_set_by_human: bool | None

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


def recognised(
    project_id: int, arrived: Collection[str], referred: Collection[str]
) -> tuple[dict[str, Known], list[tuple[int, str, int]]]:
    """The mails among these that have been seen, and (row, Message-ID, mail) for references to
    those that arrived, kept until they would: one statement, as every mail asks this."""
    msgids = {*arrived, *referred}
    of_reference = dict.fromkeys(_FIELDS, "NULL") | {
        "pk": column(MailReference, "id"),
        "msgid": column(MailReference, "msgid"),
        "raw_id": column(MailReference, "mail"),
    }
    rows = select(
        f"{_head(connection.vendor, Mail, _FIELDS)}"  # noqa: S608 (names)
        f" WHERE {_of_project('msgid', msgids)}"
        f" UNION ALL SELECT {', '.join(of_reference.values())} FROM {table(MailReference)}"
        f" WHERE {column(MailReference, 'project')} = %s"
        f" AND {column(MailReference, 'msgid')} IN {places(arrived)}",
        [project_id, *msgids, project_id, *arrived],
    )
    kind, mail = _FIELDS.index("kind"), _FIELDS.index("raw_id")
    waiting = [(row[0], row[1], row[mail]) for row in rows if row[kind] is None]
    return _by_msgid(Known(*row) for row in rows if row[kind] is not None), waiting


def by_msgid(project_id: int, msgids: Collection[str]) -> dict[str, Known]:
    """The mails among these that have been seen."""
    return _known((_of_project("msgid", msgids), [project_id, *msgids]))


def by_thread(project_id: int, roots: Collection[str]) -> dict[str, Known]:
    return _known((_of_project("thread_root", roots), [project_id, *roots]))


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


def pieces_near(
    project_id: int, new: Iterable[Piece], person_ids: Collection[int]
) -> dict[str, Known]:
    """The patches and cover letters that the new ones may belong with: one statement.

    Those of the same threads; those that carry the same name, of the same sender; and, for mails
    that refer to nothing, those sent within the hour.
    """
    new = list(new)
    roots = {piece.root for piece in new}
    keys = {piece.key for piece in new if piece.key}
    loose = [piece for piece in new if piece.parent is None and (piece.total or 1) > 1]
    conditions: list[Condition] = [
        (f"{_of_project('thread_root', roots)} AND {_is_piece()}", [project_id, *roots])
    ]
    if keys:
        named = f"{_in('submitter', person_ids)} AND {_in('key', keys)}"
        conditions.append(
            (f"{_of_project()} AND {_is_piece()} AND {named}", [project_id, *person_ids, *keys])
        )
    conditions += [
        (
            f"{_of_project()} AND {_is_piece()} AND {_in('submitter', person_ids)}"
            f" AND {_column('in_reply_to')} = '' AND {_column('date')} BETWEEN %s AND %s",
            [project_id, *person_ids, *map(connection.ops.adapt_datetimefield_value, hours)],
        )
        for hours in _about(piece.date for piece in loose)
    ]
    return _known(*conditions)


def pieces_named_by(project_id: int, claims: Collection[tuple[Claim, str]]) -> dict[str, Known]:
    """The patches and cover letters that share a claim, or that one names."""
    wanted = Q()
    for claim, value in claims:
        wanted |= Q(claims__kind=claim.value, claims__value=value)
        if claim is Claim.SUPERSEDES:
            wanted |= Q(msgid=value)
    mails = Mail.objects.filter(wanted, project_id=project_id, kind__in=PIECES)
    return by_msgid(project_id, set(mails.values_list("msgid", flat=True)))


def series_named(project_id: int, keys: Collection[str], but: Collection[str]) -> dict[str, int]:
    """Key -> the series that a mail of this name was sent for last; ``but`` not these mails."""
    mails = Mail.objects.filter(project_id=project_id, key__in=keys, posting__isnull=False)
    rows = mails.order_by().values_list("date", "key", "posting__series_id", "msgid")
    # Sorted here: told to sort, SQLite walks through all mails of the project by date.
    return {key: series_id for _, key, series_id, msgid in sorted(rows) if msgid not in but}


def pieces_of(revision_ids: Collection[int]) -> dict[str, Known]:
    return _known((f"{_in('posting', revision_ids)} AND {_is_piece()}", list(revision_ids)))


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
    own = attributes(Revision)
    rows = select(
        f"{_head(connection.vendor, Revision, (*own, *_SERIES_FIELDS))}"
        f" WHERE {column(Revision, 'series')} IN {places(series_ids)}"
        f" ORDER BY {column(Revision, 'id')}",
        list(series_ids),
    )
    revisions = []
    for row in rows:
        revision = revive(Revision, row[: len(own)])
        revision.series = revive(Series, row[len(own) :])
        revisions.append(revision)
    return revisions


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
    rows = select(
        f"{_head(connection.vendor, RevisionPatch, _SLOT_FIELDS)}"
        f" WHERE {column(RevisionPatch, 'revision')} IN {places(revision_ids)}"
        f" ORDER BY {column(RevisionPatch, 'revision')}, {column(RevisionPatch, 'number')}",
        list(revision_ids),
    )
    return [Slot(*(*row[:5], bool(row[5]), bool(row[6]))) for row in rows]


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


def _about(dates: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Within an hour of one of these dates, in as few ranges as possible."""
    ranges: list[tuple[datetime, datetime]] = []
    for date in sorted(dates):
        if ranges and date - LOOSE <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], date + LOOSE)
        else:
            ranges.append((date - LOOSE, date + LOOSE))
    return ranges


Condition = tuple[str, list[Any]]
"""What stands behind WHERE, and its values."""


def _column(name: str) -> str:
    return column(Mail, name)


def _in(name: str, values: Sized) -> str:
    return f"{_column(name)} IN {places(values)}"


def _of_project(name: str = "", values: Sized = ()) -> str:
    mine = f"{_column('project')} = %s"
    return f"{mine} AND {_in(name, values)}" if name else mine


def _is_piece() -> str:
    return f"{_column('kind')} IN ('patch', 'cover')"


@lru_cache
def _head(vendor: str, model: type[Model], fields: tuple[str, ...]) -> str:
    """Columns and joins, compiled once: every mail asks at least once."""
    rows = model._default_manager.order_by().values_list(*fields)
    return rows.query.sql_with_params()[0]


def _known(*conditions: Condition) -> dict[str, Known]:
    head = _head(connection.vendor, Mail, _FIELDS)
    statement = " UNION ALL ".join(f"{head} WHERE {where}" for where, _ in conditions)
    values = [value for _, values in conditions for value in values]
    return _by_msgid(Known(*row) for row in select(statement, values))


def _by_msgid(told: Iterable[Known]) -> dict[str, Known]:
    """As Django would give them: drivers have their own ideas of times and truth."""
    found = {}
    for known in told:
        known.date = moment(known.date)
        known.has_claims = bool(known.has_claims)
        found[known.msgid] = known
    return found
