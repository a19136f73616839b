# SPDX-License-Identifier: GPL-2.0-or-later
"""Who asks: by a token, by name and password, or by the session of the pages."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from patchwork.people import credentials, throttling
from patchwork.people.models import ApiToken


class HeaderAuthentication(authentication.BaseAuthentication):
    """``Authorization: Basic ...``, ``Token ...`` or ``Bearer ...``."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken | None] | None:
        try:
            speaker = credentials.speaker_of(request.META)
        except credentials.Refused as error:
            raise exceptions.AuthenticationFailed(str(error)) from None
        except throttling.Throttled as error:
            raise TooManyFailures(error) from None
        return None if speaker is None else (speaker.user, speaker.token)

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="api"'


class TooManyFailures(exceptions.Throttled):
    def __init__(self, error: throttling.Throttled) -> None:
        super().__init__()
        self.detail = exceptions.ErrorDetail(str(error), self.default_code)
        self.wait = error.seconds


CLASSES = (HeaderAuthentication, authentication.SessionAuthentication)
"""The first one says in a 401 how to log in."""
