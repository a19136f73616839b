# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of this dialect: some are in the other one as well, with another answer."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import ResolverMatch, URLPattern, path, register_converter
from django.urls.converters import IntConverter

from patchwork.api.freedesktop.events import EventList
from patchwork.api.freedesktop.mboxes import PatchMailbox, RevisionMailbox
from patchwork.api.freedesktop.patches import PatchDetail, PatchList
from patchwork.api.freedesktop.projects import ProjectDetail, ProjectList
from patchwork.api.freedesktop.results import PatchResults, RevisionResults
from patchwork.api.freedesktop.revisions import NewRevision, RevisionDetail, RevisionList
from patchwork.api.freedesktop.root import ALL_LISTS, Root
from patchwork.api.freedesktop.series import SeriesDetail, SeriesList

DIALECT = "freedesktop"


class NumberConverter(IntConverter):
    """What every database can look up."""

    regex = "[0-9]{1,18}"


register_converter(NumberConverter, "number")


class WhereItIsSpoken(URLPattern):
    """Passed over where the other dialect is to answer at ``/api/1.0/``."""

    def resolve(self, path: str) -> ResolverMatch | None:
        return super().resolve(path) if settings.API_1_0_DIALECT == DIALECT else None


def add_slash(request: HttpRequest, **numbers: int) -> HttpResponse:
    """What Django does by itself where no other dialect goes without one."""
    return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))


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
    *(
        WhereItIsSpoken(each.pattern, each.callback)
        for spoken in _in_both
        for each in (spoken, path(str(spoken.pattern).removesuffix("/"), add_slash))
    ),
    *_own,
]
"""At ``/api/1.0/``, before the other dialect's."""

always = [path("", Root.as_view()), *_in_both, *_own]
"""At ``/fdo/api/1.0/``, where nobody else speaks."""
