# SPDX-License-Identifier: GPL-2.0-or-later
"""Changing things: who may, what is understood, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from patchwork.bundles.models import Bundle
from patchwork.checks.models import CheckResult
from patchwork.events.models import Event, EventKind
from patchwork.people.changes import set_maintainers
from patchwork.people.models import Scope, UserProfile
from patchwork.projects.models import State
from patchwork.tests import factories
from patchwork.tests.api.getpatchwork.conftest import (
    Tracked,
    account,
    basic,
    make_bundle,
    other_project,
    token,
)
from patchwork.tests.api.getpatchwork.contract import verify
from patchwork.tracking.changes import relate, set_delegate
from patchwork.tracking.models import Patch

WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "patch": ("patch", "/api/1.4/patches/{one}/", {"commit_ref": "abc"}),
    "check": ("post", "/api/1.4/patches/{one}/checks/", {"state": "success"}),
    "patch comment": ("patch", "/api/1.4/patches/{one}/comments/{said}/", {"addressed": True}),
    "cover comment": ("patch", "/api/1.4/covers/{cover}/comments/{nice}/", {"addressed": True}),
    "bundle": ("patch", "/api/1.4/bundles/{bundle}/", {"public": True}),
    "private bundle": ("patch", "/api/1.4/bundles/{private}/", {"public": True}),
    "no bundle": ("delete", "/api/1.4/bundles/{bundle}/", {}),
    "new bundle": ("post", "/api/1.4/bundles/", {"name": "New", "patches": ["{one}"]}),
    "user": ("patch", "/api/1.4/users/{alice}/", {"first_name": "Al"}),
    "project": ("patch", "/api/1.4/projects/{project}/", {"web_url": "https://new.example/"}),
}
MAY = {
    "anonymous": set(),
    "stranger": {"new bundle"},
    "elsewhere": {"new bundle"},
    "alice": {"bundle", "private bundle", "no bundle", "new bundle", "user"},
    "delegate": {"new bundle"},
    "maria": {"patch", "check", "patch comment", "cover comment", "new bundle", "project"},
    "admin": {"patch", "check", "patch comment", "cover comment", "new bundle", "project", "user"},
}
"""alice sent the series and has the bundles; maria looks after the project, "elsewhere" after
another one. "delegate" was to look after a patch, but looks after no project any more."""
NEEDED = {
    **dict.fromkeys(WRITES, Scope.WRITE),
    "check": Scope.CHECKS,
    "project": Scope.ADMIN,
}
"""What a token has to be good for."""


def ask(client: Client, tracked: Tracked, what: str, headers: dict[str, str] | None = None) -> Any:
    method, template, body = WRITES[what]
    ids: dict[str, Any] = {
        "one": tracked.one.pk,
        "said": tracked.patch_comment.pk,
        "cover": tracked.cover.pk,
        "nice": tracked.cover_comment.pk,
        "bundle": tracked.bundle.pk,
        "private": tracked.private.pk,
        "alice": tracked.alice.pk,
        "project": tracked.project.pk,
    }
    if what == "new bundle":
        body = {**body, "patches": [tracked.one.pk]}
    return send(client, method, template.format(**ids), body, headers)


def send(
    client: Client, method: str, where: str, body: Any, headers: dict[str, str] | None = None
) -> Any:
    call = getattr(client, method)
    return call(where, body, content_type="application/json", headers=headers or {})


def people(tracked: Tracked) -> dict[str, User]:
    account("stranger")
    Patch.objects.filter(pk=tracked.one.pk).update(delegate=account("delegate"))
    elsewhere = account("elsewhere")
    set_maintainers(other_project(), [elsewhere])
    User.objects.create_superuser("admin", "admin@example.org", "secret")
    return {user.username: user for user in User.objects.all()}


@pytest.mark.parametrize("what", WRITES)
def test_who_may(client: Client, tracked: Tracked, what: str):
    people(tracked)
    for who, allowed in MAY.items():
        if what in allowed:
            continue
        response = ask(client, tracked, what, basic(who) if who != "anonymous" else {})
        assert response.status_code == (404 if what == "private bundle" else 403), who
        if WRITES[what][0] != "delete":
            verify(4, WRITES[what][0], response)
    for who in (who for who, allowed in MAY.items() if what in allowed):
        response = ask(client, tracked, what, basic(who))
        assert response.status_code in (200, 201, 204), (who, response.content)
        if WRITES[what][0] != "delete":
            verify(4, WRITES[what][0], response)


@pytest.mark.parametrize("what", WRITES)
def test_a_token_has_to_be_good_for_it(client: Client, tracked: Tracked, what: str):
    """With too small a scope, or for another project, it is worth no more than none."""
    who = tracked.alice if what in MAY["alice"] else tracked.maintainer
    if what == "private bundle":
        make_bundle(tracked.maintainer, "Other", [tracked.one])
    scopes = list(Scope)
    too_small = scopes[: scopes.index(NEEDED[what])]
    for scope in too_small:
        assert ask(client, tracked, what, token(who, scope)).status_code == 403, scope
    elsewhere = token(who, Scope.ADMIN, other_project())
    response = ask(client, tracked, what, elsewhere)
    assert response.status_code == (404 if what == "private bundle" else 403)
    assert ask(client, tracked, what, token(who, NEEDED[what])).status_code in (200, 201, 204)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("bound", ["nowhere", "here", "elsewhere"])
def test_every_good_token_reads_who_there_is(
    client: Client, tracked: Tracked, scope: Scope, bound: str
):
    """People and accounts are of no project; what a token may see and change besides stays as it
    is."""
    project = {"nowhere": None, "here": tracked.project, "elsewhere": other_project()}[bound]
    headers = token(tracked.alice, scope, project)
    person, alice = tracked.one.submitter_id, tracked.alice.pk
    for where in ("people/", f"people/{person}/", "users/", "users/?q=alice", f"users/{alice}/"):
        response = client.get(f"/api/1.4/{where}", headers=headers)
        assert response.status_code == 200, where
        assert client.head(f"/api/1.4/{where}", headers=headers).status_code == 200, where
        assert client.get(f"/api/1.4/{where}").status_code == 403, where
    private = client.get(f"/api/1.4/bundles/{tracked.private.pk}/", headers=headers)
    assert private.status_code == (404 if bound == "elsewhere" else 200)
    may_write = bound == "nowhere" and scope in (Scope.WRITE, Scope.ADMIN)
    changed = ask(client, tracked, "user", headers)
    assert changed.status_code == (200 if may_write else 403)


def test_a_patch_is_changed_as_the_person_who_asks(client: Client, tracked: Tracked):
    body = {
        "state": "rejected",
        "delegate": tracked.maintainer.pk,
        "archived": True,
        "commit_ref": "0123abc",
        "pull_url": "git://example.org/lamps.git",
    }
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    said = verify(4, "patch", send(client, "patch", where, body, basic("maria")))
    assert said["delegate"]["username"] == "maria"
    assert {name: said[name] for name in body if name != "delegate"} == {
        name: body[name] for name in body if name != "delegate"
    }
    changed = Event.objects.filter(kind=EventKind.PATCH_STATE_CHANGED).latest("event_time")
    assert changed.actor == tracked.maintainer
    assert changed.patch == tracked.one
    said = send(client, "put", where, {"delegate": None, "archived": False}, basic("maria")).json()
    assert (said["delegate"], said["archived"], said["state"]) == (None, False, "rejected")


def test_a_patch_is_changed_by_a_form(client: Client, tracked: Tracked):
    """As git-pw sends it."""
    response = client.patch(
        f"/api/1.2/patches/{tracked.two.pk}",
        f"state=under-review&delegate={tracked.maintainer.pk}&archived=True",
        content_type="application/x-www-form-urlencoded",
        headers=basic("maria"),
    )
    said = verify(2, "patch", response)
    assert (said["state"], said["archived"]) == ("under-review", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"state": 5}, "state"),
        ({"state": None}, "state"),
        ({"delegate": "maria"}, "delegate"),
        ({"delegate": 999999}, "delegate"),
        ({"delegate": True}, "delegate"),
        ({"delegate": 10**40}, "delegate"),
        ({"archived": "perhaps"}, "archived"),
        ({"commit_ref": "x" * 256}, "commit_ref"),
        ({"commit_ref": "\ud800"}, "commit_ref"),
        ({"commit_ref": "a\0b"}, "commit_ref"),
        ({"commit_ref": ["a"]}, "commit_ref"),
        ({"commit_ref": "a\nb"}, "commit_ref"),
        ({"commit_ref": "a\u2028b"}, "commit_ref"),
        ({"pull_url": "git://example.org/\x1b[2J"}, "pull_url"),
        ({"archived": 2}, "archived"),
        ({"delegate": {"id": "maria"}}, "delegate"),
        ({"delegate": {}}, "delegate"),
        ({"related": [{"id": 999999}]}, "related"),
        ({"pull_url": "javascript:alert(1)"}, "pull_url"),
        ({"pull_url": "http://[example"}, "pull_url"),
        ({"related": 5}, "related"),
        ({"related": ["x"]}, "related"),
        ({"related": [999999]}, "related"),
        ({"stat": "new"}, "stat"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_field(
    client: Client, tracked: Tracked, body: dict[str, object], field: str
):
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    response = send(client, "patch", where, {"archived": True} | body, basic("maria"))
    assert response.status_code == 400
    assert list(response.json()) == [field]
    tracked.one.refresh_from_db()
    assert not tracked.one.archived


@pytest.mark.parametrize("body", ["", "{}", "{", "[]", "5", '"text"', "null"])
def test_a_body_is_an_object(client: Client, tracked: Tracked, body: str):
    for where in (f"patches/{tracked.one.pk}", f"users/{tracked.maintainer.pk}"):
        response = client.patch(
            f"/api/1.4/{where}/", body, content_type="application/json", headers=basic("maria")
        )
        assert response.status_code == 400
        assert list(response.json()) == ["detail"]


@pytest.mark.parametrize("written", ["yes", "Y", "true", "T", "on", "1", 1, True])
def test_what_clients_write_for_true_and_false(client: Client, tracked: Tracked, written: object):
    opposite: dict[object, object] = {
        "yes": "no",
        "Y": "N",
        "true": "False",
        "T": "f",
        "on": "OFF",
        "1": "0",
        1: 0,
    }
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    for value, archived in ((written, True), (opposite[written], False)):
        said = send(client, "patch", where, {"archived": value}, basic("maria")).json()
        assert said["archived"] is archived


@pytest.mark.parametrize("word", ["under-review", "Under Review", "UNDER REVIEW", "{id}"])
def test_a_state_goes_by_its_name_as_well(client: Client, tracked: Tracked, word: str):
    state = State.objects.get(slug="under-review")
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    body = {"state": word.format(id=state.pk)}
    said = verify(4, "patch", send(client, "patch", where, body, basic("maria")))
    assert said["state"] == "under-review"


def test_all_that_was_told_can_be_sent_back(client: Client, tracked: Tracked):
    set_delegate([tracked.one], tracked.maintainer, tracked.maintainer)
    account_of = {"patches": "maria", "bundles": "alice"}
    for kind, pk in (("patches", tracked.one.pk), ("bundles", tracked.bundle.pk)):
        where = f"/api/1.4/{kind}/{pk}/"
        told = client.get(where).json()
        response = send(client, "put", where, told, basic(account_of[kind]))
        assert verify(4, "put", response) == told


def test_older_versions_write_what_they_have(client: Client, tracked: Tracked):
    patch, project = f"patches/{tracked.one.pk}/", f"projects/{tracked.project.pk}/"
    written: list[tuple[int, str, dict[str, Any]]] = [
        (2, patch, {"related": []}),
        (2, project, {"list_archive_url": "https://example.org/"}),
        (2, project, {"list_archive_url_format": "https://example.org/{}"}),
        (2, project, {"commit_url_format": "https://example.org/{}"}),
        (4, project, {"show_dependencies": True}),
    ]
    for first, where, body in written:
        before = send(client, "patch", f"/api/1.{first - 1}/{where}", body, basic("maria"))
        assert (before.status_code, list(before.json())) == (400, list(body))
        since = send(client, "patch", f"/api/1.{first}/{where}", body, basic("maria"))
        assert since.status_code == 200


def test_somebody_who_does_not_look_after_the_project_gets_no_patches(client, tracked: Tracked):
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    response = send(client, "patch", where, {"delegate": tracked.alice.pk}, basic("maria"))
    assert response.status_code == 400
    assert list(response.json()) == ["delegate"]


def test_patches_are_related_and_parted(client: Client, tracked: Tracked):
    """One and the fix are related already."""
    where = "/api/1.4/patches/{}/"
    related = {"related": [tracked.fix.pk]}
    response = send(client, "patch", where.format(tracked.two.pk), related, basic("maria"))
    said = verify(4, "patch", response)
    assert [each["id"] for each in said["related"]] == sorted([tracked.one.pk, tracked.fix.pk])
    response = send(client, "patch", where.format(tracked.one.pk), {"related": []}, basic("maria"))
    assert response.json()["related"] == []
    assert [each["id"] for each in client.get(where.format(tracked.two.pk)).json()["related"]] == [
        tracked.fix.pk
    ]


def test_patches_of_two_projects_are_related(client: Client, tracked: Tracked):
    """By who may change each of them."""
    lamps = other_project()
    lamp = factories.make_patch(lamps, tracked.one.submitter)
    where = f"/api/1.4/patches/{tracked.two.pk}/"
    related = {"related": [lamp.pk]}
    assert send(client, "patch", where, related, basic("maria")).status_code == 403
    set_maintainers(lamps, [tracked.maintainer])
    said = verify(4, "patch", send(client, "patch", where, related, basic("maria")))
    assert [each["id"] for each in said["related"]] == [lamp.pk]


def test_sets_of_related_patches_are_not_mixed_by_accident(client: Client, tracked: Tracked):
    more = [factories.make_patch(tracked.project, tracked.one.submitter) for _ in range(2)]
    relate(more, None)
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    response = send(client, "patch", where, {"related": [more[0].pk]}, basic("maria"))
    assert response.status_code == 409
    verify(4, "patch", response)


@pytest.mark.parametrize("state", ["pending", "success", "warning", "fail"])
def test_a_check_is_posted(client: Client, tracked: Tracked, state: str):
    body = {
        "state": state,
        "target_url": "https://ci.example.org/5",
        "context": "CI_build-x86",
        "description": "All of it.",
    }
    where = f"/api/1.4/patches/{tracked.two.pk}/checks/"
    response = send(client, "post", where, body, basic("maria"))
    said = verify(4, "post", response)
    assert {name: said[name] for name in body} == body
    assert client.get(said["url"]).json() == said
    assert client.get(f"/api/1.4/patches/{tracked.two.pk}/").json()["check"] == state


def test_a_check_without_a_context_is_the_default_one(client: Client, tracked: Tracked):
    where = f"/api/1.4/patches/{tracked.two.pk}/checks/"
    said = send(client, "post", where, {"state": "success"}, basic("maria")).json()
    assert (said["context"], said["target_url"], said["description"]) == ("default", None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "state"),
        ({"state": "failure"}, "state"),
        ({"state": "info"}, "state"),
        ({"state": "success", "context": "a b"}, "context"),
        ({"state": "success", "context": "x" * 256}, "context"),
        ({"state": "success", "target_url": "nowhere"}, "target_url"),
        ({"state": "success", "target_url": "https://x.org/" + "x" * 200}, "target_url"),
        ({"state": "success", "colour": "red"}, "colour"),
    ],
)
def test_a_check_that_makes_no_sense(client: Client, tracked: Tracked, body, field: str):
    where = f"/api/1.4/patches/{tracked.two.pk}/checks/"
    response = send(client, "post", where, body, basic("maria"))
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert not CheckResult.objects.filter(patch=tracked.two).exists()


def test_comments_are_marked(client: Client, tracked: Tracked):
    where = f"/api/1.3/patches/{tracked.one.pk}/comments/{tracked.patch_comment.pk}/"
    for addressed in (True, False, None):
        body = {"addressed": addressed}
        said = verify(3, "patch", send(client, "patch", where, body, basic("maria")))
        assert said["addressed"] is addressed
    response = send(client, "patch", where, {"addressed": "maybe"}, basic("maria"))
    assert list(verify(3, "patch", response)) == ["addressed"]


def test_a_bundle_from_its_making_to_its_end(client: Client, tracked: Tracked):
    body = {"name": "To do", "patches": [tracked.two.pk, tracked.one.pk], "public": True}
    said = verify(4, "post", send(client, "post", "/api/1.4/bundles/", body, basic("maria")))
    assert [patch["id"] for patch in said["patches"]] == body["patches"]
    assert (said["owner"]["username"], said["public"]) == ("maria", True)
    body = {"name": "Done", "patches": [tracked.one.pk], "public": False}
    said = verify(4, "put", send(client, "put", said["url"], body, basic("maria")))
    assert ([patch["id"] for patch in said["patches"]], said["name"]) == ([tracked.one.pk], "Done")
    assert client.get(said["url"]).status_code == 404
    assert client.delete(said["url"], headers=basic("maria")).status_code == 204
    assert not Bundle.objects.filter(name="Done").exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"patches": ["one"]}, "name"),
        ({"name": "", "patches": ["one"]}, "name"),
        ({"name": "x" * 51, "patches": ["one"]}, "name"),
        ({"name": "a/b", "patches": ["one"]}, "name"),
        ({"name": "a\tb", "patches": ["one"]}, "name"),
        ({"name": ".", "patches": ["one"]}, "name"),
        ({"name": "..", "patches": ["one"]}, "name"),
        ({"name": "For me", "patches": ["one"]}, "name"),
        ({"name": "New"}, "patches"),
        ({"name": "New", "patches": []}, "patches"),
        ({"name": "New", "patches": [999999]}, "patches"),
        ({"name": "New", "patches": ["one", "one"]}, "patches"),
        ({"name": "New", "patches": "one"}, "patches"),
        ({"name": "New", "patches": ["one"], "public": "so so"}, "public"),
    ],
)
def test_a_bundle_that_makes_no_sense(client: Client, tracked: Tracked, body, field: str):
    if isinstance(body.get("patches"), list):
        ids = [tracked.one.pk if each == "one" else each for each in body["patches"]]
        body = {**body, "patches": ids}
    response = send(client, "post", "/api/1.4/bundles/", body, basic("alice"))
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert Bundle.objects.count() == 2


def test_a_bundle_is_not_emptied(client: Client, tracked: Tracked):
    where = f"/api/1.4/bundles/{tracked.bundle.pk}/"
    response = send(client, "patch", where, {"patches": []}, basic("alice"))
    assert verify(4, "patch", response) == {"patches": ["Bundles cannot be empty."]}
    assert tracked.bundle.entries.count() == 2


def test_a_bundle_stays_in_one_project(client: Client, tracked: Tracked):
    lamp = factories.make_patch(other_project(), tracked.one.submitter)
    body = {"patches": [tracked.one.pk, lamp.pk]}
    where = f"/api/1.4/bundles/{tracked.bundle.pk}/"
    response = send(client, "patch", where, body, basic("alice"))
    assert list(verify(4, "patch", response)) == ["patches"]


def test_bundles_are_written_from_1_2_on(client: Client, tracked: Tracked):
    body = {"name": "New", "patches": [tracked.one.pk]}
    for minor in (0, 1):
        where = f"/api/1.{minor}/bundles/"
        assert send(client, "post", where, body, basic("alice")).status_code == 405
        where = f"{where}{tracked.bundle.pk}/"
        assert send(client, "patch", where, body, basic("alice")).status_code == 405
    assert send(client, "post", "/api/1.2/bundles/", body, basic("alice")).status_code == 201
    for minor, allowed in (
        (1, "GET, HEAD, OPTIONS"),
        (2, "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
    ):
        where = f"/api/1.{minor}/bundles/{tracked.bundle.pk}/"
        assert client.options(where)["Allow"] == client.post(where)["Allow"] == allowed


def test_wishes_are_ones_own(client: Client, tracked: Tracked):
    where = f"/api/1.4/users/{tracked.alice.pk}/"
    wishes = {"send_email": True, "items_per_page": 20, "show_ids": True}
    body = {"first_name": "Alice", "last_name": "A.", "settings": wishes}
    said = verify(4, "patch", send(client, "patch", where, body, basic("alice")))
    assert {name: said[name] for name in body} == body
    assert UserProfile.objects.get(user=tracked.alice).items_per_page == 20
    assert "settings" not in verify(4, "get", client.get(where, headers=basic("maria")))
    older = client.get(f"/api/1.1/users/{tracked.alice.pk}/", headers=basic("alice"))
    assert "settings" not in verify(1, "get", older)
    older_address = where.replace("1.4", "1.1")
    assert send(client, "patch", older_address, body, basic("alice")).status_code == 400
    for wrong, place in (
        ({"items_per_page": 0}, "settings.items_per_page"),
        ({"items_per_page": "x"}, "settings.items_per_page"),
        ({"show_ids": "perhaps"}, "settings.show_ids"),
        ({"colour": 1}, "settings.colour"),
        (5, "settings"),
    ):
        response = send(client, "patch", where, {"settings": wrong}, basic("alice"))
        assert (response.status_code, list(response.json())) == (400, [place])


def test_superusers_change_the_names_of_others(client: Client, tracked: Tracked):
    """By their password, or by a token that is good for anything; wishes stay one's own."""
    admin = User.objects.create_superuser("admin", password="secret")
    where = f"/api/1.4/users/{tracked.alice.pk}/"
    for name, headers in (("A", basic("admin")), ("B", token(admin, Scope.ADMIN))):
        body = {"first_name": name}
        assert verify(4, "patch", send(client, "patch", where, body, headers))["first_name"] == name
    body = {"first_name": "C"}
    assert send(client, "patch", where, body, token(admin, Scope.WRITE)).status_code == 403
    more = {**body, "settings": {"show_ids": True}}
    assert send(client, "patch", where, more, basic("admin")).status_code == 403
    tracked.alice.refresh_from_db()
    assert tracked.alice.first_name == "B"
    response = send(client, "patch", where, {"first_name": "a\0b"}, basic("alice"))
    assert list(response.json()) == ["first_name"]
    response = send(client, "patch", where, {"last_name": "a\nb"}, basic("alice"))
    assert list(response.json()) == ["last_name"]


def test_all_that_was_told_of_a_project_can_be_sent_back(client: Client, tracked: Tracked):
    where = f"/api/1.4/projects/{tracked.project.linkname}/"
    told = client.get(where).json()
    told["commit_url_format"] = "https://git.example.org/c/{}"
    told["show_dependencies"] = False
    said = verify(4, "put", send(client, "put", where, told, basic("maria")))
    assert said == told
    for wrong in ("web_url", "scm_url", "webscm_url", "list_archive_url", "commit_url_format"):
        response = send(client, "patch", where, {wrong: "javascript:alert(1)"}, basic("maria"))
        assert (response.status_code, list(response.json())) == (400, [wrong])


def test_a_session_needs_the_token_of_its_pages(tracked: Tracked):
    """A page elsewhere cannot write with somebody's session."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(tracked.maintainer)
    where = f"/api/1.4/patches/{tracked.one.pk}/"
    assert send(client, "patch", where, {"archived": True}).status_code == 403
