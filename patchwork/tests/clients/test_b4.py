# SPDX-License-Identifier: GPL-2.0-or-later
"""b4, as kernel maintainers install it: it looks patches up, and sets states with form data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from patchwork.checks.changes import record_result
from patchwork.ingest.receiving import receive_many
from patchwork.people import credentials, tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Scope
from patchwork.projects.models import Project
from patchwork.tests import gits
from patchwork.tests.clients.environment import installed
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEGIN = "import argparse, json, sys, b4; b4.setup_config(argparse.Namespace(config={}))"
LOOK_UP = """
print(json.dumps(b4.LoreMessage.get_patchwork_data_by_msgid(sys.argv[1])))
"""
SET_STATE = """
b4.patchwork_set_state(sys.argv[2:], sys.argv[1])
"""
B4 = Callable[..., str]


@pytest.fixture
def maintainer(project: Project) -> User:
    user = User.objects.create_user("maria")
    set_maintainers(project, [user])
    return user


@pytest.fixture
def b4(live_server, tmp_path: Path, maintainer: User) -> B4:
    """Runs a script with b4 in a repository whose settings lead to us."""
    credentials.forget()
    python = installed("b4==0.16.0") / "python"
    _, secret = tokens.issue(maintainer, "b4", scope=Scope.WRITE)
    work = tmp_path / "work"
    work.mkdir()
    gits.init(work, {"readme": "hello\n"})
    for name, value in (("key", secret), ("url", live_server.url), ("project", "list")):
        gits.git(work, "config", f"b4.pw-{name}", value)

    def run(script: str, *arguments: str) -> str:
        done = subprocess.run(
            [python, "-c", BEGIN + script, *arguments],
            cwd=work,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def patches(project: Project) -> list[Patch]:
    receive_many(thread("+ [PATCH 0/2] Two\n+--> [PATCH 1/2] One\n+--> [PATCH 2/2] Other"))
    return list(Patch.objects.select_related("mail").order_by("pk"))


def test_a_patch_is_found_by_its_message_id(b4: B4, patches: list[Patch], maintainer: User):
    record_result(target=patches[1], test_name="build", state="warning", user=maintainer)
    said = json.loads(b4(LOOK_UP, patches[1].mail.msgid.strip("<>")))
    assert said["id"] == patches[1].pk
    assert (said["name"], said["state"], said["check"]) == ("[2/2] Other", "new", "warning")


def test_states_are_set(b4: B4, patches: list[Patch]):
    b4(SET_STATE, "accepted", *(patch.mail.msgid.strip("<>") for patch in patches))
    assert set(Patch.objects.values_list("state__slug", flat=True)) == {"accepted"}
