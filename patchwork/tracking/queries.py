# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about series, revisions and patches: the doors ask here, and nothing changes.

Each answer takes a fixed number of statements, however many rows it is about, and no list reads
a diff or a commit message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Sum

from patchwork.people.models import Person
from patchwork.projects.models import Project, State, Tag
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    MailTrailer,
    Patch,
    PatchTag,
    RawMail,
    Revision,
    RevisionPatch,
    Series,
    SeriesMetadata,
    SeriesState,
)

COUNT_LIMIT = 10_000
"""Counting stops here; a page then says "more than 10,000"."""

INCOMPLETE_TITLE = "Incomplete Series"

_LONG_TEXTS = ("content", "diff")

Row = TypeVar("Row", bound=Model)


class Archived(StrEnum):
    """Whether a list shows what was put away."""

    NO = "no"
    YES = "yes"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SeriesSelection:
    """Which of a project's series are wanted."""

    states: frozenset[SeriesState] = frozenset(SeriesState)
    patch_state: State | None = None
    """Its newest revision has a patch in this state."""
    submitter: Person | None = None
    submitter_text: str = ""
    text: str = ""
    archived: Archived = Archived.NO


@dataclass(frozen=True, slots=True)
class PatchSelection:
    """Which of a project's patches are wanted."""

    action_required: bool = False
    """Only those that still wait for somebody."""
    state: State | None = None
    submitter: Person | None = None
    submitter_text: str = ""
    text: str = ""
    archived: Archived = Archived.NO


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many patches of a revision are in a state."""

    state: State
    count: int


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many trailers of a kind there are, and on how many of how many patches."""

    tag: Tag
    trailers: int
    patches: int
    of: int

    @property
    def is_everywhere(self) -> bool:
        return 0 < self.of <= self.patches


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series in a list."""

    series: Series
    title: str
    received: int
    """Patches that are here, of the newest complete revision or else of the newest one."""
    announced: int
    states: tuple[StateCount, ...]
    tags: tuple[TagCount, ...]

    @property
    def is_complete(self) -> bool:
        return self.series.newest_id is not None


@dataclass(frozen=True, slots=True)
class PatchRow:
    """A patch in a list."""

    patch: Patch
    tags: tuple[TagCount, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The latest result of a test."""

    test_name: str
    state: str
    url: str
    summary: str
    date: datetime


class Change(StrEnum):
    """What became of a place in a revision, seen from the revision before it."""

    CARRIED = "carried"
    """The very same mail."""
    REPLACED = "replaced"
    """Another mail for what the revision before had, too."""
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Place:
    """A patch at its number in a revision, with what a table shows of it."""

    number: int
    patch: Patch
    tags: tuple[TagCount, ...]
    comments: int
    results: tuple[Result, ...]
    change: Change | None = None
    """None in a first revision."""
    replaces: Patch | None = None


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


@dataclass(frozen=True, slots=True)
class Version:
    """What a revision has for one patch."""

    revision: Revision
    patch: Patch


@dataclass(frozen=True, slots=True)
class PatchView:
    """A patch among the others of its newest revision."""

    patch: Patch
    series: Series | None
    series_title: str
    revision: Revision | None
    """The newest one that holds it; None as long as it stands nowhere."""
    number: int
    previous: Patch | None
    next: Patch | None
    versions: tuple[Version, ...]
    """The patch in each revision of its series, oldest first; the same one can stand in several."""
    comments: tuple[Comment, ...]
    trailers: tuple[MailTrailer, ...]
    """Given by others."""
    tags: tuple[TagCount, ...]
    results: tuple[Result, ...]


# Projects


def list_projects() -> QuerySet[Project]:
    return Project.objects.order_by("name")


def count_open_series() -> dict[int, int]:
    """Project id -> how many of its series still wait for something."""
    counts = (
        Series.objects.exclude(state=SeriesState.DONE)
        .values_list("project_id")
        .annotate(count=Count("pk"))
    )
    return dict(counts.order_by())


def find_project(linkname: str) -> Project | None:
    return Project.objects.filter(linkname=linkname).first()


def states_of(project: Project) -> list[State]:
    """The states that a project shows, in their order."""
    return list(project.states.all()) or list(State.objects.all())


def shown_tags() -> list[Tag]:
    """The trailers that lists have a column for."""
    return list(Tag.objects.filter(show_column=True))


def find_person(person_id: int) -> Person | None:
    return Person.objects.filter(pk=person_id).first()


# Lists


def count_up_to_limit(rows: QuerySet[Row]) -> int:
    """How many there are; one more than ``COUNT_LIMIT`` stands for any number above it."""
    return rows.order_by()[: COUNT_LIMIT + 1].count()


def select_series(project: Project, selection: SeriesSelection) -> QuerySet[Series]:
    rows = Series.objects.filter(project=project).select_related("submitter", "reviewer")
    if selection.states != frozenset(SeriesState):
        rows = rows.filter(state__in=sorted(selection.states))
    if selection.patch_state:
        rows = rows.filter(_has_patch(patch__state=selection.patch_state))
    if selection.text:
        text = selection.text
        rows = rows.filter(Q(name__icontains=text) | _has_patch(patch__name__icontains=text))
    if selection.archived is not Archived.BOTH:
        put_away = ~_has_patch(patch__archived=False) & Q(newest__isnull=False)
        rows = rows.filter(put_away if selection.archived is Archived.YES else ~put_away)
    return rows.filter(_sent_by(selection.submitter, selection.submitter_text))


def _has_patch(**conditions: object) -> Exists:
    """The newest complete revision of a series has such a patch."""
    places = RevisionPatch.objects.filter(revision=OuterRef("newest"), **conditions)
    return Exists(places.order_by())


def _sent_by(submitter: Person | None, text: str) -> Q:
    if submitter:
        return Q(submitter=submitter)
    if text:
        return Q(submitter__name__icontains=text) | Q(submitter__email__icontains=text)
    return Q()


def series_rows(series: Sequence[Series]) -> list[SeriesRow]:
    """What a list shows of these series."""
    titles = titles_of(series)
    newest = {one.newest_id for one in series if one.newest_id is not None}
    states = _states_in(newest)
    tags = _tags_in(newest)
    counts = _received_by_incomplete([one.pk for one in series if one.newest_id is None])
    return [
        SeriesRow(
            series=one,
            title=titles[one.pk],
            received=counts[one.pk][0] if one.newest_id is None else one.n_patches,
            announced=counts[one.pk][1] if one.newest_id is None else one.n_patches,
            states=tuple(states[one.newest_id or 0]),
            tags=tuple(
                TagCount(tag, trailers, patches, one.n_patches)
                for tag, trailers, patches in tags[one.newest_id or 0]
            ),
        )
        for one in series
    ]


def titles_of(series: Iterable[Series]) -> dict[int, str]:
    """Series id -> what pages and mails call it.

    A series without a cover letter has no name of its own: it is known by its first patch, and
    before that one can be told, as incomplete.
    """
    series = list(series)
    nameless = [one for one in series if not one.name and one.newest_id is not None]
    wanted = {pk for one in nameless for pk in (one.pk, one.newest_id) if pk is not None}
    first_patches = dict(
        RevisionPatch.objects.filter(revision_id__in=wanted, number=1)
        .order_by("-pk")
        .values_list("revision_id", "patch__mail__name")
    )
    return {one.pk: _title(one, first_patches) for one in series}


def title_of(series: Series) -> str:
    return titles_of([series])[series.pk]


def _title(series: Series, first_patches: Mapping[int, str]) -> str:
    if series.name:
        return series.name
    first = first_patches.get(series.pk) or first_patches.get(series.newest_id or 0)
    return f"series starting with {first}" if first else INCOMPLETE_TITLE


def _states_in(revision_ids: Collection[int]) -> defaultdict[int, list[StateCount]]:
    """Revision id -> the states of its patches."""
    counts = (
        RevisionPatch.objects.filter(revision_id__in=revision_ids)
        .values_list("revision_id", "patch__state_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    states = {state.pk: state for state in State.objects.all()}
    found: defaultdict[int, list[StateCount]] = defaultdict(list)
    for revision_id, state_id, count in counts:
        found[revision_id].append(StateCount(states[state_id], count))
    for of_revision in found.values():
        of_revision.sort(key=lambda one: one.state.ordering)
    return found


def _tags_in(revision_ids: Collection[int]) -> defaultdict[int, list[tuple[Tag, int, int]]]:
    """Revision id -> (tag, trailers, patches) for each tag that has a column."""
    counts = (
        RevisionPatch.objects.filter(revision_id__in=revision_ids, patch__tag_counts__count__gt=0)
        .values_list("revision_id", "patch__tag_counts__tag_id")
        .annotate(trailers=Sum("patch__tag_counts__count"), patches=Count("patch_id"))
        .order_by()
    )
    sums = {(revision, tag): (trailers, patches) for revision, tag, trailers, patches in counts}
    tags = shown_tags()
    found: defaultdict[int, list[tuple[Tag, int, int]]] = defaultdict(
        lambda: [(tag, 0, 0) for tag in tags]
    )
    for revision_id in revision_ids:
        found[revision_id] = [(tag, *sums.get((revision_id, tag.pk), (0, 0))) for tag in tags]
    return found


def _received_by_incomplete(series_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Series id -> (received, announced) of its newest revision: none of them is complete."""
    revisions = (
        Revision.objects.filter(series_id__in=series_ids)
        .annotate(received=Count("slots"))
        .order_by("number")
        .values_list("series_id", "received", "total")
    )
    found = dict.fromkeys(series_ids, (0, 0))
    found.update((series_id, (received, total)) for series_id, received, total in revisions)
    return found


def select_patches(project: Project, selection: PatchSelection) -> QuerySet[Patch]:
    rows = Patch.objects.filter(project=project)
    rows = rows.select_related("state", "submitter", "delegate").defer(*_LONG_TEXTS)
    if selection.state:
        rows = rows.filter(state=selection.state)
    elif selection.action_required:
        rows = rows.filter(state__action_required=True)
    if selection.text:
        rows = rows.filter(name__icontains=selection.text)
    if selection.archived is not Archived.BOTH:
        rows = rows.filter(archived=selection.archived is Archived.YES)
    return rows.filter(_sent_by(selection.submitter, selection.submitter_text))


def patch_rows(patches: Sequence[Patch]) -> list[PatchRow]:
    tags = _tags_on([patch.pk for patch in patches])
    return [PatchRow(patch, tags[patch.pk]) for patch in patches]


def _tags_on(patch_ids: Collection[int]) -> dict[int, tuple[TagCount, ...]]:
    """Patch id -> its count for each tag that has a column."""
    tags = shown_tags()
    counts = {
        (patch_id, tag_id): count
        for patch_id, tag_id, count in PatchTag.objects.filter(patch_id__in=patch_ids).values_list(
            "patch_id", "tag_id", "count"
        )
    }
    return {
        patch_id: tuple(
            TagCount(tag, count, int(count > 0), 1)
            for tag in tags
            for count in [counts.get((patch_id, tag.pk), 0)]
        )
        for patch_id in patch_ids
    }


# One series


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
    slots = _slots_of([one.pk for one in (revision, before) if one])
    cover = _cover_of(revision)
    places, dropped = _places(slots[revision.pk], slots[before.pk] if before else None)
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
        cover_comments=_comments_on(cover),
        covered_by=_covered_by(revision, revisions) if cover is None else None,
        tags=_sum_up([place.tags for place in places]),
        results=_results_on(Revision, [revision.pk])[revision.pk],
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
        msgid__in=[_bracketed(value) for value in values],
        posting__series__isnull=False,
    )
    found = {mail.msgid: mail.posting for mail in mails.select_related("posting__series")}
    postings = {value: found.get(_bracketed(value)) for value in values}
    return {value: posting.series if posting else None for value, posting in postings.items()}


def _sum_up(tags: Sequence[Sequence[TagCount]]) -> tuple[TagCount, ...]:
    """What the patches of a revision have together."""
    return tuple(
        TagCount(
            of_one_kind[0].tag,
            trailers=sum(one.trailers for one in of_one_kind),
            patches=sum(one.patches for one in of_one_kind),
            of=len(of_one_kind),
        )
        for of_one_kind in zip(*tags, strict=True)
    )


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


def _slots_of(revision_ids: Collection[int]) -> defaultdict[int, list[RevisionPatch]]:
    slots: defaultdict[int, list[RevisionPatch]] = defaultdict(list)
    related = ("patch__state", "patch__delegate", "patch__submitter", "patch__mail")
    found = RevisionPatch.objects.filter(revision_id__in=revision_ids).select_related(*related)
    for slot in found.defer(*(f"patch__{name}" for name in _LONG_TEXTS)).order_by("number", "pk"):
        slots[slot.revision_id].append(slot)
    return slots


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


def _comments_on(target: Patch | Cover | None) -> tuple[Comment, ...]:
    if target is None:
        return ()
    comments = Comment.objects.filter(**{"patch" if isinstance(target, Patch) else "cover": target})
    return tuple(comments.select_related("mail", "submitter").order_by("date", "pk"))


def _places(
    slots: Sequence[RevisionPatch], before: Sequence[RevisionPatch] | None
) -> tuple[tuple[Place, ...], tuple[Patch, ...]]:
    """The places of a revision, and what the one before had that is found here no more."""
    patches = [slot.patch for slot in slots]
    tags = _tags_on([patch.pk for patch in patches])
    comments = _count_comments([patch.pk for patch in patches])
    results = _results_on(Patch, [patch.pk for patch in patches])
    earlier = pair(slots, before or [])
    places = tuple(
        Place(
            number=slot.number,
            patch=slot.patch,
            tags=tags[slot.patch_id],
            comments=comments.get(slot.patch_id, 0),
            results=results[slot.patch_id],
            change=None if before is None else _change(slot, earlier.get(slot.patch_id)),
            replaces=earlier.get(slot.patch_id),
        )
        for slot in slots
    )
    stood_for = {patch.pk for patch in earlier.values()}
    dropped = tuple(slot.patch for slot in before or [] if slot.patch_id not in stood_for)
    return places, dropped


def _change(slot: RevisionPatch, earlier: Patch | None) -> Change:
    if earlier is None:
        return Change.NEW
    return Change.CARRIED if earlier.pk == slot.patch_id else Change.REPLACED


def pair(slots: Sequence[RevisionPatch], before: Sequence[RevisionPatch]) -> dict[int, Patch]:
    """Patch id -> the patch of the other revision that it stands for.

    The same mail first, then the same name, then the same number: patches are renumbered when
    others are added, and renamed when reviewers ask for it, rarely both at once.
    """
    found: dict[int, Patch] = {}
    rest = list(before)
    for same in (_same_mail, _same_name, _same_number):
        for slot in slots:
            if slot.patch_id in found:
                continue
            if match := next((other for other in rest if same(slot, other)), None):
                found[slot.patch_id] = match.patch
                rest.remove(match)
    return found


def _same_mail(one: RevisionPatch, other: RevisionPatch) -> bool:
    return one.patch_id == other.patch_id


def _same_name(one: RevisionPatch, other: RevisionPatch) -> bool:
    return bool(one.patch.mail.name) and one.patch.mail.name == other.patch.mail.name


def _same_number(one: RevisionPatch, other: RevisionPatch) -> bool:
    return one.number == other.number


def _results_on(
    model: type[Patch] | type[Revision], ids: Collection[int]
) -> defaultdict[int, tuple[Result, ...]]:
    """Id -> the latest result of each test, by the test's name."""
    rows = model._default_manager.filter(pk__in=ids, results__is_latest=True).values_list(
        "pk",
        "results__context",
        "results__test_name",
        "results__state",
        "results__url",
        "results__summary",
        "results__date",
    )
    latest: defaultdict[int, dict[str, Result]] = defaultdict(dict)
    for pk, context, name, state, url, summary, date in rows.order_by("results__date"):
        latest[pk][context] = Result(name, state, url, summary, date)
    found: defaultdict[int, tuple[Result, ...]] = defaultdict(tuple)
    for pk, by_context in latest.items():
        found[pk] = tuple(sorted(by_context.values(), key=lambda one: one.test_name.lower()))
    return found


def _count_comments(patch_ids: Collection[int]) -> dict[int, int]:
    counts = Comment.objects.filter(patch_id__in=patch_ids).values_list("patch_id")
    return dict(counts.annotate(count=Count("pk")).order_by())


# One patch


def find_patch(patch_id: int) -> Patch | None:
    related = ("project", "submitter", "state", "delegate", "mail")
    return Patch.objects.select_related(*related).filter(pk=patch_id).first()


def find_cover(cover_id: int) -> Cover | None:
    return Cover.objects.select_related("mail__posting").filter(pk=cover_id).first()


def find_comment(comment_id: int) -> Comment | None:
    related = ("mail", "cover__mail__posting")
    return Comment.objects.select_related(*related).filter(pk=comment_id).first()


def patch_id_of(project: Project, msgid: str) -> int | None:
    """The id of the patch with that Message-ID."""
    patches = Patch.objects.filter(mail__project=project, mail__msgid=_bracketed(msgid))
    return patches.values_list("pk", flat=True).first()


def cover_id_of(project: Project, msgid: str) -> int | None:
    """The id of the cover letter with that Message-ID."""
    covers = Cover.objects.filter(mail__project=project, mail__msgid=_bracketed(msgid))
    return covers.values_list("pk", flat=True).first()


def _bracketed(msgid: str) -> str:
    """A Message-ID as it is stored: addresses of pages leave its brackets out."""
    return f"<{msgid.replace(chr(0), '').strip().removeprefix('<').removesuffix('>')}>"


def raw_of(mail: Mail) -> bytes:
    """A mail as it came."""
    return RawMail.objects.get(pk=mail.raw_id).raw


def view_patch(patch: Patch) -> PatchView:
    places = list(
        RevisionPatch.objects.filter(patch=patch, revision__series__isnull=False)
        .select_related("revision__series")
        .order_by("revision__number")
    )
    place = places[-1] if places else None
    series = place.revision.series if place else None
    revisions = {one.pk: one for one in series.revisions.order_by("number")} if series else {}
    slots = _slots_of(list(revisions))
    own = slots[place.revision_id] if place else []
    position = next((at for at, slot in enumerate(own) if slot.patch_id == patch.pk), 0)
    return PatchView(
        patch=patch,
        series=series,
        series_title=title_of(series) if series else "",
        revision=place.revision if place else None,
        number=place.number if place else 0,
        previous=own[position - 1].patch if position > 0 else None,
        next=own[position + 1].patch if position + 1 < len(own) else None,
        versions=tuple(_versions(own[position : position + 1], own, slots, revisions)),
        comments=_comments_on(patch),
        trailers=_trailers_for(patch.mail),
        tags=_tags_on([patch.pk])[patch.pk],
        results=_results_on(Patch, [patch.pk])[patch.pk],
    )


def _versions(
    place: Sequence[RevisionPatch],
    own: Sequence[RevisionPatch],
    slots: Mapping[int, Sequence[RevisionPatch]],
    revisions: Mapping[int, Revision],
) -> Iterable[Version]:
    """For each revision, what it has for the patch of that place."""
    for revision_id, revision in revisions.items():
        for slot in place:
            if other := pair(own, slots.get(revision_id, [])).get(slot.patch_id):
                yield Version(revision, other)


def _trailers_for(mail: Mail) -> tuple[MailTrailer, ...]:
    """What others said; its own trailers stand in the mail."""
    trailers = MailTrailer.objects.filter(project_id=mail.project_id, target=mail.msgid)
    return tuple(trailers.exclude(mail=mail).select_related("mail").order_by("mail__date", "pk"))
