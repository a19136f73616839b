# SPDX-License-Identifier: GPL-2.0-or-later
"""What an address asks of a list, and the form that says it again.

A value that means nothing here filters nothing, and the form shows it as not chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from patchwork.people.models import Person
from patchwork.projects.models import State
from patchwork.tracking import queries
from patchwork.tracking.models import SeriesState
from patchwork.tracking.queries import Archived, PatchSelection, SeriesSelection
from patchwork.web.paging import Sort, without_place

TEXT_LIMIT = 200

OPEN = frozenset(SeriesState) - {SeriesState.DONE}
SERIES_STATES: Mapping[str, tuple[str, frozenset[SeriesState]]] = {
    "open": ("Open", OPEN),
    "all": ("All", frozenset(SeriesState)),
    "incomplete": ("Incomplete", frozenset({SeriesState.INCOMPLETE})),
    "initial": ("Nobody looked yet", frozenset({SeriesState.INITIAL})),
    "in-progress": ("In progress", frozenset({SeriesState.IN_PROGRESS})),
    "done": ("Done", frozenset({SeriesState.DONE})),
}
PATCH_STATES: Mapping[str, str] = {"open": "Action required", "all": "All"}
PATCH_STATE_PREFIX = "has-"
"""Before a patch state's slug, because a state may be called "done", too."""

ARCHIVED = ((Archived.NO, "Hidden"), (Archived.YES, "Only archived"), (Archived.BOTH, "Included"))


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values that a form offers."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """The form above a list."""

    states: tuple[Option, ...]
    patch_states: tuple[Option, ...]
    archived: tuple[Option, ...]
    submitter: Person | None
    submitter_text: str
    text: str
    sort: str
    is_default: bool
    without_submitter: str
    """The address of this list with everybody's rows."""


@dataclass(frozen=True, slots=True)
class _Common:
    submitter: Person | None
    submitter_text: str
    text: str
    archived: Archived


def series(asked: QueryDict, states: Sequence[State]) -> tuple[SeriesSelection, Filters]:
    """Which series are asked for. Without a word: those that wait for somebody."""
    word = asked.get("state", "")
    patch_state = _state(word, states)
    if patch_state is None and word not in SERIES_STATES:
        word = "open"
    common = _common(asked)
    selection = SeriesSelection(
        states=SERIES_STATES[word][1] if patch_state is None else frozenset(SeriesState),
        patch_state=patch_state,
        submitter=common.submitter,
        submitter_text=common.submitter_text,
        text=common.text,
        archived=common.archived,
    )
    labels = {value: label for value, (label, _) in SERIES_STATES.items()}
    return selection, _form(asked, word, labels, states, common)


def patches(asked: QueryDict, states: Sequence[State]) -> tuple[PatchSelection, Filters]:
    """Which patches are asked for. Without a word: those that wait for somebody."""
    word = asked.get("state", "")
    state = _state(word, states)
    if state is None and word not in PATCH_STATES:
        word = "open"
    common = _common(asked)
    selection = PatchSelection(
        action_required=word == "open",
        state=state,
        submitter=common.submitter,
        submitter_text=common.submitter_text,
        text=common.text,
        archived=common.archived,
    )
    return selection, _form(asked, word, PATCH_STATES, states, common)


def sort_of(asked: QueryDict, sorts: Sequence[Sort]) -> Sort:
    """The order that is asked for; the first one unless it is known."""
    return next((sort for sort in sorts if sort.word == asked.get("sort")), sorts[0])


def _state(word: str, states: Sequence[State]) -> State | None:
    slug = word.removeprefix(PATCH_STATE_PREFIX)
    return next((state for state in states if state.slug == slug != word), None)


def _common(asked: QueryDict) -> _Common:
    written = _text(asked, "submitter")
    is_id = written.isascii() and written.isdigit() and len(written) < 19
    submitter = queries.find_person(int(written)) if is_id else None
    archived = asked.get("archived", "")
    return _Common(
        submitter=submitter,
        submitter_text="" if submitter else written,
        text=_text(asked, "q"),
        archived=Archived(archived) if archived in set(Archived) else Archived.NO,
    )


def _text(asked: QueryDict, name: str) -> str:
    return asked.get(name, "")[:TEXT_LIMIT].replace("\0", "").strip()


def _form(
    asked: QueryDict,
    word: str,
    words: Mapping[str, str],
    states: Sequence[State],
    common: _Common,
) -> Filters:
    by_slug = {PATCH_STATE_PREFIX + state.slug: state.name for state in states}
    return Filters(
        states=_options(words, word),
        patch_states=_options(by_slug, word),
        archived=_options(dict(ARCHIVED), common.archived),
        submitter=common.submitter,
        submitter_text=common.submitter_text,
        text=common.text,
        sort=asked.get("sort", ""),
        is_default=word == "open" and common == _Common(None, "", "", Archived.NO),
        without_submitter=without_place(asked, {"submitter": ""}),
    )


def _options(labels: Mapping[str, str], chosen: str) -> tuple[Option, ...]:
    return tuple(Option(value, label, value == chosen) for value, label in labels.items())
