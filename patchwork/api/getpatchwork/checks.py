# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks: results of tests on a patch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Contains
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing, allow
from patchwork.api.getpatchwork.sent import Sent
from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    ID,
    TEXT,
    TIME,
    Body,
    Shape,
    Words,
    list_of,
    nullable,
    text,
)
from patchwork.api.getpatchwork.wording import (
    ACCOUNT,
    CHECK_STATES,
    CHECK_WORDS,
    Said,
    Wording,
    written,
)
from patchwork.api.parameters import Asked, shown, wrong
from patchwork.checks.addresses import is_address
from patchwork.checks.changes import record_result
from patchwork.checks.models import DESCRIPTION_LIMIT, CheckResult, ResultState
from patchwork.checks.names import CONTEXT, LONGEST
from patchwork.checks.queries import ResultRecord, result_records
from patchwork.people.models import Scope
from patchwork.people.queries import Account, accounts
from patchwork.tracking.models import Patch
from patchwork.tracking.permissions import may_report_results

CHECK = Shape(
    "Check",
    {
        "id": ID,
        "url": ADDRESS,
        "user": nullable(ACCOUNT),
        "date": TIME,
        "state": CHECK_WORDS,
        "target_url": nullable(TEXT),
        "context": TEXT,
        "description": nullable(TEXT),
    },
)
MENTIONED = Shape(
    "EmbeddedCheck",
    {name: CHECK.fields[name] for name in ("id", "url", "date", "state", "target_url", "context")},
)
RESULT = Shape(
    "TestResult",
    {
        "id": ID,
        "user": nullable(ACCOUNT),
        "test_name": TEXT,
        "state": Words({**CHECK_WORDS.since, ResultState.INFO: 5}),
        "target_url": nullable(TEXT),
        "description": nullable(TEXT),
        "date": TIME,
    },
)
NEW = Body(
    "NewCheck",
    {
        "state": CHECK_WORDS,
        "target_url": text(200),
        "context": text(LONGEST),
        "description": text(DESCRIPTION_LIMIT),
    },
    required=("state",),
)


class Checks(Listing):
    """``/patches/5/checks/``"""

    told = CHECK
    body = NEW
    scope = Scope.CHECKS
    filters: ClassVar[dict[str, Any]] = {
        **asking.PERIOD,
        "user": asking.NAMED,
        "state": list_of(CHECK_WORDS),
        "context": TEXT,
    }
    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "date": "date",
        "state": "state",
        "context": "context",
    }

    searched = ("test_name",)

    def select(self, asked: Asked) -> QuerySet[Any]:
        asking.known_projects(asked)
        rows = asking.accounts(asked, "user", CheckResult.objects.filter(patch=self.find_patch()))
        rows = asking.period(asked, rows)
        if words := asked.words("state", CHECK_WORDS.at(self.minor)):
            rows = rows.filter(
                state__in=[ours for ours, word in CHECK_STATES.items() if word in words]
            )
        if context := asked.text("context"):
            rows = rows.filter(context=context)
        return rows

    def having(self, word: str) -> Q:
        """Names of tests are compared byte for byte, but where they are searched."""
        return Q(Contains(Lower(F("test_name")), Lower(Value(word))))

    def post(self, request: Request, **_: str) -> Response:
        patch = self.find_patch()
        may = partial(may_report_results, project=patch.project)
        user = allow(request, self.scope, patch.project_id, may)
        sent = self.sent(CHECK.fields)
        if "state" not in sent:
            raise wrong("state", "This field is required.")
        words = {word: state for state, word in CHECK_STATES.items() if state != ResultState.INFO}
        result = record_result(
            target=patch,
            test_name=_given_context(sent),
            state=words[sent.word("state", words)],
            user=user,
            url=_given_address(sent),
            summary=sent.text("description") if "description" in sent else "",
        )
        said = say_checks(self.wording(()), result_records([result.pk]))[0]
        return Response(said, status=201)

    def find_patch(self) -> Patch:
        patches = Patch.objects.select_related("project").defer("content", "diff")
        patch = patches.filter(pk=self.number("patch_id")).first()
        if patch is None:
            raise Http404
        return patch

    def say(self, ids: list[int]) -> list[Said]:
        return say_checks(self.wording(()), result_records(ids))


class OneCheck(Face):
    """``/patches/5/checks/6/``"""

    told = CHECK

    def get(self, request: Request, **_: str) -> Response:
        patch_id = self.number("patch_id")
        found = [
            result
            for result in result_records([self.number("check_id")])
            if result.patch_id == patch_id
        ]
        if not found:
            raise Http404
        return Response(say_checks(self.wording(()), found)[0])


def _given_context(sent: Sent) -> str:
    context = sent.text("context") if "context" in sent else ""
    if context and not CONTEXT.fullmatch(context):
        raise wrong("context", "It is made of letters, digits, - and _ only.")
    return context or "default"


def _given_address(sent: Sent) -> str:
    address = sent.text("target_url") if "target_url" in sent else ""
    if address and not is_address(address):
        raise wrong("target_url", f"{shown(address)} is not an address such as https://ci/5.")
    return address


def reporters(results: Iterable[ResultRecord]) -> set[int]:
    return {result.user_id for result in results if result.user_id}


def say_results(wording: Wording, results: Sequence[ResultRecord]) -> list[Said]:
    """Results on a whole series."""
    users = accounts(reporters(results)) if results else {}
    return [mention_result(wording, result, users) for result in results]


def say_checks(wording: Wording, results: Sequence[ResultRecord]) -> list[Said]:
    users = accounts(reporters(results))
    return [
        {
            "id": result.id,
            "url": _address(wording, result),
            "user": wording.account(users.get(result.user_id or 0)),
            "date": written(result.date),
            "state": CHECK_STATES[result.state],
            "target_url": result.url or None,
            "context": result.context,
            "description": result.summary or None,
        }
        for result in results
    ]


def mention_check(wording: Wording, result: ResultRecord) -> Said:
    """As an event mentions it."""
    return {
        "id": result.id,
        "url": _address(wording, result),
        "date": written(result.date),
        "state": CHECK_STATES[result.state],
        "target_url": result.url or None,
        "context": result.context,
    }


def mention_result(wording: Wording, result: ResultRecord, users: Mapping[int, Account]) -> Said:
    """A result on a whole series, which 1.5 tells; it tells states apart that checks do not."""
    is_info = result.state == ResultState.INFO
    return {
        "id": result.id,
        "user": wording.account(users.get(result.user_id or 0)),
        "test_name": result.test_name,
        "state": result.state if is_info else CHECK_STATES[result.state],
        "target_url": result.url or None,
        "description": result.summary or None,
        "date": written(result.date),
    }


def _address(wording: Wording, result: ResultRecord) -> str:
    return f"{wording.api}/patches/{result.patch_id}/checks/{result.id}/"
