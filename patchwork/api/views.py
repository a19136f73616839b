# SPDX-License-Identifier: GPL-2.0-or-later
"""What all views of both dialects have in common."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import server_error
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from patchwork.api import authentication
from patchwork.api.parsing import StrictJSONParser

ROOTS = re.compile("/(fdo/)?api/")


class Busy(APIException):
    """The database is locked or away; nothing was changed."""

    status_code = 503
    default_detail = "The database does not answer now. Try again."
    default_code = "busy"
    wait = 2
    """Seconds, told to the client."""


class TooLarge(APIException):
    """More than the server reads at once."""

    status_code = 413
    default_code = "too_large"

    def __init__(self) -> None:
        super().__init__(f"The body has more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")


class Door(APIView):
    """One address of the API. Reading is free; writing asks ``access`` and the rooms."""

    authentication_classes = authentication.CLASSES
    permission_classes = ()
    renderer_classes = (JSONRenderer, BrowsableAPIRenderer)
    parser_classes = (StrictJSONParser, FormParser, MultiPartParser)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.ENABLE_REST_API:
            raise Http404
        super().initial(request, *args, **kwargs)


class Nowhere(Door):
    """What is asked for below the addresses of the API, and is none of them."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


def answer_failure(request: HttpRequest) -> HttpResponse:
    """When something broke: in the way of the API below it, as a page elsewhere."""
    if ROOTS.match(request.path):
        return JsonResponse({"detail": "Something broke here; it was noted."}, status=500)
    return server_error(request)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """What DRF answers, 503 where trying again will help, 413 where less would."""
    if isinstance(error, OperationalError | InterfaceError):
        error = Busy()
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge()
    elif isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        error = ParseError(f"There are more than {limit} parameters, or too many files.")
    return exception_handler(error, context)
