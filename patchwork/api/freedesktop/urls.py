# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of this dialect."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from patchwork.api.freedesktop.events import EventList
from patchwork.api.freedesktop.mboxes import PatchMailbox, RevisionMailbox
from patchwork.api.freedesktop.patches import PatchDetail, PatchList
from patchwork.api.freedesktop.projects import ProjectDetail, ProjectList
from patchwork.api.freedesktop.results import PatchResults, RevisionResults
from patchwork.api.freedesktop.revisions import NewRevision, RevisionDetail, RevisionList
from patchwork.api.freedesktop.root import Root
from patchwork.api.freedesktop.series import SeriesDetail, SeriesList


class NumberConverter(IntConverter):
    """What every database can look up."""

    regex = "[0-9]{1,18}"


register_converter(NumberConverter, "number")

_revision = "series/<number:series_id>/revisions/<number:version>/"

urlpatterns = [
    path("", Root.as_view()),
    path("projects/", ProjectList.as_view()),
    path("projects/<str:project>/", ProjectDetail.as_view()),
    path("series/", SeriesList.as_view()),
    path("series/<number:series_id>/", SeriesDetail.as_view()),
    path("patches/", PatchList.as_view()),
    path("patches/<number:patch_id>/", PatchDetail.as_view()),
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
