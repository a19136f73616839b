# SPDX-License-Identifier: GPL-2.0-or-later
"""What the API says about itself."""

from __future__ import annotations

from django.utils.encoding import escape_uri_path
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import links
from patchwork.api.freedesktop.door import FreedesktopDoor

REVISION = 4
"""What this API has learnt is counted; documented in docs/usage/rest-freedesktop."""
LISTS = ("projects", "series", "patches")


class Root(FreedesktopDoor):
    """Metadata about the API, and where its lists are."""

    def get(self, request: Request) -> Response:
        path = escape_uri_path(request.path)
        addresses = {name: links.absolute(request, f"{path}{name}/") for name in LISTS}
        return Response({"revision": REVISION, **addresses})
