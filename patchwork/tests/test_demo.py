# SPDX-License-Identifier: GPL-2.0-or-later
"""``manage.py demo``: what it promises is there, the patches apply, and twice is once."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.ingest.models import QuarantinedMail
from patchwork.mail.mbox import split_mbox
from patchwork.management.demo import lanternd, trees, wicker
from patchwork.management.demo.decisions import Decisions
from patchwork.management.demo.lists import MailingList, Posting
from patchwork.management.demo.performance import perform
from patchwork.people.models import Person
from patchwork.projects.models import Project
from patchwork.tests import factories
from patchwork.tests.gits import am, git, init
from patchwork.tracking import mbox
from patchwork.tracking.models import Patch, Revision, Series, SeriesState

NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)


def demo(*arguments: str) -> str:
    answer = io.StringIO()
    call_command("demo", *arguments, stdout=answer)
    return answer.getvalue()


def revisions_of(name: str) -> list[Revision]:
    return list(Series.objects.get(name=name).revisions.order_by("number"))


@pytest.fixture
def performed(states: None) -> None:
    perform(NOW)


def test_there_is_something_of_everything(performed):
    assert not QuarantinedMail.objects.exists()
    assert Project.objects.count() == 2
    assert 20 <= Series.objects.count() <= 30
    assert {series.state for series in Series.objects.all()} == set(SeriesState.values)
    in_use = {patch.state.name for patch in Patch.objects.select_related("state")}
    assert {"New", "Accepted", "Under Review", "Changes Requested", "Superseded"} <= in_use
    tested = set(Series.objects.values_list("test_state", flat=True))
    assert tested == {None, "success", "warning", "failure"}
    assert Series.objects.filter(possibly_continues__isnull=False).exists()
    assert Series.objects.filter(name="", newest__isnull=False).exists()
    assert Patch.objects.filter(pull_url__gt="").exists()
    assert Patch.objects.filter(tag_counts__count__gt=0).exists()
    assert Patch.objects.filter(delegate__isnull=False, archived=False).exists()
    assert Person.objects.filter(name="Þórdís Bjarkadóttir").exists()


def test_threads_become_the_revisions_that_they_tell_of(performed):
    ipv6 = revisions_of("Answer lamps over IPv6")
    assert [revision.is_resend for revision in ipv6] == [False, True, True]
    assert [slot.patch.name for slot in ipv6[-1].slots.all()] == [
        "[1/5] net: keep peers in a sockaddr_storage",
        "[v2,2/5] net: listen on IPv6",
        "[3/5] net: say who asked for a lamp that nobody knows",
        "[v2,4/5] main: tell what we listen on",
        "[5/5] README: name the protocols",
    ]
    assert len(revisions_of("Read the configuration again without a restart")) == 2
    assert len(revisions_of("Limit how often a lamp may ask")) == 2
    assert len(revisions_of("Hosts that do not tell their time zone")) == 2
    assert len(revisions_of("config: allow blanks before a line")) == 3


def test_everything_is_about_the_last_weeks(performed):
    oldest = NOW - timedelta(weeks=6)
    for series in Series.objects.all():
        assert oldest < series.submitted <= series.last_updated < NOW


def test_accounts(performed):
    admin = authenticate(username="admin", password="pass")
    assert isinstance(admin, User)
    assert admin.is_superuser
    assert admin.profile.maintainer_projects.count() == 2
    others = User.objects.exclude(username="admin")
    assert others.count() == 2
    assert not any(account.has_usable_password() for account in others)
    assert Person.objects.filter(user__in=others).count() == 2


def test_a_second_run_changes_nothing(states):
    assert "91 mails" in demo()
    Patch.objects.filter(name__contains="README.md").update(archived=True)
    with CaptureQueriesContext(connection) as captured:
        assert demo() == "The demo is here already; nothing was changed.\n"
    writes = ("INSERT", "UPDATE", "DELETE")
    assert not [query["sql"] for query in captured if query["sql"].startswith(writes)]


def test_tomorrow_is_a_second_run_too(performed):
    assert perform(NOW + timedelta(days=1)).mails == 0


def test_what_people_decided_since_is_left_alone(performed, django_user_model):
    from patchwork.projects.models import State
    from patchwork.tracking.changes.decisions import set_state

    rejected = Patch.objects.filter(state__name="Rejected")
    changed = rejected.get().pk
    set_state(rejected, State.objects.get(name="New"), django_user_model.objects.first())
    perform(NOW)
    assert Patch.objects.get(pk=changed).state.name == "New"


def test_other_projects_are_not_mixed_with_it(states):
    factories.make_project("serious")
    with pytest.raises(CommandError, match="serious"):
        demo()
    assert not User.objects.exists()
    assert "91 mails" in demo("--force")


def test_states_have_to_be_there(db):
    with pytest.raises(CommandError, match="loaddata default_tags default_states"):
        demo()


def test_every_revision_applies_to_its_tree(performed, tmp_path: Path):
    """Also those that were put together from two postings."""
    bases: dict[str, trees.Tree] = {}
    for tell in (lanternd.tell, wicker.tell):
        ml = RememberingList("any", NOW)
        tell(ml, Decisions())
        bases |= ml.bases
    applied = 0
    for revision in Revision.objects.filter(is_complete=True):
        patches = list(revision.patches.filter(diff__isnull=False))
        if not patches:
            continue
        base = bases[patches[0].mail.msgid]
        repository = tmp_path / str(revision.pk)
        repository.mkdir()
        am(init(repository, base), mbox.of_revision(revision))
        assert int(git(repository, "rev-list", "--count", "HEAD")) == 1 + len(patches)
        applied += 1
    assert applied > 25


@dataclass
class RememberingList(MailingList):
    """Knows for each patch the tree that its posting was made for."""

    bases: dict[str, trees.Tree] = field(default_factory=dict)

    def post(self, *args: Any, **kwargs: Any) -> Posting:
        posting = super().post(*args, **kwargs)
        self.bases.update({sent.msgid: posting.base for sent in posting.patches.values()})
        return posting


def test_the_mails_survive_an_mbox():
    ml = MailingList("any", NOW)
    wicker.tell(ml, Decisions())
    content = b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + sent.raw + b"\n" for sent in ml.sent)
    assert list(split_mbox(io.BytesIO(content))) == [sent.raw for sent in ml.sent]


class TestTrees:
    def test_an_edit_that_does_not_fit_is_a_mistake(self):
        change = trees.commit("x", "", trees.Edit("a", "missing", ""))
        with pytest.raises(ValueError, match="x: a has 0 times 'missing'"):
            trees.apply({"a": "text"}, change)

    def test_diffs_name_blobs_as_git_does(self, tmp_path):
        before = {"a": "1\n2\n", "b": "x\n", "gone": "y\n"}
        after = {"a": "1\n3\n", "c": "x\n", "new": "z\n"}
        repository = init(tmp_path, before)
        for path in before:
            (repository / path).unlink()
        for path, content in after.items():
            (repository / path).write_text(content)
        git(repository, "add", "--all")
        assert trees.diff(before, after).strip() == git(repository, "diff", "--cached", "-M")
        stat = git(repository, "diff", "--cached", "-M", "--stat=80")
        assert trees.diffstat(before, after).strip() == stat
