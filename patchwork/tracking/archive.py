# SPDX-License-Identifier: GPL-2.0-or-later
"""All mails of a project, as they came, for an archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from patchwork.mail.mbox import entry
from patchwork.projects.models import Project
from patchwork.tracking.models import Mail, MailKind

PAGE = 500
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mail stands in the order of dates, and how large it is."""

    pk: int
    date: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Archive:
    """What is not deleted, and was not moved to another project, the oldest mail first."""

    project: Project
    since: datetime | None = None
    """The first moment that belongs to it."""
    until: datetime | None = None
    """The first moment that does not belong to it any more."""

    def entries(self) -> Iterator[bytes]:
        """The mails as an mbox holds them; a few megabytes of them in memory at a time."""
        batch: list[int] = []
        size = 0
        for place in self._places():
            batch.append(place.pk)
            size += place.size
            if size >= BATCH_BYTES:
                yield from _entries(batch)
                batch, size = [], 0
        yield from _entries(batch)

    def _places(self) -> Iterator[_Place]:
        """By pages: a server-side cursor would not outlive a restart, nor exist everywhere."""
        mails = self._mails().order_by("date", "pk")
        page = _page(mails)
        while page:
            yield from page
            last = page[-1]
            page = _page(mails.filter(Q(date__gt=last.date) | Q(date=last.date, pk__gt=last.pk)))

    def _mails(self) -> QuerySet[Mail]:
        mails = Mail.objects.filter(project=self.project).exclude(kind=MailKind.GONE)
        if self.since is not None:
            mails = mails.filter(date__gte=self.since)
        if self.until is not None:
            mails = mails.filter(date__lt=self.until)
        return mails


def _page(mails: QuerySet[Mail]) -> list[_Place]:
    return [_Place(*row) for row in mails.values_list("pk", "date", "raw__size")[:PAGE]]


def _entries(mail_ids: list[int]) -> Iterator[bytes]:
    mails = Mail.objects.filter(pk__in=mail_ids).select_related("raw", "submitter")
    for mail in mails.order_by("date", "pk"):
        yield entry(mail.raw.raw, mail.submitter.email, mail.date)
