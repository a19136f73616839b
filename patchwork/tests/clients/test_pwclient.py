# SPDX-License-Identifier: GPL-2.0-or-later
"""pwclient, as people install it, against the server itself: the oldest, and the newest."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.test import Client

from patchwork.checks.models import CheckResult
from patchwork.ingest.receiving import receive_many
from patchwork.people import credentials, tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Scope
from patchwork.projects.models import Project
from patchwork.tests import factories, gits
from patchwork.tests.clients.environment import installed
from patchwork.tests.letters import LIST_ID
from patchwork.tracking.models import Patch

VERSIONS = ("1.3.1", "2.0.0", "2.11.0")

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Ended = subprocess.CompletedProcess[str]
Run = Callable[..., Ended]

TREE = {"greeting.txt": "hello\nworld\n"}


@pytest.fixture
def maintainer(project: Project) -> User:
    user = User.objects.create_user("maria", password="secret")
    set_maintainers(project, [user])
    return user


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with two commits that are not on the list yet, and one that is its base."""
    repository = tmp_path / "work"
    repository.mkdir()
    gits.init(repository, TREE)
    gits.git(repository, "tag", "base")
    for name, text in (
        ("Greet everybody", "hello\neverybody\n"),
        ("Grüße, <in> DOS & \N{SNOWMAN}", "hello\neverybody\r\n\N{SNOWMAN}\n"),
    ):
        (repository / "greeting.txt").write_bytes(text.encode())
        gits.git(repository, "commit", "--quiet", "--all", f"--message={name}\n\nBecause.")
    return repository


@pytest.fixture
def patches(project: Project, work: Path, tmp_path: Path) -> list[Patch]:
    """They are sent to the list, and the repository is back at its base."""
    out = tmp_path / "outgoing"
    gits.git(
        work,
        *("format-patch", "--quiet", "--thread", f"--output-directory={out}"),
        *(f"--add-header=List-Id: <{LIST_ID}>", "base"),
    )
    receive_many([path.read_bytes() for path in sorted(out.iterdir())])
    gits.git(work, "branch", "sent")
    gits.git(work, "reset", "--quiet", "--hard", "base")
    return list(Patch.objects.order_by("date", "pk"))


@pytest.fixture(params=VERSIONS)
def pwclient(request, live_server, settings, tmp_path: Path, maintainer: User, work: Path) -> Run:
    """``pwclient`` with the project's own file, and a token in the place of the password."""
    settings.ENABLE_XMLRPC = True
    credentials.forget()
    Site.objects.clear_cache()
    Site.objects.update(domain=live_server.url.removeprefix("http://"))
    _, secret = tokens.issue(maintainer, "pwclient", scope=Scope.WRITE)
    browser = Client()
    browser.force_login(maintainer)
    sample = browser.get("/project/list/pwclientrc/").text
    home = tmp_path / "home"
    home.mkdir()
    (home / ".pwclientrc").write_text(sample.replace("# password =", f"password = {secret}"))
    return running(f"pwclient=={request.param}", home, work)


@pytest.fixture
def rest(live_server, tmp_path: Path, maintainer: User, work: Path) -> Run:
    """The newest one as it is without a word about it in its file: over REST."""
    credentials.forget()
    _, secret = tokens.issue(maintainer, "pwclient", scope=Scope.WRITE)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".pwclientrc").write_text(
        f"[options]\ndefault = list\n[list]\nurl = {live_server.url}/api\ntoken = {secret}\n"
    )
    return running(f"pwclient=={VERSIONS[-1]}", home, work)


def running(requirement: str, home: Path, work: Path) -> Run:
    command = installed(requirement) / "pwclient"

    def run(*arguments: str) -> Ended:
        return subprocess.run(
            [command, *arguments],
            cwd=work,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": str(home),
                "LC_ALL": "C.UTF-8",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_COMMITTER_NAME": "Tests",
                "GIT_COMMITTER_EMAIL": "tests@example.org",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def good(ended: Ended) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout


def test_looking(pwclient, patches, work):
    """What can be looked at without changing anything."""
    first, second = patches
    assert "list " in good(pwclient("projects"))
    assert "Under Review" in good(pwclient("states"))
    listed = good(pwclient("list"))
    assert [line.split()[0] for line in listed.splitlines()[2:]] == [str(p.pk) for p in patches]
    assert "Grüße, <in> DOS & \N{SNOWMAN}" in listed
    found = good(pwclient("search", "-s", "New", "-w", "tests@", "-a", "no", "everybody"))
    assert f"{first.pk} " in found
    assert f"{second.pk} " not in found
    assert str(first.pk) not in good(pwclient("list", "-s", "Accepted"))
    by_format = good(pwclient("list", "-f", "%{id} %{_msgid_}", "-n", "1"))
    assert by_format.strip() == f"{first.pk} {first.mail.msgid.strip('<>')}"
    assert good(pwclient("list", "-f", "%{id}", "-N", "1")).strip() == str(second.pk)
    assert f"- msgid         : {first.mail.msgid}" in good(pwclient("info", str(first.pk)))
    assert "+everybody" in good(pwclient("view", str(first.pk)))
    assert "+everybody" in good(pwclient("view", "-h", first.hash))
    saved = good(pwclient("get", str(first.pk))).strip().removeprefix("Saved patch to ")
    assert saved.endswith("-Greet-everybody.patch")
    gits.git(work, "am", "--quiet", saved)


def test_applying(pwclient, patches, work):
    """Byte for byte what was sent, carriage returns and all."""
    good(pwclient("git-am", *(str(patch.pk) for patch in patches)))
    assert gits.git(work, "diff", "sent", "HEAD") == ""
    assert "DOS & \N{SNOWMAN}" in gits.git(work, "log", "-1", "--format=%s")


def test_applying_without_git(pwclient, patches, work):
    good(pwclient("apply", str(patches[0].pk)))
    assert (work / "greeting.txt").read_text() == "hello\neverybody\n"


def test_updating(pwclient, patches, maintainer):
    patch = patches[0]
    good(pwclient("update", "-s", "Accepted", "-a", "yes", "-c", "abc123", str(patch.pk)))
    patch.refresh_from_db()
    assert (patch.state.name, patch.archived, patch.commit_ref) == ("Accepted", True, "abc123")
    ended = pwclient("update", "-s", "Nonsense", str(patch.pk))
    assert "No State found matching Nonsense*" in ended.stderr


def test_checks(pwclient, patches, maintainer):
    patch = patches[0]
    said = ("-c", "build", "-s", "fail", "-u", "https://ci.example.org/1", "-d", "Broken")
    ended = pwclient("check-create", *said, str(patch.pk))
    assert good(ended) == ended.stderr == ""
    check = CheckResult.objects.get()
    assert (check.state, check.url, check.summary) == (
        *("failure", "https://ci.example.org/1", "Broken"),
    )
    listed = good(pwclient("check-list")).splitlines()[2]
    assert listed.split()[:3] == [str(check.pk), "build", "fail"]
    assert "- context       : build" in good(pwclient("check-get", str(patch.pk)))


def test_who_may_not_is_told(pwclient, patches, maintainer, project):
    set_maintainers(project, [])
    ended = pwclient("update", "-s", "Accepted", str(patches[0].pk))
    assert "You are not allowed to do that in this project." in ended.stderr
    ended = pwclient("check-create", "-c", "x", "-s", "success", str(patches[0].pk))
    assert "You are not allowed to do that in this project." in ended.stderr


class TestOverRest:
    def test_all_pages_are_seen(self, rest, patches, project):
        person = factories.make_person("Zoe")
        for number in range(60):
            factories.make_patch(project, person, f"more {number}")
        listed = good(rest("list")).splitlines()[2:]
        assert [int(line.split()[0]) for line in listed] == sorted(
            Patch.objects.values_list("pk", flat=True)
        )
        found = good(rest("list", "-w", person.email, "-a", "no", "-s", "New", "-f", "%{id}"))
        assert len(found.splitlines()) == 61

    def test_looking(self, rest, patches, work):
        first, second = patches
        assert "list " in good(rest("projects"))
        assert f"- msgid         : {first.mail.msgid}" in good(rest("info", str(first.pk)))
        assert "+everybody" in good(rest("view", str(first.pk)))
        saved = good(rest("get", str(first.pk))).strip().removeprefix("Saved patch to ")
        assert saved == "1-2-Greet-everybody.patch"
        gits.git(work, "am", "--quiet", saved)
        gits.git(work, "reset", "--quiet", "--hard", "base")
        good(rest("git-am", str(first.pk), str(second.pk)))
        assert gits.git(work, "diff", "sent", "HEAD") == ""

    def test_applying_without_git(self, rest, patches, work):
        good(rest("apply", str(patches[0].pk)))
        assert (work / "greeting.txt").read_text() == "hello\neverybody\n"

    def test_updating(self, rest, patches, maintainer):
        patch = patches[0]
        pk = str(patch.pk)
        good(rest("update", "-s", "Under Review", "-a", "yes", "-c", "abc123", pk))
        patch.refresh_from_db()
        assert (patch.state.slug, patch.archived, patch.commit_ref) == (
            *("under-review", True, "abc123"),
        )
        good(rest("update", "-a", "no", pk))
        patch.refresh_from_db()
        assert not patch.archived
        ended = rest("update", "-s", "Nonsense", pk)
        assert ended.returncode == 1
        assert "is none of" in ended.stderr

    def test_checks(self, rest, patches, maintainer):
        pk = str(patches[0].pk)
        said = ("-c", "build", "-s", "fail", "-u", "https://ci.example.org/1", "-d", "Broken")
        good(rest("check-create", *said, pk))
        check = CheckResult.objects.get()
        assert (check.state, check.url, check.summary) == (
            *("failure", "https://ci.example.org/1", "Broken"),
        )
        listed = good(rest("check-list", pk)).splitlines()[2]
        assert listed.split()[:3] == [str(check.pk), "build", "fail"]
        assert "- context       : build" in good(rest("check-get", pk))
