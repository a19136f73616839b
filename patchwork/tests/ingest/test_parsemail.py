# SPDX-License-Identifier: GPL-2.0-or-later
"""parsemail as an MTA runs it: processes, exit codes, and not one mail lost or counted twice."""

from __future__ import annotations

import grp
import os
import pwd
import random
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.receiving import receive_many
from patchwork.models import Mail
from patchwork.tests.ingest.installation import (
    PARSEMAIL,
    DeadlyProxy,
    Installation,
    deployed,
    python_for,
)
from patchwork.tests.ingest.structure import rolled_back, structure
from patchwork.tests.letters import LIST_ID, mail, patch, thread

PATCH = patch("[PATCH] Lone one", msgid="<lone@example.org>")
STRANGE = mail("Hello", headers={"List-Id": "<unknown.example.net>"})
NOGROUP = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name

WITH_AND_WITHOUT = pytest.mark.parametrize("daemon", [False, True], ids=["alone", "lmtpd"])


@pytest.fixture
def running(installation: Installation, daemon: bool) -> Iterator[None]:
    with installation.lmtpd() if daemon else nullcontext():
        yield


@WITH_AND_WITHOUT
def test_a_mail_is_taken_once(installation: Installation, running: None, daemon: bool) -> None:
    first = installation.parsemail(PATCH)
    again = installation.parsemail(PATCH, "-v")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    assert (again.returncode, again.stdout) == (0, "duplicate: <lone@example.org>\n")
    installation.fetch()
    assert Mail.objects.get().msgid == "<lone@example.org>"
    assert Mail.objects.get().raw.raw == PATCH


@WITH_AND_WITHOUT
def test_a_mail_without_a_project_is_no_reason_to_bounce(
    installation: Installation, running: None, daemon: bool
) -> None:
    done = installation.parsemail(STRANGE)
    assert done.returncode == 0
    assert "no project" in done.stderr
    assert "unknown.example.net" in done.stderr


@WITH_AND_WITHOUT
def test_the_list_may_be_told(installation: Installation, running: None, daemon: bool) -> None:
    done = installation.parsemail(STRANGE, "--list-id", LIST_ID, "-v")
    assert done.returncode == 0
    assert installation.count() == 1


@WITH_AND_WITHOUT
def test_what_is_too_big_to_read_is_kept(
    installation: Installation, running: None, daemon: bool
) -> None:
    big = PATCH + b"more and more\n" * 700_000
    done = installation.parsemail(big)
    assert done.returncode == 0
    assert "quarantined" in done.stderr
    installation.fetch()
    assert QuarantinedMail.objects.get().read_bytes() == big


def test_manage_py_hands_over_too(installation: Installation) -> None:
    with installation.lmtpd() as server:
        assert installation.manage("parsemail", mail=PATCH).returncode == 0
        server.terminate()
        _, log = server.communicate()
    assert "patch: <lone@example.org>" in log
    assert installation.count() == 1


def test_a_file_instead_of_standard_input(installation: Installation) -> None:
    path = installation.path / "mail.eml"
    path.write_bytes(PATCH)
    assert installation.parsemail(b"", str(path)).returncode == 0
    assert installation.count() == 1
    missing = installation.parsemail(b"", str(path) + ".missing")
    assert missing.returncode == 66
    assert "mail.eml.missing" in missing.stderr


def test_a_wrong_command_line_is_told_from_a_mail_to_be_sent_again(
    installation: Installation,
) -> None:
    assert installation.parsemail(PATCH, "--nonsense").returncode == 64
    assert installation.manage("parsemail", "--nonsense", mail=PATCH).returncode == 64


@pytest.mark.parametrize(
    "change",
    [
        {"DATABASE_URL": "sqlite:////nowhere/at/all", "DJANGO_SETTINGS_MODULE": "on_url"},
        {"DATABASE_URL": "sqlite:////{path}/empty", "DJANGO_SETTINGS_MODULE": "on_url"},
        {"DJANGO_SETTINGS_MODULE": "no.such.settings"},
        {"PYTHONHOME": "/nowhere"},
    ],
    ids=["no database", "not migrated", "no settings", "no Python library"],
)
def test_whatever_is_broken_the_mta_keeps_the_mail(
    installation: Installation, change: dict[str, str]
) -> None:
    (installation.path / "on_url.py").write_text("from patchwork.settings.dev import *\n")
    changed = {key: value.format(path=installation.path) for key, value in change.items()}
    done = installation.parsemail(PATCH, env=installation.environment | changed)
    assert done.returncode == 75
    assert done.stderr


def test_without_any_python_the_mta_keeps_the_mail(installation: Installation) -> None:
    script = installation.path / "parsemail.sh"
    shutil.copy(PARSEMAIL, script)
    environment = {"PATCHWORK_BASE": str(installation.path), "PATH": "/nowhere"}
    assert installation.parsemail(PATCH, script=script, env=environment).returncode == 75


def test_a_daemon_that_works_on_another_database_is_passed_by(installation: Installation) -> None:
    other = installation.path / "other.sqlite3"
    environment = installation.environment | {"DATABASE_URL": f"sqlite:///{other}"}
    with installation.lmtpd(env=environment):
        assert installation.parsemail(PATCH).returncode == 0
    assert installation.count() == 1
    assert not other.exists()


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
def test_a_daemon_killed_around_the_commit_costs_no_mail(
    installation: Installation, stored: bool
) -> None:
    """It had the whole mail, and never answered."""
    target = installation.path / "behind.sock"
    with installation.lmtpd("--socket", str(target)) as server:
        proxy = DeadlyProxy(installation.socket, server, target, stored=stored)
        done = installation.parsemail(PATCH, "-v")
        proxy.close()
    assert done.returncode == 0
    assert done.stdout == ("duplicate" if stored else "patch") + ": <lone@example.org>\n"
    assert installation.count() == 1


def many_mails(count: int) -> list[bytes]:
    picture = """
        + [PATCH 0/3] Feature {0}
        +--> [PATCH 1/3] One {0}
        |  +--> bob: Re: [PATCH 1/3] One {0}   says=Reviewed-by: Bob <bob@example.org>
        +--> [PATCH 2/3] Two {0}
        |  +--> [PATCH v2 2/3] Two {0}
        +--> [PATCH 3/3] Three {0}
    """
    mails = [raw for n in range(count // 6) for raw in thread(picture.format(n), prefix=f"{n}.")]
    random.Random(1).shuffle(mails)
    return mails


@pytest.mark.parametrize(
    ("daemon", "count"),
    [
        pytest.param(False, int(os.environ.get("PW_TEST_DELIVERIES", 48)), id="alone"),
        pytest.param(True, 300, id="lmtpd"),
    ],
)
def test_eight_deliveries_at_once_lose_nothing(
    installation: Installation, running: None, daemon: bool, count: int
) -> None:
    mails = many_mails(count)
    with rolled_back():
        receive_many(mails)
        expected = structure()
    with ThreadPoolExecutor(8) as mta:
        done = list(mta.map(installation.deliver, mails))
    assert not [each for each in done if each.returncode or "quarantined" in each.stderr]
    installation.fetch()
    assert Mail.objects.count() == len(mails)
    assert structure() == expected


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
class TestNobody:
    """An administrator's checkout, and an MTA that runs as nobody with an empty environment."""

    @pytest.fixture
    def base(self, installation: Installation) -> Path:
        if not python_for("nobody"):
            pytest.skip("nobody can run no Python that has Django here")
        installation.path.chmod(0o777)
        return deployed(installation.path / "srv", installation, "nobody")

    def parsemail(self, installation: Installation, script: Path) -> subprocess.CompletedProcess:
        return installation.parsemail(
            PATCH, "-v", script=script, env={}, user="nobody", group=NOGROUP, cwd="/"
        )

    def test_without_a_daemon(self, installation: Installation, base: Path) -> None:
        done = self.parsemail(installation, base / "patchwork" / "bin" / "parsemail.sh")
        assert (done.returncode, done.stdout) == (0, "patch: <lone@example.org>\n"), done.stderr
        assert installation.count() == 1

    def test_with_a_daemon(self, installation: Installation, base: Path) -> None:
        manage = [str(base / "venv/bin/python"), str(base / "manage.py")]
        with installation.lmtpd("--socket-group", NOGROUP, manage=manage, env={}) as server:
            done = self.parsemail(installation, base / "patchwork" / "bin" / "parsemail.sh")
            server.terminate()
            _, log = server.communicate()
        assert (done.returncode, done.stdout) == (0, "patch: <lone@example.org>\n"), done.stderr
        assert "patch: <lone@example.org>" in log
        assert installation.count() == 1

    def test_through_a_symlink(self, installation: Installation, base: Path) -> None:
        link = installation.path / "parsemail"
        link.symlink_to(base / "patchwork" / "bin" / "parsemail.sh")
        assert self.parsemail(installation, link).returncode == 0
        assert installation.count() == 1
