# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept compressed, and what of it is kept from everybody's eyes.

Keys come from SECRET_KEY, one for each purpose; what was made with one of SECRET_KEY_FALLBACKS is
still understood.
"""

from __future__ import annotations

import hmac
import re
import zlib
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

_LINK = re.compile(r"\S*/\S*/\S*")


class Unreadable(Exception):
    """It was encrypted with a key that is not among ours."""


def packed(content: bytes, *, secret: bool) -> bytes:
    compressed = zlib.compress(content, 1)
    return _cipher(*_keys("mail")).encrypt(compressed) if secret else compressed


def unpacked(stored: bytes | memoryview, *, secret: bool) -> bytes:
    """Nothing, of what has been wiped."""
    held = bytes(stored)
    if not held:
        return b""
    if secret:
        try:
            held = _cipher(*_keys("mail")).decrypt(held)
        except InvalidToken as error:
            raise Unreadable("the mail was encrypted with another SECRET_KEY") from error
    return zlib.decompress(held)


def without_links(words: str) -> str:
    """What others say about a secret: filters quote the link that they do not like."""
    return _LINK.sub("[a link]", words)


def signatures(text: str) -> list[str]:
    """What proves that a text is ours: by the key of today, then by those of before."""
    return [hmac.digest(key, text.encode(), "sha256").hex()[:20] for key in _keys("token")]


def _keys(purpose: str) -> list[bytes]:
    return [
        hmac.digest(force_bytes(key), f"patchwork.outbox.{purpose}".encode(), "sha256")
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


@lru_cache(maxsize=4)
def _cipher(*keys: bytes) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
