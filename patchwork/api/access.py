# SPDX-License-Identifier: GPL-2.0-or-later
"""What a request may do, before the rooms' own rules are asked: the scope of its token.

Who logged in with a password or a session may do all that the account may.
"""

from __future__ import annotations

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from patchwork.people import tokens
from patchwork.people.models import ApiToken, Scope


def allows(request: Request, scope: Scope, project_id: int | None = None) -> bool:
    """Whether the request's token, if it has one, is good for this."""
    token = request.auth
    return not isinstance(token, ApiToken) or tokens.allows(token, scope, project_id)


def require(request: Request, scope: Scope, project_id: int | None = None) -> None:
    """Refuse what the request's token is not good for, and say so."""
    if not allows(request, scope, project_id):
        raise PermissionDenied("This token is not good for that: see its scope and project.")
