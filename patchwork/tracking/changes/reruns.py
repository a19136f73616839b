# SPDX-License-Identifier: GPL-2.0-or-later
"""Having a revision tested again: a copy of it is announced, and whoever tests takes it up."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from patchwork.databases import insert, until_it_passes
from patchwork.events import log
from patchwork.events.log import Happening
from patchwork.events.models import EventKind
from patchwork.projects.lock import lock
from patchwork.tracking.models import Revision, RevisionPatch, Series

_SAME = ("series_id", "project_id", "name", "submitter_id", "date", "marker", "total", "strange")


class NotTheNewest(ValueError):
    """Only the newest complete revision can be tested again; the message says which one it is."""


def rerun(revision: Revision, actor: AbstractBaseUser) -> Revision:
    """Copy a revision, which has to be its series' newest complete one, and announce the copy.

    It has the same patches and no test results; how the patches stand stays as it is.
    """

    def write() -> Revision:
        with transaction.atomic():
            lock([revision.project_id])
            series = Series.objects.filter(newest=revision.pk).first()
            if series is None:
                raise NotTheNewest(_why_not(revision))
            copy = _copied(Revision.objects.get(pk=revision.pk), series)
            series.newest, series.version, series.test_state = copy, copy.number, None
            series.last_updated = timezone.now()
            series.save(update_fields=["newest", "version", "test_state", "last_updated"])
            log.record([_announced(copy, actor)])
            return copy

    return until_it_passes(write)


def _copied(original: Revision, series: Series) -> Revision:
    copy = Revision(
        **{name: getattr(original, name) for name in _SAME},
        number=_make_room(series),
        is_complete=True,
        announced=True,
        rerun_of_id=original.rerun_of_id or original.pk,
    )
    copy.save(force_insert=True)
    slots = RevisionPatch.objects.filter(revision=original).order_by("number", "pk")
    places = slots.values_list("patch_id", "number")
    insert(
        RevisionPatch,
        ("revision", "patch", "number"),
        [(copy.pk, patch_id, number) for patch_id, number in places],
    )
    return copy


def _make_room(series: Series) -> int:
    """The number behind the newest one, or behind those that came late and keep theirs.

    Nobody was told the number of a revision that is not complete: it moves on.
    """
    revisions = Revision.objects.filter(series=series)
    fixed = Q(announced=True) | Q(is_late=True)
    number = max(revisions.filter(fixed).values_list("number", flat=True)) + 1
    waiting = revisions.exclude(fixed).filter(number__gte=number)
    if moving := list(waiting.values_list("pk", flat=True)):
        # Numbers are unique at every moment, so they go by way of what no number is.
        Revision.objects.filter(pk__in=moving).update(number=-F("number") - 1)
        Revision.objects.filter(pk__in=moving).update(number=-F("number"))
    return number


def _announced(copy: Revision, actor: AbstractBaseUser) -> Happening:
    return Happening(
        EventKind.SERIES_NEW_REVISION,
        copy.project_id,
        actor_id=actor.pk,
        series_id=copy.series_id,
        revision_id=copy.pk,
        parameters={"revision": copy.number},
    )


def _why_not(revision: Revision) -> str:
    newest = Revision.objects.filter(series=revision.series_id, pk=F("series__newest")).first()
    if newest is None:
        return f"Revision {revision.number} is not complete yet."
    return f"Revision {revision.number} is not the newest one; that is {newest.number}."
