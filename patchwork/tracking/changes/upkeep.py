# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be told anew from what is stored, when the rules for telling it have changed.

Each function takes a handful of rows and is one transaction; commands go through a project
handful by handful, and may be stopped and started again at any point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

from django.db import transaction
from django.db.models import Count

from patchwork.databases import insert, until_it_passes
from patchwork.mail import diff as diffs
from patchwork.mail import reading
from patchwork.mail.facts import Unreadable
from patchwork.projects.lock import lock
from patchwork.projects.models import Project
from patchwork.projects.queries import first_state_ids
from patchwork.tracking.changes.arrival import trailer_lines
from patchwork.tracking.changes.counting import count_anew
from patchwork.tracking.changes.decisions import standing_of
from patchwork.tracking.changes.trailers import recount
from patchwork.tracking.models import Mail, MailKind, MailTrailer, Patch, Series
from patchwork.tracking.standing import series_state

SPEAKING = (MailKind.PATCH.value, MailKind.COVER.value, MailKind.COMMENT.value)
"""Kinds of mails whose trailers count."""
RESTATED_AT_ONCE = 500


Size = Callable[[], int]
"""Asked before each handful how large it may be."""


def mail_ids(project: Project, size: Size) -> Iterator[list[int]]:
    """The mails whose trailers count, in handfuls."""
    return _handfuls(partial(_next_mails, project), size)


def patch_ids(project: Project, size: Size) -> Iterator[list[int]]:
    return _handfuls(partial(_next_patches, project), size)


def threads(project: Project, size: Size) -> Iterator[tuple[list[str], int]]:
    """Whole threads, in handfuls of about so many mails: their roots, and how many mails."""
    all_threads = (
        Mail.objects.filter(project=project)
        .exclude(kind=MailKind.GONE)
        .values_list("thread_root")
        .annotate(mails=Count("pk"))
        .order_by("thread_root")
    )
    after = ""
    while True:
        wanted = size()
        roots, count = [], 0
        for root, mails in all_threads.filter(thread_root__gt=after)[:wanted]:
            roots.append(root)
            count += mails
            if count >= wanted:
                break
        if not roots:
            return
        yield roots, count
        after = roots[-1]


def retag(project: Project, mails: Collection[int]) -> int:
    """Read the trailers of these mails anew and count; answers how many mails had other ones."""
    read = _lines_of(mails)
    return until_it_passes(partial(_rewrite_trailers, project, read))


def rehash(project: Project, patches: Collection[int]) -> int:
    """Hash these patches' diffs anew; answers how many had another hash."""
    return until_it_passes(partial(_rewrite_hashes, project, patches))


def recount_patches(project: Project) -> int:
    """Count the project's patches anew; answers how many were counted wrongly."""
    return until_it_passes(partial(_recount_patches, project))


def restate(project: Project) -> int:
    """Tell anew how the project's series stand; answers for how many that was something else.

    After the project's first state, or what a state asks of people, has changed.
    """
    after, differ = 0, 0
    while series_ids := _next_series(project, after):
        differ += until_it_passes(partial(_rewrite_states, project, series_ids))
        after = series_ids[-1]
    return differ


def _next_series(project: Project, after: int) -> list[int]:
    series = Series.objects.filter(project=project, newest__isnull=False, pk__gt=after)
    return list(series.order_by("pk").values_list("pk", flat=True)[:RESTATED_AT_ONCE])


def _rewrite_states(project: Project, series_ids: Collection[int]) -> int:
    with transaction.atomic():
        lock([project.pk])
        first_state_id = first_state_ids([project.pk])[project.pk]
        rows = list(Series.objects.filter(pk__in=series_ids, newest__isnull=False))
        standing = standing_of([series.newest_id for series in rows if series.newest_id])
        differ = []
        for series in rows:
            told = series_state(standing[series.newest_id or 0], first_state_id)
            if told != series.state:
                series.state = told
                differ.append(series)
        Series.objects.bulk_update(differ, ["state"])
        return len(differ)


def _next_mails(project: Project, after: int, size: int) -> list[int]:
    mails = Mail.objects.filter(project=project, kind__in=SPEAKING, pk__gt=after)
    return list(mails.order_by("pk").values_list("pk", flat=True)[:size])


def _next_patches(project: Project, after: int, size: int) -> list[int]:
    patches = Patch.objects.filter(project=project, pk__gt=after)
    return list(patches.order_by("pk").values_list("pk", flat=True)[:size])


def _handfuls(fetch: Callable[[int, int], list[int]], size: Size) -> Iterator[list[int]]:
    handful = fetch(0, size())
    while handful:
        yield handful
        handful = fetch(handful[-1], size())


def _lines_of(mails: Collection[int]) -> dict[int, list[str]]:
    """Mail -> its trailer lines; a mail that cannot be read any more keeps what it has."""
    lines = {}
    for mail in Mail.objects.filter(pk__in=mails).select_related("raw").only("raw"):
        try:
            lines[mail.pk] = trailer_lines(reading.read(mail.raw.raw))
        except Unreadable:
            continue
    return lines


def _rewrite_trailers(project: Project, read: Mapping[int, list[str]]) -> int:
    with transaction.atomic():
        lock([project.pk])
        told = _targets(read.keys())
        stored = _stored_trailers(told.keys())
        differ = [
            pk
            for pk, target in told.items()
            if stored[pk] != sorted((target, line) for line in read[pk])
        ]
        MailTrailer.objects.filter(mail_id__in=differ).delete()
        insert(
            MailTrailer,
            ("mail", "project", "target", "line"),
            [(pk, project.pk, told[pk], line) for pk in differ for line in read[pk]],
        )
        if project.use_tags:
            _recount(project, set(told.values()))
        return len(differ)


def _targets(mails: Collection[int]) -> dict[int, str]:
    """Mail -> Message-ID of what its trailers are about, where they still count."""
    rows = Mail.objects.filter(pk__in=mails, kind__in=SPEAKING)
    return {
        pk: answers if kind == MailKind.COMMENT else msgid
        for pk, kind, msgid, answers in rows.values_list("pk", "kind", "msgid", "answers")
    }


def _stored_trailers(mails: Collection[int]) -> dict[int, list[tuple[str, str]]]:
    stored: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = MailTrailer.objects.filter(mail_id__in=mails)
    for pk, target, line in rows.values_list("mail_id", "target", "line"):
        stored[pk].append((target, line))
    for trailers in stored.values():
        trailers.sort()
    return stored


def _recount(project: Project, targets: Collection[str]) -> None:
    patches = Patch.objects.filter(project=project, mail__msgid__in=targets)
    recount(project, dict(patches.values_list("mail__msgid", "pk")))


def _recount_patches(project: Project) -> int:
    with transaction.atomic():
        lock([project.pk])
        return count_anew(project)


def _rewrite_hashes(project: Project, patches: Collection[int]) -> int:
    with transaction.atomic():
        lock([project.pk])
        differ = []
        for patch in Patch.objects.filter(pk__in=patches).only("diff", "hash"):
            told = (diffs.hash(patch.diff) or "") if patch.diff else ""
            if told != patch.hash:
                patch.hash = told
                differ.append(patch)
        Patch.objects.bulk_update(differ, ["hash"])
        return len(differ)
