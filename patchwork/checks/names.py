# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of tests, and the labels that they go by where not every name will do."""

from __future__ import annotations

import hashlib
import re

from django.utils.text import slugify

LONGEST = 255
CONTEXT = re.compile(rf"[-a-zA-Z0-9_]{{1,{LONGEST}}}")
"""What the getpatchwork dialect takes for the name of a test."""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)
"""Control characters, ends of lines among them, what turns the direction of a text, and what has no
width and no meaning: a name that holds them is not shown as it is written."""
_MARK = 8
_MARKED = re.compile(rf"[-a-zA-Z0-9_]+-[0-9a-f]{{{_MARK}}}")


def is_test_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST and not has_unseen(text)


def has_unseen(text: str) -> bool:
    """Whether it has characters in it that nobody sees."""
    return bool(_UNSEEN.search(text))


def may_stand_for_another(test_name: str) -> bool:
    """Whether it may be the label of a test whose name is another."""
    return bool(_MARKED.fullmatch(test_name))


def context_of(test_name: str) -> str:
    """The label of a test: its name, or a slug of it that no other test has.

    A slug alone loses what makes names differ (``C++`` and ``C``), hence the mark behind it.
    """
    if CONTEXT.fullmatch(test_name):
        return test_name
    mark = hashlib.sha256(test_name.encode()).hexdigest()[:_MARK]
    return f"{slugify(test_name)[: LONGEST - _MARK - 1] or 'test'}-{mark}"
