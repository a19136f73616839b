# SPDX-License-Identifier: GPL-2.0-or-later
"""Series: what this dialect calls so is a revision, one posting of somebody's work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.checks import RESULT, say_results
from patchwork.api.getpatchwork.faces import Face, Listing
from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    COUNT,
    FLAG,
    ID,
    TEXT,
    TEXTS_BY_NAME,
    TIME,
    Shape,
    Since,
    list_of,
    nullable,
)
from patchwork.api.getpatchwork.wording import COVER, PATCH, PERSON, PROJECT, Said, written
from patchwork.api.parameters import Asked
from patchwork.checks.queries import latest_on_revision
from patchwork.tracking.models import Cover, Revision
from patchwork.tracking.queries.records import (
    RevisionRecord,
    covers_of,
    dependencies_of,
    dependents_of,
    metadata_of,
    neighbours_of,
    patches_in,
    posted,
    revision_records,
)
from patchwork.tracking.queries.texts import saying

LISTED = Shape(
    "Series",
    {
        "id": ID,
        "url": ADDRESS,
        "web_url": Since(1, ADDRESS),
        "project": PROJECT,
        "name": nullable(TEXT),
        "date": TIME,
        "submitter": PERSON,
        "version": COUNT,
        "total": COUNT,
        "received_total": COUNT,
        "received_all": FLAG,
        "mbox": ADDRESS,
        "cover_letter": nullable(COVER),
        "patches": list_of(PATCH),
        "dependencies": Since(4, list_of(ADDRESS)),
        "dependents": Since(4, list_of(ADDRESS)),
        "root": Since(5, ADDRESS),
        "previous": Since(5, nullable(ADDRESS)),
        "next": Since(5, nullable(ADDRESS)),
        "metadata": Since(5, TEXTS_BY_NAME),
    },
)
IN_FULL = Shape("SeriesInFull", {**LISTED.fields, "test_results": Since(5, list_of(RESULT))})


class AllSeries(Listing):
    """``/series/``"""

    told = LISTED
    filters: ClassVar[dict[str, Any]] = {**asking.PERIOD, "submitter": asking.NAMED}
    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "name": "name",
        "date": "date",
        "submitter": "submitter_id",
        "received_all": "is_complete",
    }
    searched = ("name",)
    has_texts = True

    def select(self, asked: Asked) -> QuerySet[Any]:
        rows = asking.projects(asked, posted())
        return asking.period(asked, asking.submitters(asked, rows))

    def having(self, word: str) -> Q:
        """Its text is that of its cover letter."""
        named = super().having(word)
        if self.minor < 5:
            return named
        return named | Q(pk__in=Cover.objects.filter(saying(Cover, word)).values("mail__posting"))

    def say(self, ids: list[int]) -> list[Said]:
        return say_series(self, revision_records(ids))


def single(minor: int) -> QuerySet[Revision]:
    """What can be asked for by its id: from 1.5 on also what was made to be tested again, which
    events tell of."""
    return Revision.objects.filter(series__isnull=False) if minor >= 5 else posted()


class OneSeries(Face):
    """``/series/5/``"""

    told = IN_FULL

    def get(self, request: Request, **_: str) -> Response:
        found = single(self.minor).filter(pk=self.number("series_id")).values_list("pk", flat=True)
        said = say_series(self, revision_records(list(found)))
        if not said:
            raise Http404
        if self.minor >= 5:
            results = latest_on_revision(said[0]["id"])
            said[0]["test_results"] = say_results(self.wording(()), results)
        return Response(said[0])


def say_series(face: Face, revisions: Sequence[RevisionRecord]) -> list[Said]:
    ids = [revision.id for revision in revisions]
    wording = face.wording({revision.project_id for revision in revisions})
    patches = patches_in(ids)
    covers = covers_of(ids)
    depending = [
        revision
        for revision in revisions
        if face.minor >= 4 and wording.projects[revision.project_id].show_dependencies
    ]
    dependencies = dependencies_of(depending) if depending else {}
    dependents = dependents_of(depending) if depending else {}
    beside = neighbours_of(revisions) if face.minor >= 5 else {}
    metadata = metadata_of({each.series_id for each in revisions}) if face.minor >= 5 else {}
    said = []
    for revision in revisions:
        page = wording.series_page(revision.series_id, revision.number)
        cover = covers.get(revision.id)
        one: Said = {"id": revision.id, "url": wording.series_url(revision.id)}
        if wording.minor >= 1:
            one["web_url"] = page
        one["project"] = wording.project(revision.project_id)
        one["name"] = revision.name or None
        one["date"] = written(revision.date)
        one["submitter"] = wording.person(
            revision.submitter_id, revision.submitter_name, revision.submitter_email
        )
        one["version"] = revision.version
        one["total"] = revision.total
        one["received_total"] = len(patches[revision.id])
        one["received_all"] = revision.is_complete
        one["mbox"] = f"{page}mbox/"
        one["cover_letter"] = wording.cover(cover) if cover else None
        one["patches"] = wording.patches(patches[revision.id])
        if wording.minor >= 4:
            one["dependencies"] = [
                wording.series_url(pk) for pk in dependencies.get(revision.id, ())
            ]
            one["dependents"] = [wording.series_url(pk) for pk in dependents.get(revision.id, ())]
        if wording.minor >= 5:
            before, after = beside.get(revision.id, (None, None))
            one["root"] = wording.series_url(revision.series_id)
            one["previous"] = wording.series_url(before) if before else None
            one["next"] = wording.series_url(after) if after else None
            one["metadata"] = metadata.get(revision.series_id, {})
        said.append(one)
    return said
