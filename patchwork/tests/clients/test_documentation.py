# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pages about the clients show is what the clients do."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from patchwork.tests import gits
from patchwork.tests.clients import trackers
from patchwork.tests.clients.conftest import ROOT

PAGES = [
    ROOT / "docs" / "usage" / "git-pw.rst",
    ROOT / "docs" / "usage" / "hooks.rst",
    ROOT / "git-pw" / "README.md",
    ROOT / "git-pw" / "git-pw.1",
]


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^ *\.\. code-block:: {language}\n\n((?:(?: .*)?\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in found]


def command_lines() -> list[str]:
    """Each call of git-pw that a page shows, without what it is piped into."""
    lines = [
        line.strip().removeprefix("$ ")
        for page in PAGES
        for line in page.read_text(encoding="utf-8").replace("\\-", "-").splitlines()
        if re.match(r" *\$ git[ -]pw ", line)
    ]
    return [re.split(r" [|>] ", line)[0] for line in lines]


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_commands_are_understood(line, pw, tmp_path):
    """With nothing set up they all get as far as to miss the server."""
    words = shlex.split(line.replace("$(git rev-parse HEAD)", "HEAD"))
    ended = pw(*words[words.index("pw") + 1 :], directory=tmp_path)
    assert re.match(r"fatal: (no server is set|results\.txt: )", ended.stderr), ended.stderr


def test_there_are_enough_of_them():
    assert len(command_lines()) > 20


def test_the_filter_shows_series(freedesktop, pw, tmp_path):
    """Also while there are events of other kinds."""
    events = [
        trackers.freedesktop_event(3304, 3, "2016-02-13T01:00:00"),
        {**trackers.freedesktop_event(3304, 3, "2016-02-12T02:00:00"), "name": "other"},
        trackers.freedesktop_event(3324, 1, "2016-02-12T01:00:00"),
    ]
    trackers.freedesktop_list(
        freedesktop,
        "/api/1.0/projects/list/events/",
        events,
        lambda asked, event: event["name"] in asked.parameters.get("name", ["series-new-revision"]),
    )
    (show_series,) = blocks(PAGES[0], "python")
    shown = subprocess.run(
        [sys.executable, "-c", show_series],
        input=pw("poll-events", "--since=2016-02-12").stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "series 3324 (rev 1)\nseries 3304 (rev 3)\n"
    assert shown.stdout.replace("\n", "\n   ").strip() in PAGES[0].read_text(encoding="utf-8")


def test_the_hook_is_set_up_and_tried_as_described(freedesktop, clone, environment, tmp_path):
    """Line by line, with our paths."""
    trackers.speak_old_getpatchwork(freedesktop)
    bare = tmp_path / "parsers.git"
    gits.git(clone, "commit", "--quiet", "--allow-empty", "--message=more")
    gits.git(clone, "clone", "--quiet", "--bare", ".", str(bare))
    script = "\n".join(
        line.removeprefix("$ ")
        for block in blocks(PAGES[1], "console")
        for line in block.splitlines()
    )
    for theirs, ours in {
        "/srv/git/parsers.git": str(bare),
        "https://patchwork.example.org": freedesktop.url,
        "<an API token of a maintainer>": "sesame",
        "main~3": "main~1",
    }.items():
        assert theirs in script
        script = script.replace(theirs, ours)
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env={**environment, "MOST_COMMITS": "5"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{gits.git(clone, 'rev-parse', 'HEAD')}: changes nothing\n"


def test_events_on_the_page_are_events():
    shown = re.findall(r'^   (\{"series": .*?), \.\.\. \}$', PAGES[0].read_text(), re.MULTILINE)
    assert {json.loads(f"{line}}}")["name"] for line in shown} == {"series-new-revision"}
