# SPDX-License-Identifier: GPL-2.0-or-later
"""Cover letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing
from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    ID,
    TEXT,
    TEXTS_BY_NAME,
    TIME,
    Shape,
    Since,
    list_of,
    nullable,
)
from patchwork.api.getpatchwork.wording import PERSON, PROJECT, SERIES, Said, written
from patchwork.api.parameters import Asked
from patchwork.tracking.models import Cover
from patchwork.tracking.queries.records import (
    CoverRecord,
    cover_records,
    long_texts_of_cover,
    revision_mentions,
)
from patchwork.tracking.queries.texts import saying

LISTED = Shape(
    "Cover",
    {
        "id": ID,
        "url": ADDRESS,
        "web_url": Since(1, ADDRESS),
        "project": PROJECT,
        "msgid": TEXT,
        "list_archive_url": Since(2, nullable(TEXT)),
        "date": TIME,
        "name": TEXT,
        "submitter": PERSON,
        "mbox": Since(1, ADDRESS),
        "series": list_of(SERIES),
        "comments": Since(1, ADDRESS),
    },
)
IN_FULL = Shape("CoverInFull", {**LISTED.fields, "headers": TEXTS_BY_NAME, "content": TEXT})


class Covers(Listing):
    """``/covers/``"""

    told = LISTED
    filters: ClassVar[dict[str, Any]] = {
        **asking.PERIOD,
        "series": asking.IDS,
        "submitter": asking.NAMED,
        "msgid": asking.WORDS,
    }
    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "name": "name",
        "date": "date",
        "submitter": "submitter_id",
    }
    searched = ("name",)
    has_texts = True

    def select(self, asked: Asked) -> QuerySet[Any]:
        rows = asking.projects(asked, Cover.objects.all())
        rows = asking.period(asked, asking.submitters(asked, rows))
        if series := asking.series(asked):
            rows = rows.filter(mail__posting__in=series)
        return asking.with_msgid(asked, rows)

    def having(self, word: str) -> Q:
        named = super().having(word)
        return named | saying(Cover, word) if self.minor >= 5 else named

    def say(self, ids: list[int]) -> list[Said]:
        return say_covers(self, cover_records(ids))


class OneCover(Face):
    """``/covers/5/``"""

    told = IN_FULL

    def get(self, request: Request, **_: str) -> Response:
        records = cover_records([self.number("cover_id")])
        if not records:
            raise Http404
        said = say_covers(self, records)[0]
        texts = long_texts_of_cover(records[0].id)
        said["headers"] = texts.headers
        said["content"] = texts.content
        return Response(said)


def say_covers(face: Face, covers: Sequence[CoverRecord]) -> list[Said]:
    series = revision_mentions({cover.posting_id for cover in covers if cover.posting_id})
    wording = face.wording({cover.project_id for cover in covers})
    said = []
    for cover in covers:
        page = f"{wording.site}/cover/{cover.id}/"
        one: Said = {"id": cover.id, "url": f"{wording.api}/covers/{cover.id}/"}
        if wording.minor >= 1:
            one["web_url"] = page
        one["project"] = wording.project(cover.project_id)
        one["msgid"] = cover.msgid
        if wording.minor >= 2:
            one["list_archive_url"] = wording.archived(cover.project_id, cover.msgid)
        one["date"] = written(cover.date)
        one["name"] = cover.name
        one["submitter"] = wording.person(
            cover.submitter_id, cover.submitter_name, cover.submitter_email
        )
        if wording.minor >= 1:
            one["mbox"] = f"{page}mbox/"
        came_with = series.get(cover.posting_id or 0)
        one["series"] = wording.all_series([came_with] if came_with else [])
        if wording.minor >= 1:
            one["comments"] = f"{one['url']}comments/"
        said.append(one)
    return said
