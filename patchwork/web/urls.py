# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
