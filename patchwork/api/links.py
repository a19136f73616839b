# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses as answers give them: whole, with the scheme and host that were asked."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def absolute(request: Request | HttpRequest, address: str) -> str:
    """A path of this site (quoted, with or without a query) as somebody elsewhere can ask it."""
    whole = request.build_absolute_uri(address)
    if settings.FORCE_HTTPS_LINKS and whole.startswith("http:"):
        return f"https:{whole.removeprefix('http:')}"
    return whole
