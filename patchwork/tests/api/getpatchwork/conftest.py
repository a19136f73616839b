# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.checks.changes import record_result
from patchwork.ingest.receiving import receive_many
from patchwork.people import tokens
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Person, Scope
from patchwork.projects.models import Project, State
from patchwork.tests import factories
from patchwork.tests.api.getpatchwork.contract import verify_as_published
from patchwork.tests.letters import thread
from patchwork.tracking.changes import relate, set_delegate, set_state
from patchwork.tracking.models import Comment, Cover, Patch, Revision

FEATURE = """
    + [PATCH 0/2] Feature              #cover
    +--> [PATCH 1/2] One               #one
    |  +--> bob: Re: [PATCH 1/2] One   #fine says=Reviewed-by: Bob <bob@example.org>
    +--> [PATCH 2/2] Two               #two
    +--> bob: Re: [PATCH 0/2] Feature  #nice says=Nice.
"""
FIX = """
    + carl: [RFC,v3] Fix it            #fix
"""


@dataclass(frozen=True)
class Tracked:
    """A project in which something of everything has happened."""

    project: Project
    maintainer: User
    alice: User
    """Sent the series, and has a private and a public bundle."""
    series: Revision
    cover: Cover
    one: Patch
    two: Patch
    fix: Patch
    patch_comment: Comment
    cover_comment: Comment
    bundle: Bundle
    private: Bundle


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def all_is_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is answered in a test is as our own description says."""
    ask = Client.request

    def ask_and_verify(client: Client, **request: object) -> object:
        response = ask(client, **request)
        verify_as_published(response)
        return response

    monkeypatch.setattr(Client, "request", ask_and_verify)


@pytest.fixture
def tracked(project: Project) -> Tracked:
    maintainer, alice = account("maria"), account("alice")
    set_maintainers(project, [maintainer])
    project.list_archive_url_format = "https://lists.example.org/{}"
    project.web_url = project.scm_url = project.webscm_url = "https://example.org/project"
    project.save()
    receive_many([*thread(FEATURE), *thread(FIX)])
    Person.objects.filter(email_key="alice@example.org").update(user=alice)
    one, two, fix = (patch_of(name) for name in ("one", "two", "fix"))
    set_state([one], State.objects.get(slug="accepted"), maintainer)
    set_delegate([two], maintainer, maintainer)
    relate([one, fix], maintainer)
    record_result(
        target=one, test_name="build", state="failure", user=maintainer, url="https://ci.example/1"
    )
    return Tracked(
        project=project,
        maintainer=maintainer,
        alice=alice,
        series=Revision.objects.get(name="Feature"),
        cover=Cover.objects.get(),
        one=one,
        two=two,
        fix=fix,
        patch_comment=Comment.objects.get(patch=one),
        cover_comment=Comment.objects.get(cover__isnull=False),
        bundle=make_bundle(alice, "For you", [two, one], public=True),
        private=make_bundle(alice, "For me", [one]),
    )


def patch_of(name: str) -> Patch:
    return Patch.objects.get(mail__msgid=f"<{name}@example.org>")


def make_bundle(owner: User, name: str, patches: list[Patch], *, public: bool = False) -> Bundle:
    bundle = Bundle.objects.create(
        owner=owner, project=patches[0].project, name=name, public=public
    )
    for order, patch in enumerate(patches, start=1):
        BundlePatch.objects.create(bundle=bundle, patch=patch, order=order)
    return bundle


def account(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org", "secret")


def basic(name: str) -> dict[str, str]:
    """What a client sends to log in by name and password."""
    return {"authorization": "Basic " + b64encode(f"{name}:secret".encode()).decode()}


def token(user: User, scope: Scope, project: Project | None = None) -> dict[str, str]:
    _, secret = tokens.issue(user, "test", scope=scope, project=project)
    return {"authorization": f"Token {secret}"}


def other_project() -> Project:
    return factories.make_project("lamps")
