# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is asked to review a series, and that they hear of it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.people.notices import notify, whole_address
from patchwork.projects.lock import lock
from patchwork.tracking.models import Series
from patchwork.tracking.queries.titles import title_of

_REQUESTED = """\
{actor} asks you to review this series:

  {name}
  by {submitter}

{address}
"""
_DROPPED = """\
You are not asked any more to review this series:

  {name}
  by {submitter}

{address}
"""


def set_reviewer(
    series: Series, reviewer: AbstractBaseUser | None, actor: AbstractBaseUser | None
) -> None:
    """Ask somebody to review a series, or nobody. Every write moves ``last_updated``.

    Who is asked now, and who was before, gets a mail; nobody is told what he did himself.
    """
    reviewer_id = reviewer.pk if reviewer else None

    def write() -> None:
        with transaction.atomic():
            lock([series.project_id])
            fresh = Series.objects.select_related("submitter").get(pk=series.pk)
            before_id, fresh.reviewer_id = fresh.reviewer_id, reviewer_id
            fresh.last_updated = timezone.now()
            fresh.save(update_fields=["reviewer", "last_updated"])
            if before_id != reviewer_id:
                _tell(fresh, before_id, reviewer_id, actor)

    until_it_passes(write)
    series.refresh_from_db()


def touch(series: Series) -> None:
    """A write that changes nothing but when the series was written last."""

    def write() -> None:
        with transaction.atomic():
            lock([series.project_id])
            Series.objects.filter(pk=series.pk).update(last_updated=timezone.now())

    until_it_passes(write)
    series.refresh_from_db()


def _tell(
    series: Series,
    before_id: int | None,
    reviewer_id: int | None,
    actor: AbstractBaseUser | None,
) -> None:
    actor_id = actor.pk if actor else None
    ids = {pk for pk in (before_id, reviewer_id) if pk not in (None, actor_id)}
    accounts = get_user_model().objects.in_bulk(ids)
    name = title_of(series)
    words = {
        "actor": actor.get_username() if actor else "Patchwork",
        "name": name,
        "submitter": str(series.submitter),
        "address": whole_address(reverse("series", args=[series.pk])),
    }
    if reviewer_id in accounts:
        notify(accounts[reviewer_id], f"Review request for {name}", _REQUESTED.format(**words))
    if before_id in accounts:
        subject = f"Review request dropped for {name}"
        notify(accounts[before_id], subject, _DROPPED.format(**words))
