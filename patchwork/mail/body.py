# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a mail, taken apart: message, diff, signature, list footer, pull request."""

from __future__ import annotations

import re
from typing import NamedTuple

from patchwork.mail import extents

_SIGNATURES = ("-- \n", "-- \r\n")
_SIGNATURE = re.compile(r"\n-- \r?\n")
_GIT_SIGNATURE = re.compile(r"\n--\r?\n\d+\.\d[^\n]*\s*+\Z")
_BLANK_LINE = re.compile(r"\n[ \t\r]*+\n")
_FOOTERS = (
    ("\n__", re.compile(r"\n_{30,}+\r?\n")),
    (
        "\n--",
        re.compile(r"\n-- ?\r?\n(?=You received this message because you are subscribed to )"),
    ),
    ("\n--", re.compile(r"\n-- ?\r?\n(?=To unsubscribe from this list: )")),
    ("\n-=", re.compile(r"\n(?:-=){6,}+-?\r?\n(?=Groups\.io Links: )")),
)
"""How the line above a footer begins, and the whole of what tells it."""
_FOOTER_SIGNS = ("@", "://")
_FOOTER_WORDS = re.compile(r"mailing list|unsubscribe|listinfo", re.IGNORECASE)
_FOOTER_LINES = 15
"""A longer text below a line of underscores is something the sender wrote."""
_FOOTER_LENGTH = 3_000
"""How far from the end of a text a footer may begin."""
_NOTES = re.compile(r"^---[ \t\r]*$", re.MULTILINE)

_CHANGES = re.compile(r"^The following changes since commit ", re.MULTILINE | re.IGNORECASE)
_LETTERS_OF_CHANGES = "ng change"
"""Words of it without i, k and s, for which patterns know more capitals than ``lower`` does."""
_AVAILABLE = re.compile(
    r"^are available in the git repository at:?[ \t\r]*\n", re.MULTILINE | re.IGNORECASE
)
_REPOSITORY = re.compile(r"(?:(?:git|ssh|https?|git\+ssh|rsync|ftps?)://|[\w.-]+@[\w.-]+:)\S+")
_REF = re.compile(r"[^\s:~^?*\[\\]+")
_PLACE_LIMIT = 2_000
_LINE_ENDS = ("\n", "\r\n")


class Words(NamedTuple):
    """What a mail's text says, taken apart."""

    text: str
    """Without signature and list footer."""
    message: str
    diff: str | None


def take_apart(text: str) -> Words:
    """What cleaning a text and splitting what is left give, by one search for diffs."""
    found = extents.spans(text)
    cleaned = _cleaned(text, found)
    return Words(cleaned, *_parted(cleaned, _spans_left(text, found, cleaned)))


def split(text: str) -> tuple[str, str | None]:
    """The message and the diff of a mail's text; every line that is not blank is in one of them.

    Text below a diff is no part of the commit message above it: it goes below a ``---`` line,
    where git looks for notes. Several diffs are put together.
    """
    return _parted(text, extents.spans(text))


def clean(text: str) -> str:
    """The text without signature and list footer. A diff stays, wherever it stands."""
    return _cleaned(text, extents.spans(text))


def pull_request(text: str) -> str | None:
    """``URL ref`` out of the text that ``git request-pull`` writes; None when it is not one."""
    if _LETTERS_OF_CHANGES not in text.lower():
        return None
    opening = _CHANGES.search(text)
    place = _AVAILABLE.search(text, opening.end()) if opening else None
    if place is None:
        return None
    below = text[place.end() : place.end() + _PLACE_LIMIT].replace("\r", "").lstrip()
    lines = [line.split() for line in below.partition("\n\n")[0].splitlines()]
    if not lines or not _REPOSITORY.fullmatch(lines[0][0]):
        return None
    where = lines[0]
    if len(where) == 1 and len(lines) == 2 and len(lines[1]) == 1:
        where = where + lines[1]  # A mailer wrapped the line.
    if len(where) == 2 and _REF.fullmatch(where[1]):
        return " ".join(where)
    return where[0]


def _parted(text: str, found: list[tuple[int, int]]) -> tuple[str, str | None]:
    if not found:
        return _tidy(text), None
    message = _tidy(text[: found[0][0]])
    below = _tidy("\n".join(_gaps(text, found)[1:]))
    if below:
        separator = "\n\n" if not message or _NOTES.search(message) else "\n---\n"
        message = _tidy(f"{message}{separator}{below}")
    return message, "".join(_ended(text[start:end]) for start, end in found)


def _cleaned(text: str, found: list[tuple[int, int]]) -> str:
    if not found:
        return _tidy(_without_signature(_without_footer(text)))
    end = found[-1][1]
    above = text[:end]
    if any(signature in above for signature in _SIGNATURES):
        above = _without_short_signatures(text, found)
    below = _without_signature(_without_footer(text[end:])).rstrip()
    return _without_blank_top(_ended(above) + below)


def _spans_left(text: str, found: list[tuple[int, int]], cleaned: str) -> list[tuple[int, int]]:
    """Where diffs stand in the cleaned text; looked for again when more than ends were cut off."""
    top = _blank_top(text)
    cut = top + len(cleaned)
    end = found[-1][1] if found else 0
    whole = _ended(text) if end == len(text) else text
    is_piece = whole.startswith(cleaned, top)
    if is_piece and (cut in (end, len(whole)) or whole.startswith(_LINE_ENDS, cut)):
        return [(start - top, end - top) for start, end in extents.spans_above(whole, found, cut)]
    return extents.spans(cleaned)


def _gaps(text: str, found: list[tuple[int, int]]) -> list[str]:
    """What stands before, between and behind the diffs."""
    starts = [0, *(end for _, end in found)]
    ends = [*(start for start, _ in found), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _without_footer(text: str) -> str:
    """Without what a list appends to every mail; a footer of each kind may stand there."""
    bounded = "\n" + text
    for opening, footer in _FOOTERS:
        start = max(0, len(bounded) - _FOOTER_LENGTH)
        if bounded.find(opening, start) < 0:
            continue
        for match in footer.finditer(bounded, start):
            below = bounded[match.end() :]
            if below.strip().count("\n") < _FOOTER_LINES and _speaks_of_list(below):
                bounded = bounded[: match.start() + 1]
                break
    return bounded[1:]


def _speaks_of_list(text: str) -> bool:
    return any(sign in text for sign in _FOOTER_SIGNS) or bool(_FOOTER_WORDS.search(text))


def _without_signature(text: str) -> str:
    bounded = "\n" + text
    last = max(bounded.rfind("\n-- \n"), bounded.rfind("\n-- \r\n"))
    if last >= 0:
        return bounded[1 : last + 1]
    start = max(0, len(bounded) - _FOOTER_LENGTH)
    if "\n--" in bounded[start:] and (bare := _GIT_SIGNATURE.search(bounded, start)):
        return bounded[1 : bare.start() + 1]
    return text


def _without_short_signatures(text: str, found: list[tuple[int, int]]) -> str:
    """The text up to the end of its last diff."""
    kept = []
    for gap, (start, end) in zip(_gaps(text, found), found, strict=False):
        kept += [_without_short_signature(gap) if "-- " in gap else gap, text[start:end]]
    return "".join(kept)


def _without_short_signature(text: str) -> str:
    """Above a diff a signature ends at the first blank line: more text may follow it.

    One that ``---`` ends is a line of a commit message.
    """
    bounded = "\n" + text
    if signature := _SIGNATURE.search(bounded):
        blank = _BLANK_LINE.search(bounded, signature.end() - 1)
        end = blank.start() if blank else len(bounded)
        if not _NOTES.search(bounded, signature.end(), end):
            return bounded[1 : signature.start()] + (bounded[end:] or "\n")
    return text


def _ended(diff: str) -> str:
    return diff if diff.endswith("\n") else diff + "\n"


def _tidy(text: str) -> str:
    return _without_blank_top(text).rstrip()


def _without_blank_top(text: str) -> str:
    """Leading blank lines go, the first line keeps its indentation."""
    return text[_blank_top(text) :]


def _blank_top(text: str) -> int:
    """Where the first line begins that is not blank."""
    return text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
