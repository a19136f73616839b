# SPDX-License-Identifier: GPL-2.0-or-later
"""What pwclient does to HTTP."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

SCHEMES = ("http://", "https://")


class WholeAddresses:
    """``POST http://patchwork.example.com/xmlrpc/ HTTP/1.1``, where others write the path alone.

    HTTP lets clients do so, and most servers take it apart; that of Django's ``runserver`` and of
    its tests gives it to us as it is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(SCHEMES):
            request.path = request.path_info = urlsplit(request.path_info).path or "/"
        return self.get_response(request)
