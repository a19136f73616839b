# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands whose reader has seen enough, as ``head`` has."""

from __future__ import annotations

import os
import sys

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db

BY_LINE, BY_BLOCK = 1, -1


@pytest.mark.parametrize("buffering", [BY_LINE, BY_BLOCK])
@pytest.mark.parametrize(
    "command",
    [
        *("mails list", "mails stats", "jobs list", "jobs stats"),
        *("token list", "quarantine list"),
    ],
)
def test_they_end_quietly(
    command: str, buffering: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the reader is missed: at a line, or when all that is left is written at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=buffering) as out:
        monkeypatch.setattr(sys, "stdout", out)
        call_command(*command.split())
    assert capfd.readouterr().err == ""
