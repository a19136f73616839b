# SPDX-License-Identifier: GPL-2.0-or-later
"""What mails say, from facts alone."""

from __future__ import annotations

import pytest

from patchwork.checks.models import ResultState
from patchwork.notifications import letters
from patchwork.notifications.letters import SUMMARY_LIMIT, Result, about_result

PAGE = "https://patchwork.example.com/series/7/rev/1/"
LINE = "lamp.c:3: no oil\n"
LINES = SUMMARY_LIMIT // len(LINE)


def summary_told(summary: str) -> str:
    result = Result("build", ResultState.FAILURE, summary, "https://ci.example.org/7/")
    _, text = about_result(result, letters.Tested("Series", "Oil", PAGE))
    return text.partition("== Summary ==\n\n")[2].partition("\n\n== Logs ==")[0]


@pytest.mark.parametrize("summary", ["no oil", LINE * LINES, "x" * SUMMARY_LIMIT])
def test_a_summary_that_somebody_can_read_is_told_whole(summary: str) -> None:
    assert summary_told(summary) == summary


@pytest.mark.parametrize(
    ("summary", "kept"),
    [
        (LINE * 50_000, (LINE * LINES).removesuffix("\n")),
        ("x" * 1_000_000, "x" * SUMMARY_LIMIT),
        ("first\n" + "x" * 100_000, "first\n" + "x" * (SUMMARY_LIMIT - 6)),
        ("x" * SUMMARY_LIMIT + "\nlast", "x" * SUMMARY_LIMIT),
    ],
)
def test_of_a_longer_one_it_is_told_how_much_more_there_is(summary: str, kept: str) -> None:
    more = len(summary) - len(kept)
    assert summary_told(summary) == f"{kept}\n\n... and {more:,} characters more: {PAGE}"
