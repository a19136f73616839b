# SPDX-License-Identifier: GPL-2.0-or-later
"""What mails about patches say: subjects and texts, from facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from patchwork.checks.models import ResultState

SUMMARY_LIMIT = 20_000
"""Characters: a result may have a million."""
_MARKS = {
    ResultState.PENDING: "…",
    ResultState.INFO: "○",
    ResultState.SUCCESS: "✓",
    ResultState.WARNING: "✗",
    ResultState.FAILURE: "✗",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a patch."""

    project: str
    patch: str
    address: str
    before: str
    after: str


def about_changes(changes: Sequence[Change]) -> tuple[str, str]:
    """Subject and text of the mail that tells a submitter of all of them."""
    first = changes[0]
    if len(changes) == 1:
        return f"{first.after}: {first.patch}", "\n".join(_changes_told(changes))
    states = {change.after for change in changes}
    after = f": {first.after}" if len(states) == 1 else ""
    return f"{len(changes)} of your patches{after}", "\n".join(_changes_told(changes))


def _changes_told(changes: Sequence[Change]) -> Iterator[str]:
    yield (
        "The state of a patch that you sent has changed:"
        if len(changes) == 1
        else ("The states of patches that you sent have changed:")
    )
    for project, group in groupby(changes, key=attrgetter("project")):
        yield ""
        yield f"{project}:"
        for change in group:
            yield ""
            yield f"  {change.patch}"
            yield f"  {change.before} -> {change.after}"
            yield f"  {change.address}"
    yield ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a test said."""

    test_name: str
    state: ResultState
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test was about."""

    kind: str
    """``Series`` or ``Patch``"""
    name: str
    address: str
    revision: int = 1


def about_result(result: Result, tested: Tested) -> tuple[str, str]:
    """Subject and text of the mail that tells of a result."""
    revision = f" (rev{tested.revision})" if tested.revision > 1 else ""
    subject = (
        f"{_MARKS[result.state]} {result.test_name}: {result.state} for {tested.name}{revision}"
    )
    return subject, "\n".join(_result_told(result, tested, revision))


def _cut(summary: str, address: str) -> Iterator[str]:
    """As much of it as somebody will read in a mail, in whole lines unless one is very long."""
    if len(summary) <= SUMMARY_LIMIT:
        yield summary
        return
    end = summary.rfind("\n", SUMMARY_LIMIT // 2, SUMMARY_LIMIT + 1)
    kept = summary[: end if end >= 0 else SUMMARY_LIMIT]
    yield kept
    yield ""
    yield f"... and {len(summary) - len(kept):,} characters more: {address}"


def _result_told(result: Result, tested: Tested, revision: str) -> Iterator[str]:
    yield f"== {tested.kind} Details =="
    yield ""
    yield f"{tested.kind:<6}: {tested.name}{revision}"
    yield f"URL   : {tested.address}"
    yield f"State : {result.state}"
    yield ""
    if result.summary:
        yield "== Summary =="
        yield ""
        yield from _cut(result.summary, tested.address)
        yield ""
    if result.url:
        yield "== Logs =="
        yield ""
        yield f"For more details see: {result.url}"
        yield ""
