# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails go to another project, and what people decided about them goes along.

At this moment a mail is in both projects: it has been taken in by the new one, and has not yet
left the old one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from patchwork.events.models import Event
from patchwork.projects.models import Project
from patchwork.tracking.changes.counting import count_changed, kinds_of
from patchwork.tracking.changes.decisions import refresh_series
from patchwork.tracking.models import Comment, Mail, Patch, Revision, Series, SeriesMetadata


@dataclass(frozen=True, slots=True)
class Carried:
    """Old id -> new id."""

    patches: Mapping[int, int]
    revisions: Mapping[int, int]
    """Those of which every mail went."""


def carry_over(old: Project, new: Project, msgids: Collection[str]) -> Carried:
    """Within the caller's transaction. What was decided in the new project goes before."""
    _carry_moments(old, new, msgids)
    _carry_comments(old, new, msgids)
    patches = _carry_patches(old, new, msgids)
    revisions = _revision_pairs(old, new, msgids)
    _carry_series(revisions)
    refresh_series(patches.values())
    return Carried(patches, revisions)


def _carry_moments(old: Project, new: Project, msgids: Collection[str]) -> None:
    """It came in when it came in, whichever project it is in."""
    received: dict[str, datetime] = dict(
        Mail.objects.filter(project=old, msgid__in=msgids).values_list("msgid", "received")
    )
    mails = list(Mail.objects.filter(project=new, msgid__in=msgids).only("msgid", "received"))
    for mail in mails:
        mail.received = min(mail.received, received.get(mail.msgid, mail.received))
    Mail.objects.bulk_update(mails, ["received"])


def _carry_comments(old: Project, new: Project, msgids: Collection[str]) -> None:
    marked = Comment.objects.filter(project=old, mail__msgid__in=msgids, addressed__isnull=False)
    for msgid, addressed in marked.values_list("mail__msgid", "addressed"):
        Comment.objects.filter(project=new, mail__msgid=msgid).update(addressed=addressed)


def _carry_patches(old: Project, new: Project, msgids: Collection[str]) -> dict[int, int]:
    leaving = _patches(old, msgids)
    staying = _patches(new, msgids)
    pairs = {leaving[msgid].pk: staying[msgid].pk for msgid in leaving.keys() & staying.keys()}
    counted = kinds_of(staying.values())
    for msgid in leaving.keys() & staying.keys():
        _decide_likewise(leaving[msgid], staying[msgid])
    count_changed(counted, kinds_of(staying.values()))
    for before, after in pairs.items():
        decisions = Event.objects.filter(patch_id=before, actor__isnull=False)
        decisions.update(patch_id=after, project_id=new.pk, series=None, revision=None)
    return pairs


def _patches(project: Project, msgids: Collection[str]) -> dict[str, Patch]:
    patches = Patch.objects.filter(project=project, mail__msgid__in=msgids).select_related("mail")
    return {patch.mail.msgid: patch for patch in patches.defer("content", "diff")}


def _decide_likewise(old: Patch, new: Patch) -> None:
    if old.state_set_by_human and not new.state_set_by_human:
        new.state_id, new.state_set_by_human = old.state_id, True
    new.delegate_id = new.delegate_id or old.delegate_id
    new.commit_ref = new.commit_ref or old.commit_ref
    new.archived = new.archived or old.archived
    new.save(update_fields=["state", "state_set_by_human", "delegate", "commit_ref", "archived"])


def _revision_pairs(old: Project, new: Project, msgids: Collection[str]) -> dict[int, int]:
    """Revisions that are made of the same mails here and there."""
    leaving = _mails_by_posting(old, msgids)
    staying = {frozenset(mails): pk for pk, mails in _mails_by_posting(new, msgids).items()}
    return {
        pk: staying[frozenset(mails)]
        for pk, mails in leaving.items()
        if frozenset(mails) in staying
    }


def _mails_by_posting(project: Project, msgids: Collection[str]) -> dict[int, set[str]]:
    postings = Mail.objects.filter(project=project, msgid__in=msgids, posting__isnull=False)
    mails: dict[int, set[str]] = defaultdict(set)
    rows = Mail.objects.filter(posting__in=postings.values("posting")).order_by()
    for posting_id, msgid in rows.values_list("posting_id", "msgid"):
        assert posting_id is not None
        mails[posting_id].add(msgid)
    return mails


def _carry_series(revisions: Mapping[int, int]) -> None:
    """The reviewer and other systems' facts, where a whole series went."""
    rows = Revision.objects.filter(pk__in={*revisions, *revisions.values()})
    series_of = {
        pk: series_id for pk, series_id in rows.values_list("pk", "series_id") if series_id
    }
    pairs = {series_of[before]: series_of[after] for before, after in revisions.items()}
    for before, after in pairs.items():
        if Revision.objects.filter(series_id=before).exclude(pk__in=revisions).exists():
            continue
        reviewer = Series.objects.filter(pk=before).values_list("reviewer_id", flat=True).first()
        if reviewer is not None:
            Series.objects.filter(pk=after, reviewer=None).update(reviewer_id=reviewer)
        known = SeriesMetadata.objects.filter(series_id=after).values_list("name", flat=True)
        SeriesMetadata.objects.filter(series_id=before).exclude(name__in=list(known)).update(
            series_id=after
        )
