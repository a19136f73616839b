# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the database, in words that do not depend on the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import transaction

from patchwork.models import Comment, Mail, Revision, Series


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo all that happens inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def structure(who: str | None = None) -> dict[str, Any]:
    """Grouping, the order of each series' revisions, its newest one, and what comments are about.

    Ids, numbers and events are left out: they tell of the order of arrival.
    """
    series = Series.objects.select_related("submitter")
    if who is not None:
        series = series.filter(submitter__email=who)
    comments = Comment.objects.select_related("mail", "patch__mail", "cover__mail")
    if who is not None:
        comments = comments.filter(submitter__email=who)
    return {
        "series": sorted(_series(each) for each in series),
        "comments": sorted(
            (each.mail.msgid, (each.patch or each.cover).mail.msgid)  # type: ignore[union-attr]
            for each in comments
        ),
    }


def _series(series: Series) -> tuple[Any, ...]:
    revisions = sorted(series.revisions.all(), key=_work_order)
    newest = series.newest
    return (
        tuple(_revision(revision) for revision in revisions),
        _slots(newest) if newest else None,
        series.state,
    )


def _work_order(revision: Revision) -> tuple[Any, ...]:
    first = min(revision.mails.all(), key=lambda mail: (mail.date, mail.msgid))
    return (revision.marker or 1, first.date, first.msgid)


def _revision(revision: Revision) -> tuple[Any, ...]:
    return (
        tuple(sorted(Mail.objects.filter(posting=revision).values_list("msgid", flat=True))),
        revision.is_complete,
        revision.total,
    )


def _slots(revision: Revision) -> tuple[tuple[int, str], ...]:
    return tuple(revision.slots.order_by("number").values_list("number", "patch__mail__msgid"))


def tables() -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    return {
        model._meta.db_table: sorted(map(repr, model._default_manager.values_list()))
        for model in apps.get_app_config("patchwork").get_models()
    }
