# SPDX-License-Identifier: GPL-2.0-or-later
"""Which door answers which address."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from patchwork.api.freedesktop import urls as freedesktop
from patchwork.api.getpatchwork.faces import NEWEST_MINOR
from patchwork.api.views import Nowhere
from patchwork.web.accounts import LogIn

urlpatterns = [
    # Its own form would not count failures.
    path("admin/login/", LogIn.as_view()),
    path("admin/", admin.site.urls),
    path("api/", include("patchwork.api.urls")),
    path("fdo/api/1.0/", include(freedesktop.always)),
    re_path(rf"^(?:fdo/api/1\.0|api/1\.[0-{NEWEST_MINOR}])$", freedesktop.add_slash),
    re_path("^(?:fdo/)?api/", Nowhere.as_view()),
    path("xmlrpc/", include("patchwork.xmlrpc.views")),
    path("", include("patchwork.web.urls")),
]

handler500 = "patchwork.api.views.answer_failure"
