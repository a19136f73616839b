# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of this dialect, below ``/api/``: with or without a version, and a last slash."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, re_path

from patchwork.api.getpatchwork import (
    bundles,
    checks,
    comments,
    covers,
    description,
    events,
    index,
    patches,
    people,
    projects,
    series,
)
from patchwork.api.getpatchwork.faces import NEWEST_MINOR
from patchwork.api.views import Door


def _at(address: str, door: type[Door]) -> URLPattern:
    return re_path(f"^{address}/?$" if address else "^$", door.as_view())


_PATCH = "patches/(?P<patch_id>[^/]+)"
_PATCH_TARGET = "patches/(?P<target_id>[^/]+)"
_COVER_TARGET = "covers/(?P<target_id>[^/]+)"

addresses = [
    _at("", index.Index),
    _at("bundles", bundles.Bundles),
    _at("bundles/(?P<bundle_id>[^/]+)", bundles.OneBundle),
    _at("bundles/(?P<bundle_id>[^/]+)/mbox", bundles.BundleMailbox),
    _at("covers", covers.Covers),
    _at("covers/(?P<cover_id>[^/]+)", covers.OneCover),
    _at(f"{_COVER_TARGET}/comments", comments.CoverComments),
    _at(f"{_COVER_TARGET}/comments/(?P<comment_id>[^/]+)", comments.CoverComment),
    _at("events", events.Events),
    _at("patches", patches.Patches),
    _at(_PATCH, patches.OnePatch),
    _at(f"{_PATCH_TARGET}/comments", comments.PatchComments),
    _at(f"{_PATCH_TARGET}/comments/(?P<comment_id>[^/]+)", comments.PatchComment),
    _at(f"{_PATCH}/checks", checks.Checks),
    _at(f"{_PATCH}/checks/(?P<check_id>[^/]+)", checks.OneCheck),
    _at("people", people.People),
    _at("people/(?P<person_id>[^/]+)", people.OnePerson),
    _at("projects", projects.Projects),
    _at("projects/(?P<project>[^/]+)", projects.OneProject),
    _at("series", series.AllSeries),
    _at("series/(?P<series_id>[^/]+)", series.OneSeries),
    _at("users", people.Users),
    _at("users/(?P<user_id>[^/]+)", people.OneUser),
]

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(rf"^(?:1\.(?P<minor>[0-{NEWEST_MINOR}])/)?", include(addresses)),
    re_path(
        rf"^(?:1\.(?P<minor>[1-{NEWEST_MINOR}])/)?schema/?$",
        description.Description.as_view(addresses=addresses),
        name="schema",
    ),
]
