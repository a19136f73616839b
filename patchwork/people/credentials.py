# SPDX-License-Identifier: GPL-2.0-or-later
"""Who speaks, by the ``Authorization`` header of a request. All doors for machines ask here.

A header that proves nothing is refused: nobody who has sent one is taken for nobody.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import AbstractBaseUser

from patchwork.people import throttling, tokens
from patchwork.people.models import ApiToken

REMEMBERED_SECONDS = 300
REMEMBERED_PAIRS = 1_000
TOKEN_SCHEMES = ("token", "bearer")

WRONG_PASSWORD = "Invalid username/password."  # noqa: S105 (it says so)
WRONG_TOKEN = "Invalid token."  # noqa: S105 (it says so)


class Refused(Exception):
    """It proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """An account, and the token that speaks for it, unless it was its password."""

    user: AbstractBaseUser
    token: ApiToken | None = None


def speaker_of(request_meta: Mapping[str, str]) -> Speaker | None:
    """Who has sent the request; None for nobody in particular.

    Raises ``Refused`` or ``throttling.Throttled``.
    """
    scheme, _, proof = request_meta.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if not scheme:
        return None
    address = throttling.address_of(request_meta)
    if scheme.lower() == "basic":
        return _by_name(address, *_name_and_password(proof.strip()))
    if scheme.lower() in TOKEN_SCHEMES:
        return _by_token(address, proof.strip())
    raise Refused("Authorization has to be Basic, Token or Bearer.")


def _name_and_password(proof: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(proof, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Invalid basic header. Credentials not correctly base64 encoded.") from None
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    name, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise Refused(WRONG_PASSWORD)
    return name, password


def _by_token(address: str, secret: str) -> Speaker:
    """A good token is good however many bad ones came from there: nobody guesses one."""
    token = tokens.find(secret)
    if token is None:
        attempt = throttling.Attempt(address)
        attempt.require()
        attempt.failed()
        raise Refused(WRONG_TOKEN)
    return Speaker(token.user, token)


def _by_name(address: str, name: str, password: str) -> Speaker:
    """By its password, or by a token in its place: some clients know of nothing else."""
    if password.startswith(tokens.PREFIX):
        token = tokens.find(password)
        if token is not None and token.user.get_username() == name:
            return Speaker(token.user, token)
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is not None and _remembered.has(_key(user, password)):
        return Speaker(user)
    attempt = throttling.Attempt(address, name)
    attempt.require()
    # Also for a name that there is not: it takes as long.
    proven = authenticate(username=name, password=password)
    if proven is None or not proven.is_active:
        attempt.failed()
        raise Refused(WRONG_PASSWORD)
    attempt.succeeded()
    # Not the key from above: a password that was stored in an old way has just been stored anew.
    _remembered.add(_key(proven, password))
    return Speaker(proven)


class _Remembered:
    """Passwords that were right lately: to look takes a fifth of a second, on purpose.

    Kept in this process alone, and not as such: by a digest that also changes with the password.
    """

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}
        self._lock = Lock()

    def has(self, key: bytes) -> bool:
        with self._lock:
            return self._until.get(key, 0) > monotonic()

    def add(self, key: bytes) -> None:
        with self._lock:
            # The oldest come first, so these are also the first to be over.
            while len(self._until) >= REMEMBERED_PAIRS:
                del self._until[next(iter(self._until))]
            self._until.pop(key, None)
            self._until[key] = monotonic() + REMEMBERED_SECONDS

    def clear(self) -> None:
        with self._lock:
            self._until.clear()


_remembered = _Remembered()
forget = _remembered.clear


def _key(user: AbstractBaseUser, password: str) -> bytes:
    said = f"{user.pk}\0{user.password}\0{password}".encode("utf-8", "replace")
    return hmac.digest(settings.SECRET_KEY.encode(), b"credentials\0" + said, "sha256")
