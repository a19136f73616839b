# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parameters of a list's address select."""

from __future__ import annotations

from rest_framework.request import Request

from patchwork.api.freedesktop.shapes import EVENT_NAMES, NAMELESS
from patchwork.api.parameters import Asked, as_integer, unknown
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
)

NULL = "null"
SELF = "self"
EVERYTHING = "*"
A_NUMBER = "a number"
TEST_STATES = [state.value for state in ResultState if state is not ResultState.INFO]
"""Of a revision: where nothing is worse than an info, its tests succeeded."""
_KINDS = {name: kind for kind, name in EVENT_NAMES.items()}


def series(request: Request, project: Project | None) -> SeriesWanted:
    asked = Asked(request.query_params)
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
        states=frozenset(map(SeriesState, asked.words("state", SeriesState.values))),
        test_states=frozenset(
            None if word == NULL else word
            for word in asked.words("test_state", [*TEST_STATES, NULL])
        ),
    )


def patches(request: Request, project: Project | None) -> PatchesWanted:
    asked = Asked(request.query_params)
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
    """Without a word about names only the one that the first clients of this API know of."""
    asked = Asked(request.query_params)
    names = asked.words("name", [*_KINDS, EVERYTHING])
    kinds = {_KINDS[name] for name in names if name != EVERYTHING}
    if EVERYTHING in names:
        kinds = set(_KINDS.values())
    return EventsWanted(
        project_id=project.pk,
        kinds=frozenset(kinds or {EventKind.SERIES_NEW_REVISION}),
        since=asked.moment("since"),
        series_id=asked.integer("series"),
        patch_id=asked.integer("patch"),
    )


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
    if not asked.texts("state"):
        return frozenset()
    ids = {name: state_id for state_id, name in names_of_states().items()}
    return frozenset(ids[word] for word in asked.words("state", ids))
