# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails leave a project: deleted by a person, or because they belong to another one.

What leaves leaves a tombstone, the Mail row of kind GONE, that keeps it from coming in again; its
bytes stay. What answered it is looked at again, and its series without it: revisions and series
that have no mail any more go, too.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
from patchwork.projects.lock import lock
from patchwork.projects.models import Project
from patchwork.projects.queries import for_ingest
from patchwork.tracking import touched
from patchwork.tracking.changes.counting import counted
from patchwork.tracking.changes.decisions import refresh_series
from patchwork.tracking.changes.second_look import SecondLook
from patchwork.tracking.changes.trailers import recount
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    MailReference,
    MailTrailer,
    Patch,
    PatchRelation,
    Pin,
    PostingClaim,
    Revision,
    RevisionPatch,
    Series,
)
from patchwork.tracking.touched import Known

logger = logging.getLogger(__name__)


def remove_mails(mails: Iterable[Mail], actor: AbstractBaseUser | None) -> int:
    """Delete mails for good, with the patches, covers and comments that they are.

    Answers how many were there to delete. Neither dialect has an event for it; the server's log
    says who did it.
    """
    by_project: dict[int, list[str]] = defaultdict(list)
    for mail in mails:
        by_project[mail.project_id].append(mail.msgid)
    return sum(
        until_it_passes(partial(_remove, project_id, msgids, actor))
        for project_id, msgids in by_project.items()
    )


def remove_mail(mail: Mail, actor: AbstractBaseUser | None) -> None:
    """Delete one."""
    remove_mails([mail], actor)


def take_away(
    project: Project,
    msgids: Collection[str],
    *,
    now: datetime,
    went_to: str = "",
    actor: AbstractBaseUser | None = None,
    historical: bool = False,
) -> set[str]:
    """Within the caller's transaction, under the project's lock; answers which were there.

    ``went_to``: the project they are in now; nothing when they were deleted.
    """
    leaving = {
        msgid: known
        for msgid, known in touched.by_msgid(project.pk, msgids).items()
        if known.kind != MailKind.GONE
    }
    if leaving:
        series_ids = _series_touched(leaving)
        _leave_tombstones(leaving, went_to)
        _vacate(leaving, series_ids)
        left_behind = _left_behind(project, leaving, series_ids)
        actor_id = actor.pk if actor else None
        SecondLook(project, left_behind, now=now, historical=historical, actor_id=actor_id).run()
        _delete_words(project, leaving, now)
        _take_back(project, series_ids, now, historical)
    return set(leaving)


def lift_tombstones(project: Project, msgids: Collection[str]) -> None:
    """Mails that went to another project may come back; those that people deleted may not.

    What refers to them waits for them again, as if they had never been seen.
    """
    lifted = Mail.objects.filter(project=project, msgid__in=msgids, kind=MailKind.GONE)
    lifted = lifted.exclude(went_to="")
    found = dict(lifted.values_list("msgid", "thread_root"))
    if not found:
        return
    beside = Mail.objects.filter(project=project, thread_root__in=set(found.values()))
    MailReference.objects.bulk_create(
        MailReference(project=project, msgid=reference, mail_id=pk)
        for pk, references in beside.exclude(kind=MailKind.GONE).values_list("pk", "references")
        for reference in references.split()
        if reference in found
    )
    lifted.delete()


def _remove(project_id: int, msgids: Collection[str], actor: AbstractBaseUser | None) -> int:
    with transaction.atomic():
        lock([project_id])
        project = next(each for each in for_ingest() if each.pk == project_id)
        removed = take_away(project, msgids, now=timezone.now(), actor=actor)
    for msgid in sorted(removed):
        logger.info("%s was deleted from %s by %s", msgid, project.linkname, actor or "the system")
    return len(removed)


def _series_touched(leaving: Mapping[str, Known]) -> set[int]:
    """The series that they were sent for, or have a place in."""
    patch_ids = [known.patch_id for known in leaving.values() if known.patch_id]
    held = RevisionPatch.objects.filter(patch_id__in=patch_ids)
    series_ids = set(held.values_list("revision__series_id", flat=True))
    return series_ids | {known.series_id for known in leaving.values() if known.series_id}


def _leave_tombstones(leaving: Mapping[str, Known], went_to: str) -> None:
    ids = [known.pk for known in leaving.values()]
    Mail.objects.filter(pk__in=ids).update(
        kind=MailKind.GONE, went_to=went_to, answers="", posting=None, has_claims=False
    )
    for model in (MailTrailer, PostingClaim, Pin, MailReference):
        model.objects.filter(mail_id__in=ids).delete()


def _vacate(leaving: Mapping[str, Known], series_ids: Collection[int]) -> None:
    """Clear the patches' places, and the revisions and series that no mail is left of.

    A revision that misses a patch is not complete, although it may have been announced so.
    """
    patch_ids = [known.patch_id for known in leaving.values() if known.patch_id]
    postings = {known.posting_id for known in leaving.values() if known.posting_id}
    places = RevisionPatch.objects.filter(patch_id__in=patch_ids)
    broken = set(places.values_list("revision_id", flat=True))
    Revision.objects.filter(pk__in=broken).update(is_complete=False)
    places.delete()
    Revision.objects.filter(pk__in=postings, mails__isnull=True).delete()
    with_mails = set(
        Revision.objects.filter(series_id__in=series_ids, mails__isnull=False).values_list(
            "series_id", flat=True
        )
    )
    Series.objects.filter(pk__in=set(series_ids) - with_mails).delete()


def _left_behind(
    project: Project, leaving: Mapping[str, Known], series_ids: Collection[int]
) -> set[str]:
    """What answered them, and what is left of their series."""
    mails = Mail.objects.filter(project=project).exclude(kind=MailKind.GONE)
    answering = mails.filter(answers__in=leaving.keys(), thread_root__in=_roots(leaving))
    left = mails.filter(posting__series_id__in=series_ids)
    return {*answering.values_list("msgid", flat=True), *left.values_list("msgid", flat=True)}


def _roots(leaving: Mapping[str, Known]) -> set[str]:
    return {known.thread_root for known in leaving.values()}


def _delete_words(project: Project, leaving: Mapping[str, Known], now: datetime) -> None:
    """The rows of what they were. Nothing hangs on them any more but what goes with them."""
    ids = [known.pk for known in leaving.values()]
    relations = set(
        Patch.objects.filter(mail_id__in=ids, relation__isnull=False).values_list(
            "relation_id", flat=True
        )
    )
    Comment.objects.filter(mail_id__in=ids).delete()
    Cover.objects.filter(mail_id__in=ids).delete()
    patch_ids = [known.patch_id for known in leaving.values() if known.patch_id]
    with counted(patch_ids):
        Patch.objects.filter(pk__in=patch_ids).delete()
    _dissolve(relations)
    _tell_what_they_answered(project, leaving, now)


def _dissolve(relations: Collection[int]) -> None:
    """A set of one is none."""
    sizes = PatchRelation.objects.filter(pk__in=relations).annotate(size=Count("patches"))
    PatchRelation.objects.filter(
        pk__in=[relation.pk for relation in sizes if relation.size < 2]
    ).delete()


def _tell_what_they_answered(project: Project, leaving: Mapping[str, Known], now: datetime) -> None:
    """A comment that is gone takes its trailers with it, and moves its series."""
    answered = {known.answers for known in leaving.values() if known.kind == MailKind.COMMENT}
    targets = touched.by_msgid(project.pk, answered - {""})
    if project.use_tags:
        recount(project, {msgid: known.patch_id for msgid, known in targets.items()})
    series_ids = {known.series_id for known in targets.values() if known.series_id}
    Series.objects.filter(pk__in=series_ids).update(last_updated=now)


def _take_back(
    project: Project, series_ids: Collection[int], now: datetime, historical: bool
) -> None:
    """Patches that were superseded by what is gone are the newest again: they start anew."""
    superseded_id = project.superseding_state_id  # type: ignore[attr-defined]
    first_id = project.first_state_id  # type: ignore[attr-defined]
    newest = Series.objects.filter(pk__in=series_ids, newest__isnull=False).values("newest")
    patches = Patch.objects.filter(
        places__revision__in=newest, state=superseded_id, state_set_by_human=False
    )
    patch_ids = sorted(set(patches.values_list("pk", flat=True)))
    if not patch_ids or superseded_id == first_id:
        return
    with counted(patch_ids):
        Patch.objects.filter(pk__in=patch_ids).update(state=first_id, last_updated=now)
    refresh_series(patch_ids)
    log.record(
        [
            Happening(
                EventKind.PATCH_STATE_CHANGED,
                project.pk,
                patch_id=patch_id,
                parameters={"previous_state": superseded_id, "new_state": first_id},
                historical=historical,
            )
            for patch_id in patch_ids
        ]
    )
