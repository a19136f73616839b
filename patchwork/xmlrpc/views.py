# SPDX-License-Identifier: GPL-2.0-or-later
"""``/xmlrpc/``: a call is posted and answered; whoever opens the address in a browser gets help."""

from __future__ import annotations

import logging
from http import HTTPStatus
from xmlrpc.client import Fault

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from patchwork.people import credentials, throttling
from patchwork.people.notices import whole_address
from patchwork.xmlrpc import methods, wire

logger = logging.getLogger("django.request")
"""Of which those hear who are told of errors."""


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest) -> HttpResponse:
    """No cookie speaks for anybody here, so no other site can."""
    if not settings.ENABLE_XMLRPC:
        raise Http404("XML-RPC is switched off here.")
    if request.method != "POST":
        context = {"methods": methods.all_methods(), "address": whole_address(request.path)}
        return render(request, "patchwork/xmlrpc.html", context)
    if _length(request) > wire.BODY_LIMIT:
        return HttpResponse(
            "This call is too long.\n", "text/plain", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        )
    return _answer(request)


def _answer(request: HttpRequest) -> HttpResponse:
    """Whatever goes wrong is a fault; that is what clients can show."""
    try:
        name, parameters = wire.read(request.body)
        caller = credentials.speaker_of(request.META)
        return _said(wire.answer(methods.call(name, parameters, caller)))
    except Fault as fault:
        return _said(wire.fault(fault))
    except credentials.Refused as error:
        return _said(wire.fault(Fault(methods.UNAUTHENTICATED, str(error))))
    except throttling.Throttled as error:
        response = _said(wire.fault(Fault(HTTPStatus.TOO_MANY_REQUESTS.value, str(error))))
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(error.seconds)
        return response
    except (OperationalError, InterfaceError):
        busy = "The database does not answer now. Try again."
        return _said(wire.fault(Fault(HTTPStatus.SERVICE_UNAVAILABLE.value, busy)))
    except Exception:
        logger.exception("XML-RPC: a call failed", extra={"request": request, "status_code": 500})
        failed = "Something went wrong here; those who run this site have been told."
        return _said(wire.fault(Fault(HTTPStatus.INTERNAL_SERVER_ERROR.value, failed)))


def _said(document: bytes) -> HttpResponse:
    return HttpResponse(document, content_type="text/xml")


def _length(request: HttpRequest) -> int:
    """What the server lets us read at most."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


urlpatterns: list[URLPattern] = [path("", door, name="xmlrpc")]
