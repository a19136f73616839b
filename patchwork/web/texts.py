# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts out of mails as HTML. Everything in them is hostile until it has been escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

TEXT_LIMIT = 200_000
"""Characters of one text that a page shows."""

_QUOTE_MARKS = re.compile(r"(?:> ?){1,20}")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\^{|}]{1,2000}")
_BEHIND_ADDRESS = ".,;:!?)]"
_TRAILER = re.compile(r"[A-Z][A-Za-z-]{0,40}-by:[ \t]")
_DEEPEST_QUOTE = 3

_UNSEEN = {
    code: f"⟨U+{code:04X}⟩"
    for code in (
        *range(0x01, 0x09),
        0x0B,
        *range(0x0E, 0x20),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}
"""Characters that nobody sees and that make a text look like another: reversed writing, escapes."""


def visible(text: str) -> str:
    """The text with what could disguise it spelled out."""
    return text.translate(_UNSEEN)


def has_web_scheme(address: str) -> bool:
    """Whether an address may become a link. ``javascript:`` and its kin may not."""
    return address.lower().startswith(("https://", "http://", "mailto:"))


def mail_text(text: str) -> SafeString:
    """A mail's text: quotes by depth, trailers, addresses as links."""
    shown = visible(text[:TEXT_LIMIT])
    html = "\n".join(_blocks(shown.split("\n")))
    if len(text) > TEXT_LIMIT:
        html += f'\n<em class="cut">… {len(text) - TEXT_LIMIT:,} more characters</em>'
    return mark_safe(html)  # noqa: S308 (each line was escaped)


def _blocks(lines: list[str]) -> Iterator[str]:
    for depth, block in groupby(lines, key=_quote_depth):
        html = "\n".join(map(_line, block))
        yield f'<span class="q{depth}">{html}</span>' if depth else html


def _quote_depth(line: str) -> int:
    marks = _QUOTE_MARKS.match(line)
    return min(marks[0].count(">"), _DEEPEST_QUOTE) if marks else 0


def _line(line: str) -> str:
    if _TRAILER.match(line):
        return f'<span class="trailer">{_linked(line)}</span>'
    return _linked(line)


def _linked(line: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in _ADDRESS.finditer(line):
        address = match[0].rstrip(_BEHIND_ADDRESS)
        pieces += [escape(line[end : match.start()]), _link(address)]
        end = match.start() + len(address)
    return "".join([*pieces, escape(line[end:])])


def _link(address: str) -> str:
    return f'<a href="{escape(address)}" rel="nofollow noopener">{escape(address)}</a>'
