# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pages about the API show is what the API answers."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch, Series

PAGES = Path(__file__).parents[3] / "docs" / "usage"
SITE = "https://patchwork.example.com"
FEATURE = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    +--> [PATCH 2/2] Two
"""


def reading() -> list[tuple[str, str]]:
    """Each call of curl that changes nothing, without what it is piped into, and what it shows."""
    found = []
    for page in ("rest-getpatchwork.rst", "rest-freedesktop.rst"):
        text = (PAGES / page).read_text(encoding="utf-8")
        for block in re.findall(r"code-block:: console\n\n((?:(?:   .*)?\n)+)", text):
            command, _, shown = textwrap.dedent(block).partition("\n")
            if not command.endswith("\\"):
                found.append((command.removeprefix("$ ").partition(" | ")[0], shown))
    return found


@pytest.mark.parametrize(("command", "shown"), reading(), ids=[command for command, _ in reading()])
def test_what_is_read_is_as_shown(
    live_server: LiveServer, project: Project, command: str, shown: str
):
    """With our server and our ids; every field that is shown is there."""
    Project.objects.update(linkname="intel-gfx")
    receive_many(thread(FEATURE))
    for theirs, ours in {
        SITE: live_server.url,
        r"/series/\d+/": f"/series/{Series.objects.get().pk}/",
        r"/revisions/\d+/": "/revisions/1/",
        r"/patches/\d+/": f"/patches/{Patch.objects.earliest('pk').pk}/",
    }.items():
        command = re.sub(theirs, ours, command)
    answer = subprocess.run(
        ["bash", "-euc", command], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "Not found" not in answer
    assert _names(shown) <= _names(answer)
    assert answer.startswith(("{", "From "))


def _names(answer: str) -> set[str]:
    return set(re.findall(r'"(\w+)":', answer))


def test_there_are_enough_of_them():
    assert len(reading()) > 8
