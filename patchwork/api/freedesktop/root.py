# SPDX-License-Identifier: GPL-2.0-or-later
"""What the API says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.utils.encoding import escape_uri_path
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import links
from patchwork.api.freedesktop.door import FreedesktopDoor
from patchwork.api.getpatchwork import index

REVISION = 4
"""What this API has learnt is counted; documented in docs/usage/rest-freedesktop."""
OWN_LISTS = ("projects", "series", "patches")
ALL_LISTS = tuple(dict.fromkeys((*OWN_LISTS, *index.LISTS)))
"""Of both dialects."""


class Root(FreedesktopDoor):
    """Metadata about the API, and where its lists are."""

    lists: ClassVar[Sequence[str]] = OWN_LISTS

    def get(self, request: Request) -> Response:
        path = escape_uri_path(request.path)
        addresses = {name: links.absolute(request, f"{path}{name}/") for name in self.lists}
        return Response({"revision": REVISION, **addresses})
