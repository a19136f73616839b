# SPDX-License-Identifier: GPL-2.0-or-later
"""Events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.checks import (
    MENTIONED,
    RESULT,
    mention_check,
    mention_result,
    reporters,
)
from patchwork.api.getpatchwork.faces import Listing
from patchwork.api.getpatchwork.series import single
from patchwork.api.getpatchwork.shapes import (
    ID,
    TEXT,
    TIME,
    Shape,
    Since,
    Words,
    list_of,
    nullable,
)
from patchwork.api.getpatchwork.wording import (
    ACCOUNT,
    COMMENT,
    COVER,
    PATCH,
    PROJECT,
    SERIES,
    Said,
    Wording,
    written,
)
from patchwork.api.parameters import Asked
from patchwork.checks.queries import result_records
from patchwork.events.models import Event, EventKind
from patchwork.events.records import EventRecord, event_records
from patchwork.people.queries import accounts
from patchwork.projects.models import State
from patchwork.tracking.models import Cover, Patch
from patchwork.tracking.queries.records import (
    comment_mentions,
    cover_mentions,
    patch_mentions,
    revision_mentions,
)

KINDS = Words(
    {
        EventKind.COVER_CREATED: 0,
        EventKind.PATCH_CREATED: 0,
        EventKind.PATCH_COMPLETED: 0,
        EventKind.PATCH_STATE_CHANGED: 0,
        EventKind.PATCH_RELATION_CHANGED: 0,
        EventKind.PATCH_DELEGATED: 0,
        EventKind.CHECK_CREATED: 0,
        EventKind.SERIES_CREATED: 0,
        EventKind.SERIES_COMPLETED: 0,
        EventKind.COVER_COMMENT_CREATED: 3,
        EventKind.PATCH_COMMENT_CREATED: 3,
        EventKind.SERIES_NEW_REVISION: 5,
        EventKind.REVISION_TESTED: 5,
    }
)
"""A client is not told of kinds that its version does not know."""
_ABOUT = {
    "patch": PATCH,
    "cover": COVER,
    "comment": Since(3, COMMENT),
    "series": SERIES,
    **dict.fromkeys(("previous_state", "current_state"), TEXT),
    **dict.fromkeys(("previous_delegate", "current_delegate"), nullable(ACCOUNT)),
    **dict.fromkeys(("previous_relation", "current_relation"), nullable(TEXT)),
    "check": nullable(MENTIONED),
    "test_result": Since(5, nullable(RESULT)),
}
EVENT = Shape(
    "Event",
    {
        "id": ID,
        "category": KINDS,
        "project": PROJECT,
        "date": TIME,
        "actor": Since(2, nullable(ACCOUNT)),
        "payload": Shape("EventPayload", _ABOUT, optional=_ABOUT),
    },
)


class Events(Listing):
    """``/events/``, the newest first"""

    told = EVENT
    filters: ClassVar[dict[str, Any]] = {
        **asking.PERIOD,
        "category": list_of(KINDS),
        **dict.fromkeys(("series", "patch", "cover"), asking.IDS),
        "actor": asking.NAMED,
    }
    orders: ClassVar[dict[str, str]] = {"date": "event_time"}
    default_order = "-date"
    searched = ("project__name",)

    def select(self, asked: Asked) -> QuerySet[Any]:
        rows = Event.objects.filter(historical__in=[False])
        kinds = KINDS.at(self.minor)
        if asked_kinds := asked.words("category", kinds):
            rows = rows.filter(kind__in=asked_kinds)
        else:
            # Nearly all of them: said the other way round, so that no database goes by kind.
            rows = rows.exclude(kind__in=sorted(set(EventKind) - set(kinds)))
        rows = asking.projects(asked, asking.period(asked, rows, "event_time"))
        rows = asking.accounts(asked, "actor", rows)
        rows = asking.one_of_ids(asked, "patch", rows, Patch.objects.all())
        rows = asking.one_of_ids(asked, "cover", rows, Cover.objects.all())
        return asking.one_of_ids(asked, "series", rows, single(self.minor), "revision")

    def say(self, ids: list[int]) -> list[Said]:
        events = event_records(ids)
        wording = self.wording({event.project_id for event in events})
        telling = _Telling(wording, events)
        return [telling.of(event) for event in events]


class _Telling:
    """Tells of events, all that they mention having been read at once."""

    def __init__(self, wording: Wording, events: Sequence[EventRecord]) -> None:
        self._wording = wording
        self._patches = patch_mentions(_ids(event.patch_id for event in events))
        self._covers = cover_mentions(_ids(event.cover_id for event in events))
        self._comments = comment_mentions(_ids(event.comment_id for event in events))
        self._series = revision_mentions(_ids(event.revision_id for event in events))
        self._states = (
            dict(State.objects.values_list("pk", "slug"))
            if any(event.kind == EventKind.PATCH_STATE_CHANGED for event in events)
            else {}
        )
        checks = [*_ids(event.parameters.get("check") for event in events)]
        self._checks = {each.id: each for each in result_records(checks)} if checks else {}
        parameters = ("previous_delegate", "new_delegate")
        self._accounts = accounts(
            _ids(event.actor_id for event in events)
            | _ids(event.parameters.get(name) for event in events for name in parameters)
            | reporters(self._checks.values())
        )

    def of(self, event: EventRecord) -> Said:
        said: Said = {
            "id": event.id,
            "category": event.kind,
            "project": self._wording.project(event.project_id),
            "date": written(event.event_time),
        }
        if self._wording.minor >= 2:
            said["actor"] = self._account(event.actor_id)
        said["payload"] = self._payload(event)
        return said

    def _payload(self, event: EventRecord) -> Said:
        said: Said = {}
        wording, parameters = self._wording, event.parameters
        if event.patch_id in self._patches:
            said["patch"] = wording.patch(self._patches[event.patch_id])
        if event.cover_id in self._covers:
            said["cover"] = wording.cover(self._covers[event.cover_id])
        if event.comment_id in self._comments:
            about = f"patches/{event.patch_id}" if event.patch_id else f"covers/{event.cover_id}"
            said["comment"] = wording.comment(self._comments[event.comment_id], about)
        if event.revision_id in self._series:
            said["series"] = wording.series(self._series[event.revision_id])
        match event.kind:
            case EventKind.PATCH_STATE_CHANGED:
                said["previous_state"] = self._states.get(parameters["previous_state"], "")
                said["current_state"] = self._states.get(parameters["new_state"], "")
            case EventKind.PATCH_DELEGATED:
                said["previous_delegate"] = self._account(parameters["previous_delegate"])
                said["current_delegate"] = self._account(parameters["new_delegate"])
            case EventKind.PATCH_RELATION_CHANGED:
                for name in ("previous_relation", "current_relation"):
                    said[name] = None if parameters[name] is None else str(parameters[name])
            case EventKind.CHECK_CREATED:
                check = self._checks.get(parameters["check"])
                said["check"] = mention_check(wording, check) if check else None
            case EventKind.REVISION_TESTED:
                result = self._checks.get(parameters["check"])
                said["test_result"] = (
                    mention_result(wording, result, self._accounts) if result else None
                )
        return said

    def _account(self, user_id: int | None) -> Said | None:
        return self._wording.account(self._accounts.get(user_id or 0))


def _ids(ids: Iterable[int | None]) -> set[int]:
    return {each for each in ids if each}
