# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Subject says: ``Re: [list] [PATCH v2 1/3] Name (take 2)``.

A head of reply words and brackets, then the name. The words in the brackets are markers of the
series (``1/3``, ``1 of 3``), of the version (``v2``), the word PATCH, or prefixes that people and
projects made up. The text is cut before anything else, and every step runs through it once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from patchwork.mail.facts import NAME_LIMIT, SUBJECT_LIMIT, SubjectFacts

NO_SUBJECT = "(no subject)"
HIGHEST_NUMBER = 9_999
"""Of patches in a series and of versions; a higher one counts something else."""
SURPLUS_LIMIT = 100
"""How far a patch's number may lie above the announced total before it is a date or the like."""

_REPLY = re.compile(
    r"(?:re|fwd?|aw|antw|sv|vs|wg|tr|res|rv|réf)(?:\[\d{1,5}\]|\(\d{1,5}\))? ?: ?", re.IGNORECASE
)
_MARKER = re.compile(
    r"\(?(?P<patch>patch(?:es|set)?[-_:#.]?)?"
    r"(?:(?:rfc|pull)?v(?P<version>\d{1,6})(?:\.\d{1,6})*|(?P<index>\d{1,6})/(?P<total>\d{1,6}))?\)?",
    re.IGNORECASE,
)
_HYPHENATED_PATCH = re.compile(r"patch[-_:](?=.)", re.IGNORECASE)
_HG_SERIES = re.compile(r"\b(\d{1,6}) of (\d{1,6})(?=[ ,]|\Z)")
_TAKE = re.compile(r"\btake (\d{1,6})(?=[ ,]|\Z)")
_JOINER = "\x1f"
"""Holds the words of ``1 of 3`` together while a bracket is taken apart."""
_JOINED_SERIES = rf"\1{_JOINER}of{_JOINER}\2"
_JOINED_TAKE = rf"take{_JOINER}\1"
_PULL_NAME = re.compile(r"(?:GIT )?PULL\b|(?i:git pull\b|pull request\b)")
_VERSION_TAIL = " ).0123456789"
_VERSION_WORDS = ("v", "take")
_SEPARATORS = " ,("


@dataclass(slots=True)
class _Marks:
    """What the brackets say, gathered word by word."""

    prefixes: list[str] = field(default_factory=list)
    index: int | None = None
    total: int | None = None
    version: int | None = None
    is_patch: bool = False
    is_pull: bool = False


def parse(subject: str, drop: tuple[str, ...] = ()) -> SubjectFacts:
    """Take a Subject apart; ``drop`` are the names of project and list, which say nothing here."""
    text = " ".join(subject[:SUBJECT_LIMIT].split())
    is_reply, brackets, written = _take_apart(text)
    name = written or NO_SUBJECT
    marks = _read(brackets, drop)
    stem, named_version = _without_version(name)
    # A numbered patch called "Bump libfoo to v2" belongs to its siblings all the same.
    is_versioned = marks.version is not None or marks.index
    display = f"[{','.join(marks.prefixes)}] {name}" if marks.prefixes else name
    return SubjectFacts(
        name=name[:NAME_LIMIT].rstrip(),
        prefixes=tuple(marks.prefixes),
        display=display[:NAME_LIMIT].rstrip(),
        index=marks.index,
        total=marks.total,
        version=marks.version if is_versioned else named_version,
        is_reply=is_reply,
        is_patch=marks.is_patch,
        is_pull=marks.is_pull or _PULL_NAME.match(name) is not None,
        key="" if name == NO_SUBJECT else stem.lower()[:NAME_LIMIT].rstrip(),
    )


def _take_apart(text: str) -> tuple[bool, tuple[str, ...], str]:
    """Whether it is a reply, the contents of the leading brackets, and the name."""
    is_reply = False
    brackets: tuple[str, ...] = ()
    position = 0
    while position < len(text):
        if text[position] == "[":
            end = text.find("]", position)
            if end < 0:
                break
            brackets += (text[position + 1 : end].replace("[", " "),)
            position = _skip(text, end + 1, " ]:")
        elif (reply := _REPLY.match(text, position)) and _is_reply_word(
            text, reply.end(), brackets
        ):
            is_reply = True
            position = _skip(text, reply.end(), " ")
        else:
            break
    return is_reply, brackets, text[position:]


def _is_reply_word(text: str, behind: int, brackets: tuple[str, ...]) -> bool:
    """Behind ``[PATCH]`` such a word names a part of the program, unless a bracket follows."""
    return not brackets or text.startswith("[", behind) or not _read(brackets, ()).is_patch


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position


@lru_cache(maxsize=2048)
def _read(brackets: tuple[str, ...], drop: tuple[str, ...]) -> _Marks:
    """What the brackets say; remembered, because most mails of a list say the same few things."""
    dropped = {dropped.casefold() for dropped in drop}
    marks = _Marks()
    for bracket in brackets:
        if bracket.strip().casefold() in dropped:
            continue
        if " of " in bracket:
            bracket = _HG_SERIES.sub(_JOINED_SERIES, bracket)
        if "take " in bracket:
            bracket = _TAKE.sub(_JOINED_TAKE, bracket)
        for word in bracket.replace(",", " ").split(" "):
            if word and (not dropped or word.casefold() not in dropped):
                _read_word(word, marks)
    return marks


def _read_word(word: str, marks: _Marks) -> None:
    if _JOINER in word:
        _read_joined(word.split(_JOINER), marks)
        return
    marker = _MARKER.fullmatch(word)
    if marker is None:
        _read_unmarked(word, marks)
        return
    if patch := marker["patch"]:
        marks.is_patch = True
        word = word.lstrip("(")[len(patch) :]
    if marker["version"]:
        _note_version(int(marker["version"]), marks)
    elif marker["total"]:
        _note_series(int(marker["index"]), int(marker["total"]), marks)
    if word := word.strip("()"):
        marks.prefixes.append(word)


def _read_joined(words: list[str], marks: _Marks) -> None:
    if len(words) == 3:
        _note_series(int(words[0]), int(words[2]), marks)
    else:
        _note_version(int(words[1]), marks)
    marks.prefixes.append(" ".join(words))


def _read_unmarked(word: str, marks: _Marks) -> None:
    if hyphenated := _HYPHENATED_PATCH.match(word):
        marks.is_patch = True
        word = word[hyphenated.end() :]
    elif "/" in word and "patch" in word.lower().split("/"):
        for part in word.split("/"):
            if part:
                _read_word(part, marks)
        return
    if word.upper() == "PULL":
        marks.is_pull = True
    marks.prefixes.append(word)


def _note_version(version: int, marks: _Marks) -> None:
    if marks.version is None and version <= HIGHEST_NUMBER:
        marks.version = version


def _note_series(index: int, total: int, marks: _Marks) -> None:
    if marks.total is None and 0 < total <= HIGHEST_NUMBER and index <= total + SURPLUS_LIMIT:
        marks.index, marks.total = index, total
        marks.is_patch = True


def _without_version(name: str) -> tuple[str, int | None]:
    """The name without a ``(v4)`` or ``, take 5`` at its end, and that number."""
    if name[-1] not in _VERSION_TAIL:
        return name, None
    head = name.rstrip(_VERSION_TAIL)
    number = _first_number(name[len(head) :])
    if number is None or number > HIGHEST_NUMBER:
        return name, None
    for word in _VERSION_WORDS:
        if head[-len(word) :].lower() == word and head[-len(word) - 1 : -len(word)] in _SEPARATORS:
            stem = head[: -len(word)].rstrip(_SEPARATORS)
            if stem:
                return stem, number
    return name, None


def _first_number(tail: str) -> int | None:
    digits = tail.lstrip(" ).")
    end = 0
    while end < len(digits) and digits[end].isdigit():
        end += 1
    return int(digits[:end]) if 0 < end <= 6 else None
