# SPDX-License-Identifier: GPL-2.0-or-later
"""Where more can be read about a result."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from patchwork.checks.names import has_unseen

LONGEST = 2_000


def is_address(text: str) -> bool:
    """An address of the web. Its host may have one label: test systems stand in the next room."""
    if len(text) > LONGEST or re.search(r"\s", text) or has_unseen(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
