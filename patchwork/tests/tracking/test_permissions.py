# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: one table, a row for each kind of person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from django.contrib.auth.models import AnonymousUser, User

from patchwork.ingest.receiving import receive_many
from patchwork.models import Comment, Patch, Person, Project, Series, UserProfile
from patchwork.people.permissions import User as SomeUser
from patchwork.tests.letters import thread
from patchwork.tracking import permissions

RULES = (
    "edit patch",
    "be delegated to",
    "edit series",
    "rerun series",
    "confirm continuation",
    "mark comment",
    "report results",
)
TABLE = {
    "anonymous": "- - - - - - -",
    "stranger": "- - - - - - -",
    "submitter": "- - - x - - -",
    "submitter of the earlier one": "- - - - x - -",
    "commenter": "- - - - - - -",
    "delegate": "- - - - - - -",
    "maintainer of another project": "- - - - - - -",
    "maintainer": "x x x x x x x",
    "superuser": "x x x x x x x",
    "maintainer whose account is closed": "- - - - - - -",
}


@pytest.fixture
def accounts(project: Project) -> Mapping[str, SomeUser]:
    receive_many(
        thread(
            """
            + dave: [PATCH] Earlier
            + [PATCH] Later            @1d
            +--> bob: Re: [PATCH] Later
            """
        )
    )
    users = {
        name: User.objects.create(
            username=name.replace(" ", "-"),
            is_superuser=name == "superuser",
            is_active="closed" not in name,
        )
        for name in TABLE
    }
    linked = {
        "submitter": "alice",
        "commenter": "bob",
        "submitter of the earlier one": "dave",
    }
    for name, who in linked.items():
        Person.objects.filter(email=f"{who}@example.org").update(user_id=users[name].pk)
    Patch.objects.filter(name="Later").update(delegate_id=users["delegate"].pk)
    other = Project.objects.create(linkname="other", name="Other", listid="o", listemail="o@o.org")
    for name, of in (
        ("maintainer", project),
        ("maintainer whose account is closed", project),
        ("maintainer of another project", other),
    ):
        profile = UserProfile.objects.create(user_id=users[name].pk)
        profile.maintainer_projects.add(of)
    return users | {"anonymous": AnonymousUser()}


@pytest.mark.parametrize("name", TABLE)
def test_who_may(name: str, accounts: Mapping[str, SomeUser], project: Project) -> None:
    user = accounts[name]
    patch = Patch.objects.get(name="Later")
    series = Series.objects.get(submitter=patch.submitter)
    series.possibly_continues = Series.objects.exclude(pk=series.pk).get()
    answers: dict[str, Callable[[], bool]] = {
        "edit patch": lambda: permissions.may_edit_patch(user, patch),
        "be delegated to": lambda: permissions.may_delegate_to(user, project),
        "edit series": lambda: permissions.may_edit_series(user, series),
        "rerun series": lambda: permissions.may_rerun_series(user, series),
        "confirm continuation": lambda: permissions.may_confirm_continuation(user, series),
        "mark comment": lambda: permissions.may_mark_comment(user, Comment.objects.get()),
        "report results": lambda: permissions.may_report_results(user, project),
    }
    said = " ".join("x" if answers[rule]() else "-" for rule in RULES)
    assert said == TABLE[name], RULES


def test_nobody_confirms_what_is_no_question(project: Project) -> None:
    receive_many(thread("+ [PATCH] One"))
    admin = User.objects.create(username="admin", is_superuser=True)
    assert not permissions.may_confirm_continuation(admin, Series.objects.get())
