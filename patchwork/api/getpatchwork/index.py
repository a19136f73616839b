# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork.faces import Face
from patchwork.api.getpatchwork.shapes import ADDRESS, Shape

LISTS = ("bundles", "covers", "events", "patches", "people", "projects", "users", "series")
INDEX = Shape("Index", dict.fromkeys(LISTS, ADDRESS))


class Index(Face):
    """``/``"""

    told = INDEX

    def get(self, request: Request, **_: str) -> Response:
        wording = self.wording(())
        return Response({name: f"{wording.api}/{name}/" for name in LISTS})
