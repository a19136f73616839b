# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pages about the API show is what the API answers."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from patchwork.api.getpatchwork import asking, urls
from patchwork.api.getpatchwork.description import METHODS, describe
from patchwork.bundles.changes import create_bundle
from patchwork.ingest.receiving import receive_many
from patchwork.people import tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import ApiToken, Scope
from patchwork.projects.models import Project, State
from patchwork.tests.letters import thread
from patchwork.tracking.changes import set_state
from patchwork.tracking.models import Patch, Revision, Series

USAGE = Path(__file__).parents[3] / "docs" / "usage"
SITE = "https://patchwork.example.com"
PAGES = ("rest-getpatchwork", "rest-freedesktop", "testing", "tokens", "xmlrpc")
FEATURE = """
    + [PATCH 0/2] lamp: fill it
    +--> [PATCH 1/2] lamp: count the oil
    +--> [PATCH 2/2] lamp: light it
"""
BASH = """
curl() { command curl -w '%{stderr}%{http_code}\\n' "$@"; }
"""
UNDERSTOOD = r"curl |while |\w+="
"""What is run in a shell; the pages show other programs as well."""
OTHERS = r"git |make$|pip |pwclient |python manage\.py "


@dataclass(frozen=True)
class Command:
    line: str
    shown: str
    """What the page says that it answers."""

    @property
    def told(self) -> str:
        """Where it is piped into something, that comes from somebody else."""
        return self.line.partition(" | git ")[0]


def commands(page: str) -> list[Command]:
    """All of a page, from top to bottom: its reader has one shell."""
    text = (USAGE / f"{page}.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"code-block:: (console|sh)\n\n((?:(?:   .*)?\n)+)", text)
    found: list[Command] = []
    for kind, block in blocks:
        written = textwrap.dedent(block).strip("\n")
        found += [Command(written, "")] if kind == "sh" else prompted(written)
    return found


def prompted(block: str) -> Iterator[Command]:
    """Behind each ``$``, with the lines that go on with it, and what is shown below."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        written: list[str] = []
        shown: list[str] = []
        for line in part.splitlines():
            goes_on = not written or written[-1].endswith("\\") or line.startswith("> ")
            (written if goes_on else shown).append(line)
        yield Command("\n".join(line.removeprefix("> ") for line in written), "\n".join(shown))


@pytest.fixture
def bot(project: Project, settings: Any) -> User:
    """An account that may do what the pages do, in a project with a series of two patches."""
    settings.ENABLE_XMLRPC = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    account = User.objects.create_user("ci-bot", "ci-bot@example.org", "secret")
    set_maintainers(project, [account])
    receive_many(thread(FEATURE))
    return account


def ours(page: str, site: str, bot: User) -> dict[str, str]:
    """Our server and our ids in the place of theirs."""
    first, second = Patch.objects.order_by("pk")
    if page == "rest-freedesktop":
        set_state([second], State.objects.get(slug="accepted"), bot)
    # What is a series in one dialect is a revision of one in the other.
    series = Revision.objects.get() if page == "rest-getpatchwork" else Series.objects.get()
    bundle = create_bundle(bot, "For 1.9", [first], public=True)
    old, _ = tokens.issue(bot, "old", scope=Scope.READ)
    _, secret = tokens.issue(bot, "of the page", scope=Scope.ADMIN)
    return {
        SITE: site,
        r"pw_\.\.\.": secret,
        r"/series/\d+/": f"/series/{series.pk}/",
        r"/revisions/\d+/": "/revisions/1/",
        r"/patches/\d+/": f"/patches/{first.pk}/",
        r"\[\d+, \d+\]": f"[{first.pk}, {second.pk}]",
        r"/bundles/\d+/": f"/bundles/{bundle.pk}/",
        r"reviewer=\d+": f"reviewer={bot.pk}",
        r"revoke \d+": f"revoke {old.pk}",
        # So that there is a page to go on to.
        r"per_page=\d+": "per_page=1",
    }


def replaced(line: str, by: Mapping[str, str]) -> str:
    for theirs, mine in by.items():
        line = re.sub(theirs, mine, line)
    return line


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_so(
    live_server: LiveServer, bot: User, page: str, tmp_path: Path
) -> None:
    text = (USAGE / f"{page}.rst").read_text(encoding="utf-8")
    Project.objects.update(linkname="lanternd" if "lanternd" in text else "intel-gfx")
    session = [each for each in commands(page) if re.match(UNDERSTOOD, each.line)]
    by = ours(page, live_server.url, bot)
    script = BASH + "".join(
        f"{{ {replaced(each.told, by)}\n}} >{number}.out 2>{number}.err\n"
        for number, each in enumerate(session)
    )
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        timeout=300,
    )
    for number, each in enumerate(session):
        answer, told = (tmp_path / f"{number}.{kind}" for kind in ("out", "err"))
        compare(each, answer.read_text(encoding="utf-8"), told.read_text(encoding="utf-8"))
    assert ended.returncode == 0


def compare(command: Command, answer: str, told: str) -> None:
    """All fields and words that are shown are there, and each of the answers."""
    what = f"{command.line}\n{answer}\n{told}"
    statuses = [int(status) for status in re.findall(r"^(\d{3})$", told, re.MULTILINE)]
    answers = re.findall(r"^[\[{]", command.shown, re.MULTILINE)
    assert len(statuses) >= (len(answers) or command.line.startswith("curl ")), what
    if any(status >= 400 for status in statuses):
        assert names(command.shown) == names(answer), what
    assert names(command.shown) <= names(answer), what
    assert words(command.shown) <= words(answer), what
    if not names(command.shown):
        assert set(command.shown.split()) <= set(answer.split()), what


def names(answer: str) -> set[str]:
    return set(re.findall(r'"([\w-]+)":', answer))


def words(answer: str) -> set[tuple[str, str]]:
    """What does not differ between one tracker and another."""
    named = "state|check|context|category|description|commit_ref|test_name|username"
    return set(re.findall(rf'"({named})": ?"([^"]*)"', answer))


@pytest.mark.django_db
def test_tokens_are_made_and_revoked_as_shown(bot: User, capsys: pytest.CaptureFixture[str]):
    Project.objects.update(linkname="lanternd")
    lines = [each.line for each in commands("tokens") if "manage.py" in each.line]
    assert [line.split()[3] for line in lines] == ["create", "list", "revoke"]
    by = ours("tokens", "", bot)
    for line in lines:
        call_command(*shlex.split(replaced(line, by))[2:])
    made = ApiToken.objects.get(name="nightly tests")
    assert (made.user, made.scope) == (bot, Scope.CHECKS)
    assert capsys.readouterr().out.startswith("pw_")


def test_other_programs_are_known() -> None:
    """What neither a shell understands here nor is tried elsewhere would be passed over."""
    shown = [each.line for page in PAGES for each in commands(page)]
    assert [line for line in shown if not re.match(f"{UNDERSTOOD}|{OTHERS}", line)] == []
    assert sum(line.startswith("curl ") for line in shown) > 25


def test_all_addresses_are_listed() -> None:
    """With their methods and filters, as the published description has them."""
    page = (USAGE / "rest-getpatchwork.rst").read_text(encoding="utf-8")
    table = page.partition("csv-table::")[2].partition("\n\n")[2].partition("\n\n")[0]
    listed = {
        re.sub("<[^>]*>", "{}", address): (methods, filters)
        for address, methods, filters in (
            [re.sub("`", "", cell) for cell in row]
            for row in csv.reader(textwrap.dedent(table).splitlines(), skipinitialspace=True)
        )
    }
    common = {*asking.EVERYWHERE, "order", "cursor"}
    published = {}
    for path, operations in describe(urls.addresses, 5, "")["paths"].items():
        asked = [each["name"] for each in operations["get"].get("parameters", ())]
        published[re.sub("{[^}]*}", "{}", path.removeprefix("/api/1.5"))] = (
            ", ".join(method.upper() for method in METHODS if method in operations),
            ", ".join(name for name in asked if name not in common),
        )
    assert listed == published
