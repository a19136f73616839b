# SPDX-License-Identifier: GPL-2.0-or-later
"""What all addresses of this dialect have in common."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.exceptions import APIException, NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api import access
from patchwork.api.views import Door
from patchwork.people.models import Scope

READING = ("GET", "HEAD", "OPTIONS")


class Conflict(APIException):
    """What is asked for does not go together with how things stand."""

    status_code = 409
    default_code = "conflict"


class FreedesktopDoor(Door):
    """Anybody may read, from any page in a browser as well; no cookie goes along with that."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in READING:
            response["Access-Control-Allow-Origin"] = "*"
        return response


def require_write(request: Request, project_id: int, *, may: bool) -> AbstractBaseUser:
    """Who writes; 403 for everybody who may not, for those who did not log in as well."""
    account = request.user
    if not isinstance(account, AbstractBaseUser):
        raise PermissionDenied("Authentication credentials were not provided.")
    access.require(request, Scope.WRITE, project_id)
    if not may:
        raise PermissionDenied
    return account


def found(thing: Any) -> Any:
    """What was looked for; 404 where there is none."""
    if thing is None:
        raise NotFound
    return thing
