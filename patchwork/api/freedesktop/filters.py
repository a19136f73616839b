# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parameters of a list's address select."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rest_framework.request import Request

from patchwork.api.freedesktop.shapes import EVENT_NAMES, NAMELESS
from patchwork.api.parameters import Asked, as_integer, unknown, wrong
from patchwork.checks.models import ResultState
from patchwork.events.models import EventKind
from patchwork.events.queries import EventsWanted
from patchwork.projects.models import Project
from patchwork.tracking.models import SeriesState
from patchwork.tracking.queries.catalogue import (
    PatchesWanted,
    Period,
    SeriesWanted,
    names_of_states,
    patch_ids_of_series,
)

NULL = "null"
SELF = "self"
EVERYTHING = "*"
A_NUMBER = "a number"
TEST_STATES = [state.value for state in ResultState if state is not ResultState.INFO]
"""Of a revision: where nothing is worse than an info, its tests succeeded."""
_KINDS = {name: kind for kind, name in EVENT_NAMES.items()}
_OF_PATCHES = frozenset({EventKind.PATCH_STATE_CHANGED, EventKind.PULL_REQUEST_NEW})

_OF_BOTH = (
    *("project", "name", "submitter", "state"),
    *("submitted_since", "submitted_before", "updated_since", "updated_before"),
)
SERIES = (*_OF_BOTH, "reviewer", "test_state")
PATCHES = _OF_BOTH
EVENTS = ("since", "name", "series", "patch")
ALL = sorted({*SERIES, *PATCHES, *EVENTS})


def asked_of(request: Request, filters: Iterable[str]) -> Asked:
    """The parameters, of which these select; what selects in another list alone is told.

    Anything else is passed over: clients add numbers against caches.
    """
    asked, known = Asked(request.query_params), sorted(filters)
    for name in ALL:
        if name not in known and asked.every(name):
            there = f"those that there are: {', '.join(known)}" if known else "it has none"
            raise wrong(name, f"This list has no such filter; {there}.")
    return asked


def series(request: Request, project: Project | None) -> SeriesWanted:
    asked = asked_of(request, SERIES)
    name = asked.text("name")
    reviewer = asked.text("reviewer")
    without_reviewer = reviewer == NULL
    return SeriesWanted(
        project_ids=_project_ids(asked, project),
        name=name,
        includes_nameless=name.lower() in NAMELESS.lower(),
        submitter_id=_submitter_id(asked),
        submitter_account_id=_own_account_id(request, asked),
        reviewer_id=None if without_reviewer else _number("reviewer", reviewer, NULL),
        without_reviewer=without_reviewer,
        submitted=_period(asked, "submitted"),
        updated=_period(asked, "updated"),
        states=frozenset(map(SeriesState, _words(asked, "state", SeriesState.values))),
        test_states=frozenset(
            None if word == NULL else word
            for word in _words(asked, "test_state", [*TEST_STATES, NULL])
        ),
    )


def patches(request: Request, project: Project | None) -> PatchesWanted:
    asked = asked_of(request, PATCHES)
    return PatchesWanted(
        project_ids=_project_ids(asked, project),
        name=asked.text("name"),
        submitter_id=_submitter_id(asked),
        submitter_account_id=_own_account_id(request, asked),
        submitted=_period(asked, "submitted"),
        updated=_period(asked, "updated"),
        state_ids=_state_ids(asked),
    )


def events(request: Request, project: Project) -> EventsWanted:
    """What happens to a patch is found by its series as well, whether or not the event names it."""
    asked = asked_of(request, EVENTS)
    series_id, patch_id = asked.integer("series"), asked.integer("patch")
    kinds = _kinds(asked, patch_id)
    patch_ids: frozenset[int] = frozenset()
    if series_id is not None and kinds & _OF_PATCHES:
        patch_ids = patch_ids_of_series(series_id)
    return EventsWanted(
        project_id=project.pk,
        kinds=kinds,
        since=_since(asked, request),
        series_id=series_id,
        series_patch_ids=patch_ids,
        patch_id=patch_id,
    )


def _kinds(asked: Asked, patch_id: int | None) -> frozenset[EventKind]:
    """Without a word about names only the one that the first clients of this API know of; but what
    happens to a patch is never that.
    """
    names = _words(asked, "name", [*_KINDS, EVERYTHING])
    if EVERYTHING in names:
        return frozenset(_KINDS.values())
    if not names and patch_id is not None:
        return _OF_PATCHES
    return frozenset(_KINDS[name] for name in names) or frozenset({EventKind.SERIES_NEW_REVISION})


def _since(asked: Asked, request: Request) -> datetime | None:
    """Who sends it empty has lost where he was, and is not to take everything for new."""
    since = asked.moment("since")
    if since is None and "since" in request.query_params:
        raise wrong("since", "Give a date, as 2026-11-20T14:30:00, or leave it out for all events.")
    return since


def _project_ids(asked: Asked, project: Project | None) -> frozenset[int]:
    """The project of the path, and the one that the parameter names."""
    named = asked.integer("project")
    return frozenset(each for each in (project.pk if project else None, named) if each is not None)


def _period(asked: Asked, what: str) -> Period:
    return Period(asked.moment(f"{what}_since"), asked.moment(f"{what}_before"))


def _submitter_id(asked: Asked) -> int | None:
    word = asked.text("submitter")
    return None if word == SELF else _number("submitter", word, SELF)


def _own_account_id(request: Request, asked: Asked) -> int | None:
    """Whose patches are asked for by ``self``; that is a word for those who have logged in."""
    if asked.text("submitter") != SELF:
        return None
    if request.user.pk is None:
        raise unknown("submitter", SELF, [A_NUMBER])
    return int(request.user.pk)


def _number(name: str, word: str, besides: str) -> int | None:
    if word and not (word.isascii() and word.isdecimal()):
        raise unknown(name, word, [A_NUMBER, besides])
    return as_integer(name, word) if word else None


def _state_ids(asked: Asked) -> frozenset[int]:
    if not asked.every("state"):
        return frozenset()
    ids = {name: state_id for state_id, name in names_of_states().items()}
    return frozenset(ids[word] for word in _words(asked, "state", ids))


def _words(asked: Asked, name: str, allowed: Iterable[str]) -> list[str]:
    """Of a list with commas; one that has nothing but commas asks for nothing that there is."""
    known = list(allowed)
    words = asked.words(name, known)
    given = asked.every(name)
    if given and not words:
        raise unknown(name, given[0], known)
    return words
