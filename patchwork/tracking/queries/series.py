# SPDX-License-Identifier: GPL-2.0-or-later
"""One series, looked at in one of its revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    Patch,
    Revision,
    Series,
    SeriesMetadata,
)
from patchwork.tracking.queries.mails import bracketed
from patchwork.tracking.queries.places import Change, Place, places_of, slots_of
from patchwork.tracking.queries.said import Result, TagCount, comments_on, results_on, sum_up
from patchwork.tracking.queries.titles import titles_of


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a series says it builds on; the series is None as long as it has not come."""

    value: str
    series: Series | None
    title: str


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series, looked at in one of its revisions."""

    series: Series
    title: str
    revision: Revision
    revisions: tuple[Revision, ...]
    before: Revision | None
    """The revision that this one is compared with."""
    places: tuple[Place, ...]
    dropped: tuple[Patch, ...]
    """Patches of the revision before that nothing here stands for."""
    cover: Cover | None
    cover_comments: tuple[Comment, ...]
    covered_by: Revision | None
    """The revision before whose letter introduces this one, too, when it has none of its own."""
    tags: tuple[TagCount, ...]
    results: tuple[Result, ...]
    dependencies: tuple[Dependency, ...]
    metadata: tuple[SeriesMetadata, ...]
    possibly_continues: Dependency | None
    """The series that this one may be the next revision of; a person decides."""

    @property
    def missing(self) -> Iterator[int]:
        """Numbers of the patches that were announced and have not come; there may be millions."""
        here = {place.number for place in self.places}
        return (number for number in range(1, self.revision.total + 1) if number not in here)

    @property
    def added(self) -> int:
        return sum(place.change is Change.NEW for place in self.places)

    @property
    def kept(self) -> int:
        return sum(place.change is Change.CARRIED for place in self.places)

    @property
    def replaced(self) -> int:
        return sum(place.change is Change.REPLACED for place in self.places)


def find_series(series_id: int) -> Series | None:
    related = ("project", "submitter", "reviewer", "possibly_continues")
    return Series.objects.select_related(*related).filter(pk=series_id).first()


def find_revision(revision_id: int) -> Revision | None:
    return Revision.objects.filter(pk=revision_id, series__isnull=False).first()


def view_series(series: Series, number: int | None = None) -> SeriesView | None:
    """A series in the revision of that number, or in its newest complete one (or newest at all)."""
    revisions = tuple(series.revisions.select_related("submitter").order_by("number"))
    revision = _revision_to_show(series, revisions, number)
    if revision is None:
        return None
    before = _revision_before(revision, revisions)
    slots = slots_of([one.pk for one in (revision, before) if one])
    cover = _cover_of(revision)
    places, dropped = places_of(slots[revision.pk], slots[before.pk] if before else None)
    depends_on = _depends_on(series)
    continues = series.possibly_continues
    titles = titles_of(one for one in (series, continues, *depends_on.values()) if one)
    return SeriesView(
        series=series,
        title=titles[series.pk],
        revision=revision,
        revisions=revisions,
        before=before,
        places=places,
        dropped=dropped,
        cover=cover,
        cover_comments=comments_on(cover),
        covered_by=_covered_by(revision, revisions) if cover is None else None,
        tags=sum_up([place.tags for place in places]),
        results=results_on(Revision, [revision.pk])[revision.pk],
        dependencies=tuple(
            Dependency(value, on, titles[on.pk] if on else "") for value, on in depends_on.items()
        ),
        metadata=tuple(series.metadata.order_by("name")),
        possibly_continues=Dependency("", continues, titles[continues.pk]) if continues else None,
    )


def _depends_on(series: Series) -> dict[str, Series | None]:
    """What a series says it builds on -> the series that it means, once that has come."""
    values = list(series.dependencies.order_by("pk").values_list("value", flat=True))
    mails = Mail.objects.filter(
        project_id=series.project_id,
        msgid__in=[bracketed(value) for value in values],
        posting__series__isnull=False,
    )
    found = {mail.msgid: mail.posting for mail in mails.select_related("posting__series")}
    postings = {value: found.get(bracketed(value)) for value in values}
    return {value: posting.series if posting else None for value, posting in postings.items()}


def revision_of(series: Series, number: int | None = None) -> Revision | None:
    """The revision of that number, or the newest complete one (or the newest at all)."""
    return _revision_to_show(series, list(series.revisions.order_by("number")), number)


def _revision_to_show(
    series: Series, revisions: Sequence[Revision], number: int | None
) -> Revision | None:
    if number is not None:
        return next((one for one in revisions if one.number == number), None)
    newest = (one for one in revisions if one.pk == series.newest_id)
    return next(newest, revisions[-1] if revisions else None)


def _revision_before(revision: Revision, revisions: Sequence[Revision]) -> Revision | None:
    """What a revision is compared with: the one before it that is complete, if any is."""
    earlier = [one for one in revisions if one.number < revision.number and not one.is_late]
    candidates = [one for one in earlier if one.is_complete] or earlier
    return candidates[-1] if candidates else None


def _cover_of(revision: Revision) -> Cover | None:
    """The letter that came with a revision; one that is tested again has that of its original."""
    posting = revision.rerun_of_id or revision.pk
    covers = Cover.objects.filter(mail__posting=posting, mail__kind=MailKind.COVER)
    return covers.select_related("mail", "submitter").order_by("date", "pk").first()


def _covered_by(revision: Revision, revisions: Sequence[Revision]) -> Revision | None:
    earlier = {one.pk: one for one in revisions if one.number < revision.number}
    covers = Mail.objects.filter(posting__in=earlier, kind=MailKind.COVER)
    newest = covers.order_by("-posting__number").values_list("posting_id", flat=True).first()
    return earlier.get(newest or 0)
