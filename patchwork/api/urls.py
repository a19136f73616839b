# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of both dialects."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("1.0/", include("patchwork.api.freedesktop.urls")),
    path("", include("patchwork.api.getpatchwork.urls")),
]
