# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches, covers, comments and revisions as programs read them: by ids, plain, many at a time.

Rows are named tuples, not model instances: a program asks for hundreds of them at once, and for
what hangs on each. Every question takes a fixed number of statements.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db.models import Model, QuerySet

from patchwork.databases import column, moment, places, rows, select, table
from patchwork.mail import headers as header_block
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    Patch,
    PatchTag,
    RawMail,
    Revision,
    RevisionPatch,
    Series,
    SeriesDependency,
    SeriesMetadata,
)
from patchwork.tracking.queries.mails import bracketed

HEADER_BLOCK_LIMIT = 256 * 1024
"""How much of a mail is looked at for its header block."""
HEADER_LIMIT = 16 * 1024


class Mention(NamedTuple):
    """A patch, a cover letter or a comment as other things mention it."""

    id: int
    project_id: int
    msgid: str
    date: datetime
    name: str


class RevisionMention(NamedTuple):
    """A revision as its patches mention it."""

    id: int
    series_id: int
    number: int
    project_id: int
    name: str
    date: datetime
    version: int


class PatchRecord(NamedTuple):
    """A patch without its long texts."""

    id: int
    project_id: int
    msgid: str
    date: datetime
    name: str
    mail_id: int
    posting_id: int | None
    state: str
    archived: bool
    hash: str
    commit_ref: str
    pull_url: str
    submitter_id: int
    submitter_name: str
    submitter_email: str
    delegate_id: int | None
    relation_id: int | None


class CoverRecord(NamedTuple):
    """A cover letter without its text."""

    id: int
    project_id: int
    msgid: str
    date: datetime
    name: str
    posting_id: int | None
    submitter_id: int
    submitter_name: str
    submitter_email: str


class CommentRecord(NamedTuple):
    """What somebody said about a patch or a cover letter."""

    id: int
    project_id: int
    msgid: str
    date: datetime
    name: str
    patch_id: int | None
    cover_id: int | None
    submitter_id: int
    submitter_name: str
    submitter_email: str
    in_reply_to: str
    raw_id: int
    content: str
    addressed: bool | None


class RevisionRecord(NamedTuple):
    """What one posting made of a series."""

    id: int
    series_id: int
    number: int
    project_id: int
    name: str
    date: datetime
    version: int
    total: int
    is_complete: bool
    submitter_id: int
    submitter_name: str
    submitter_email: str


class LongTexts(NamedTuple):
    """What only the one who asks for a single patch or cover letter is told."""

    content: str
    diff: str | None
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Holders:
    """The revisions that a patch stands in."""

    mentions: tuple[RevisionMention, ...] = ()
    """Those that came by mail: first the one that the patch was sent for."""
    newest_id: int | None = None
    """Of all of them, also those made to be tested again."""


_PATCH = (
    *("id", "project_id", "mail__msgid", "date", "name", "mail_id", "mail__posting_id"),
    *("state__slug", "archived", "hash", "commit_ref", "pull_url"),
    *("submitter_id", "submitter__name", "submitter__email", "delegate_id", "relation_id"),
)
_COVER = (
    *("id", "project_id", "mail__msgid", "date", "name", "mail__posting_id"),
    *("submitter_id", "submitter__name", "submitter__email"),
)
_COMMENT = (
    *("id", "project_id", "mail__msgid", "date", "mail__subject", "patch_id", "cover_id"),
    *("submitter_id", "submitter__name", "submitter__email"),
    *("mail__in_reply_to", "mail__raw_id", "content", "addressed"),
)
_MENTION = ("id", "project_id", "mail__msgid", "date", "name")
_COMMENT_MENTION = ("id", "project_id", "mail__msgid", "date", "mail__subject")
_REVISION = (
    *("id", "series_id", "number", "project_id", "name", "date", "marker", "is_resend"),
    *("total", "is_complete", "submitter_id", "submitter__name", "submitter__email"),
)
_HOLDER = (
    *("patch_id", "revision_id", "revision__series_id", "revision__number"),
    *("revision__project_id", "revision__name", "revision__date", "revision__marker"),
    *("revision__is_resend", "revision__rerun_of_id"),
)
_SLOT_PATCH = (
    *("revision_id", "number", "patch_id", "patch__project_id", "patch__mail__msgid"),
    *("patch__date", "patch__name"),
)
_DATE = 3
"""Where the date stands in all records of mails."""

Record = TypeVar("Record", PatchRecord, CoverRecord, CommentRecord, Mention)


def patch_records(patch_ids: Sequence[int]) -> list[PatchRecord]:
    """In the order of the ids; so are those below."""
    return _by_ids(Patch, _PATCH, PatchRecord._make, patch_ids)


def cover_records(cover_ids: Sequence[int]) -> list[CoverRecord]:
    return _by_ids(Cover, _COVER, CoverRecord._make, cover_ids)


def comment_records(comment_ids: Sequence[int]) -> list[CommentRecord]:
    return _by_ids(Comment, _COMMENT, CommentRecord._make, comment_ids)


def patch_mentions(patch_ids: Collection[int]) -> dict[int, Mention]:
    return _mentions(Patch, _MENTION, patch_ids)


def cover_mentions(cover_ids: Collection[int]) -> dict[int, Mention]:
    return _mentions(Cover, _MENTION, cover_ids)


def comment_mentions(comment_ids: Collection[int]) -> dict[int, Mention]:
    return _mentions(Comment, _COMMENT_MENTION, comment_ids)


def _mentions(
    model: type[Model], names: tuple[str, ...], ids: Collection[int]
) -> dict[int, Mention]:
    found = _by_ids(model, names, Mention._make, [*ids]) if ids else []
    return {mention.id: mention for mention in found}


def _by_ids(
    model: type[Model],
    names: tuple[str, ...],
    make: Callable[[Iterable[Any]], Record],
    ids: Sequence[int],
) -> list[Record]:
    found = rows(model, names, f"{column(model, 'id')} IN {places(ids)}", [*ids])
    by_id = {row[0]: make(row)._replace(date=moment(row[_DATE])) for row in found}
    return [by_id[row_id] for row_id in ids if row_id in by_id]


def revision_records(revision_ids: Sequence[int]) -> list[RevisionRecord]:
    where = f"{column(Revision, 'id')} IN {places(revision_ids)}"
    found = rows(Revision, _REVISION, where, [*revision_ids])
    named = _named([_Unnamed(*row[:8]) for row in found])
    by_id = {
        row[0]: RevisionRecord(*named[row[0]], row[8], bool(row[9]), *row[10:]) for row in found
    }
    return [by_id[revision_id] for revision_id in revision_ids if revision_id in by_id]


def revision_mentions(revision_ids: Collection[int]) -> dict[int, RevisionMention]:
    if not revision_ids:
        return {}
    where = f"{column(Revision, 'id')} IN {places(revision_ids)}"
    return _named([_Unnamed(*row) for row in rows(Revision, _REVISION[:8], where, [*revision_ids])])


def holders_of(postings: Mapping[int, int | None]) -> dict[int, Holders]:
    """Patch id -> the revisions that hold it. ``postings``: patch id -> what it was sent for."""
    where = f"{column(RevisionPatch, 'patch')} IN {places(postings)}"
    found = [row for row in rows(RevisionPatch, _HOLDER, where, [*postings]) if row[2]]
    mentions = _named({row[1]: _Unnamed(*row[1:9]) for row in found if row[9] is None}.values())
    held: dict[int, list[RevisionMention]] = defaultdict(list)
    newest: dict[int, tuple[int, int]] = {}
    for row in found:
        patch_id, revision_id, number = row[0], row[1], row[3]
        newest[patch_id] = max(newest.get(patch_id, (0, 0)), (number, revision_id))
        if revision_id in mentions:
            held[patch_id].append(mentions[revision_id])
    for patch_id, holders in held.items():
        holders.sort(key=lambda each: (each.id != postings[patch_id], each.id))
    return {
        patch_id: Holders(tuple(held[patch_id]), newest.get(patch_id, (0, None))[1])
        for patch_id in postings
    }


class _Unnamed(NamedTuple):
    """A revision as it is stored: a name and a version marker are not always there."""

    id: int
    series_id: int
    number: int
    project_id: int
    name: str
    date: Any
    marker: int | None
    is_resend: Any


def _named(revisions: Iterable[_Unnamed]) -> dict[int, RevisionMention]:
    """Id -> the revision, by its first patch's name where it has none of its own.

    Its version is that of its posting; a part sent again without one counts on from what it amends.
    """
    revisions = list(revisions)
    names = _first_names([each.id for each in revisions if not each.name])
    amending = {each.series_id for each in revisions if each.is_resend and each.marker is None}
    counted = _counted_on(amending) if amending else {}
    return {
        each.id: RevisionMention(
            *each[:4],
            each.name or names.get(each.id, ""),
            moment(each.date),
            each.marker or counted.get(each.id, 1),
        )
        for each in revisions
    }


def _first_names(revision_ids: Collection[int]) -> dict[int, str]:
    if not revision_ids:
        return {}
    where = (
        f"{column(RevisionPatch, 'revision')} IN {places(revision_ids)}"
        f" AND {column(RevisionPatch, 'number')} = 1"
    )
    return dict(rows(RevisionPatch, ("revision_id", "patch__mail__name"), where, [*revision_ids]))


def _counted_on(series_ids: Collection[int]) -> dict[int, int]:
    """The version of each revision of these series."""
    revisions = Revision.objects.filter(series_id__in=series_ids).order_by("series_id", "number")
    versions: dict[int, int] = {}
    before: tuple[int, int] = (0, 0)
    for pk, series_id, marker, is_resend in revisions.values_list(
        "id", "series_id", "marker", "is_resend"
    ):
        follows = before[1] + 1 if is_resend and before[0] == series_id else 1
        versions[pk] = marker or follows
        before = (series_id, versions[pk])
    return versions


def patches_in(revision_ids: Collection[int]) -> defaultdict[int, list[Mention]]:
    """Revision id -> its patches, in the order in which they apply."""
    slots: defaultdict[int, list[tuple[int, Mention]]] = defaultdict(list)
    where = f"{column(RevisionPatch, 'revision')} IN {places(revision_ids)}"
    for row in rows(RevisionPatch, _SLOT_PATCH, where, [*revision_ids]):
        mention = Mention._make((*row[2:5], moment(row[5]), row[6]))
        slots[row[0]].append((row[1], mention))
    found: defaultdict[int, list[Mention]] = defaultdict(list)
    for revision_id, held in slots.items():
        found[revision_id] = [mention for _, mention in sorted(held)]
    return found


def covers_of(revision_ids: Collection[int]) -> dict[int, Mention]:
    """Revision id -> the letter that came with it."""
    where = (
        f"{column(Mail, 'posting')} IN {places(revision_ids)} AND {column(Mail, 'kind')} = %s"
        f" ORDER BY {column(Cover, 'date')} DESC, {column(Cover, 'id')} DESC"
    )
    names = ("posting_id", "cover__id", "project_id", "msgid", "cover__date", "cover__name")
    found = rows(Mail, names, where, [*revision_ids, MailKind.COVER.value])
    return {row[0]: Mention._make((*row[1:4], moment(row[4]), row[5])) for row in found if row[1]}


def related_to(patches: Collection[PatchRecord]) -> defaultdict[int, list[Mention]]:
    """Relation id -> the patches that are about the same thing."""
    found: defaultdict[int, list[Mention]] = defaultdict(list)
    relations = {patch.relation_id for patch in patches if patch.relation_id}
    if relations:
        where = f"{column(Patch, 'relation')} IN {places(relations)}"
        for row in rows(Patch, (*_MENTION, "relation_id"), where, [*relations]):
            found[row[-1]].append(Mention._make(row[:-1])._replace(date=moment(row[_DATE])))
    for related in found.values():
        related.sort()
    return found


def tags_of(patch_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Patch id -> tag -> how many trailers of that kind it has."""
    where = f"{column(PatchTag, 'patch')} IN {places(patch_ids)}"
    found: dict[int, dict[str, int]] = {}
    for patch_id, tag, count in rows(
        PatchTag, ("patch_id", "tag__name", "count"), where, [*patch_ids]
    ):
        if count:
            found.setdefault(patch_id, {})[tag] = count
    return found


def dependencies_of(revisions: Sequence[RevisionRecord]) -> dict[int, list[int]]:
    """Revision id -> the revisions that its series says it builds on, as far as they have come."""
    said = SeriesDependency.objects.filter(series_id__in={each.series_id for each in revisions})
    values = list(said.order_by("pk").values_list("series_id", "value"))
    if not values:
        return {}
    postings = Mail.objects.filter(
        project_id__in={each.project_id for each in revisions},
        msgid__in={bracketed(value) for _, value in values},
        posting__series__isnull=False,
    ).values_list("project_id", "msgid", "posting_id")
    posting_of = {(project_id, msgid): posting for project_id, msgid, posting in postings}
    found: dict[int, list[int]] = {}
    for revision in revisions:
        named = (
            posting_of.get((revision.project_id, bracketed(value)))
            for series_id, value in values
            if series_id == revision.series_id
        )
        found[revision.id] = list(dict.fromkeys(pk for pk in named if pk is not None))
    return found


def dependents_of(revisions: Sequence[RevisionRecord]) -> dict[int, list[int]]:
    """Revision id -> the newest revisions of the series that say they build on it."""
    msgid, value = column(Mail, "msgid"), column(SeriesDependency, "value")
    saying = select(
        f"SELECT {column(Mail, 'posting')}, {column(Mail, 'project')},"  # noqa: S608 (names)
        f" {column(SeriesDependency, 'series')} FROM {table(Mail)}"
        f" JOIN {table(SeriesDependency)}"
        f" ON {value} IN ({msgid}, SUBSTR({msgid}, 2, LENGTH({msgid}) - 2))"
        f" WHERE {column(Mail, 'posting')} IN {places(revisions)}",
        [revision.id for revision in revisions],
    )
    if not saying:
        return {}
    newest = {
        (pk, project_id): newest_id or pk
        for pk, project_id, newest_id in Series.objects.filter(
            pk__in={series_id for _, _, series_id in saying}
        ).values_list("pk", "project_id", "newest_id")
    }
    found: defaultdict[int, set[int]] = defaultdict(set)
    for revision_id, project_id, series_id in saying:
        if (series_id, project_id) in newest:
            found[revision_id].add(newest[series_id, project_id])
    return {revision_id: sorted(dependents) for revision_id, dependents in found.items()}


def posted() -> QuerySet[Revision]:
    """The revisions that came by mail: no copies made to have one tested again."""
    return Revision.objects.filter(rerun_of=None, series__isnull=False)


def neighbours_of(
    revisions: Sequence[RevisionRecord],
) -> dict[int, tuple[int | None, int | None]]:
    """Revision id -> the postings of its series before and after it."""
    postings = posted().filter(series_id__in={each.series_id for each in revisions})
    in_order: defaultdict[int, list[int]] = defaultdict(list)
    for series_id, pk in postings.order_by("number").values_list("series_id", "pk"):
        if series_id is not None:
            in_order[series_id].append(pk)
    found: dict[int, tuple[int | None, int | None]] = {}
    for beside in in_order.values():
        padded = [None, *beside, None]
        found |= {pk: (padded[at], padded[at + 2]) for at, pk in enumerate(beside)}
    return found


def metadata_of(series_ids: Collection[int]) -> defaultdict[int, dict[str, str]]:
    """Series id -> what other systems keep of it, by name."""
    found: defaultdict[int, dict[str, str]] = defaultdict(dict)
    facts = SeriesMetadata.objects.filter(series_id__in=series_ids).order_by("name")
    for series_id, name, value in facts.values_list("series_id", "name", "value"):
        found[series_id][name] = value
    return found


def long_texts_of_patch(patch_id: int) -> LongTexts:
    content, diff, raw_id = Patch.objects.values_list("content", "diff", "mail__raw_id").get(
        pk=patch_id
    )
    return LongTexts(content, diff, headers_of([raw_id])[raw_id])


def long_texts_of_cover(cover_id: int) -> LongTexts:
    content, raw_id = Cover.objects.values_list("content", "mail__raw_id").get(pk=cover_id)
    return LongTexts(content, None, headers_of([raw_id])[raw_id])


def headers_of(raw_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """The header block of each mail; what stands there several times is several lines."""
    found = {}
    mails = RawMail.objects.filter(pk__in=raw_ids).values_list("pk", "compressed")
    for raw_id, compressed in mails:
        head = zlib.decompressobj().decompress(bytes(compressed), HEADER_BLOCK_LIMIT)
        values: dict[str, list[str]] = {}
        for name, value in header_block.split(head)[0].pairs(HEADER_LIMIT):
            values.setdefault(name, []).append(value)
        found[raw_id] = {name: "\n".join(each) for name, each in values.items()}
    return found
