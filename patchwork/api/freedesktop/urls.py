# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of this dialect: some are in the other one as well, with another answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import ResolverMatch, URLPattern, path, register_converter
from django.urls.converters import IntConverter
from django.views.decorators.csrf import csrf_exempt

from patchwork.api.freedesktop.events import EventList
from patchwork.api.freedesktop.mboxes import PatchMailbox, RevisionMailbox
from patchwork.api.freedesktop.patches import PatchDetail, PatchList
from patchwork.api.freedesktop.projects import ProjectDetail, ProjectList
from patchwork.api.freedesktop.results import PatchResults, RevisionResults
from patchwork.api.freedesktop.revisions import NewRevision, RevisionDetail, RevisionList
from patchwork.api.freedesktop.root import ALL_LISTS, Root
from patchwork.api.freedesktop.series import SeriesDetail, SeriesList

DIALECT = "freedesktop"


LARGEST_NUMBER = 10**18
"""Nothing has it, and every database can look it up."""


class NumberConverter(IntConverter):
    """Whatever digits say: what is too large is the number of something that is not there."""

    def to_python(self, value: str) -> int:
        return min(super().to_python(value), LARGEST_NUMBER)


register_converter(NumberConverter, "number")


class WhereItIsSpoken(URLPattern):
    """Passed over where the other dialect is to answer at ``/api/1.0/``."""

    def resolve(self, path: str) -> ResolverMatch | None:
        return super().resolve(path) if settings.API_1_0_DIALECT == DIALECT else None


@csrf_exempt
def add_slash(request: HttpRequest, **named: int | str) -> HttpResponse:
    """What Django does by itself, for reading. What is written has to arrive as it was sent: after
    301 clients would read instead, and take what they get for an answer to what they wrote.
    """
    address = request.get_full_path(force_append_slash=True)
    is_reading = request.method in ("GET", "HEAD")
    return HttpResponsePermanentRedirect(address, preserve_request=not is_reading)


def _or_without_slash(patterns: Sequence[URLPattern]) -> Iterator[URLPattern]:
    for pattern in patterns:
        yield pattern
        yield path(str(pattern.pattern).removesuffix("/"), add_slash)


_in_both = [
    path("projects/", ProjectList.as_view()),
    path("projects/<str:project>/", ProjectDetail.as_view()),
    path("series/", SeriesList.as_view()),
    path("series/<number:series_id>/", SeriesDetail.as_view()),
    path("patches/", PatchList.as_view()),
    path("patches/<number:patch_id>/", PatchDetail.as_view()),
]
_revision = "series/<number:series_id>/revisions/<number:version>/"
_own = [
    path("projects/<str:project>/series/", SeriesList.as_view()),
    path("projects/<str:project>/patches/", PatchList.as_view()),
    path("projects/<str:project>/events/", EventList.as_view()),
    path("series/<number:series_id>/revisions/", RevisionList.as_view()),
    path(_revision, RevisionDetail.as_view()),
    path(f"{_revision}mbox/", RevisionMailbox.as_view()),
    path(f"{_revision}test-results/", RevisionResults.as_view()),
    path(f"{_revision}newrevision/", NewRevision.as_view()),
    path("patches/<number:patch_id>/mbox/", PatchMailbox.as_view()),
    path("patches/<number:patch_id>/test-results/", PatchResults.as_view()),
]

urlpatterns = [
    path("", Root.as_view(lists=ALL_LISTS)),
    *(WhereItIsSpoken(each.pattern, each.callback) for each in _or_without_slash(_in_both)),
    *_or_without_slash(_own),
]
"""At ``/api/1.0/``, before the other dialect's."""

always = [path("", Root.as_view()), *_or_without_slash([*_in_both, *_own])]
"""At ``/fdo/api/1.0/``, where nobody else speaks."""
