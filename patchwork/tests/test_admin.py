# SPDX-License-Identifier: GPL-2.0-or-later
"""The admin shows everything quickly, and does not go round the only writers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.checks.changes import record_result
from patchwork.events.models import Consumer, Event, EventKind
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.receiving import receive, receive_many
from patchwork.models import (
    Bounce,
    Comment,
    Cover,
    EmailConfirmation,
    EmailOptout,
    Mail,
    Patch,
    PatchNotification,
    PeriodicJob,
    Person,
    Pin,
    Project,
    Revision,
    Series,
    State,
    Tag,
    TestMail,
    UserProfile,
    Worker,
)
from patchwork.people import tokens
from patchwork.tests.jobs import chores
from patchwork.tests.letters import mail, patch, thread
from patchwork.tests.outbox.drafts import LIST, queued
from patchwork.tracking import changes


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create(username="root", is_staff=True, is_superuser=True)


@pytest.fixture
def door(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def maintainer(project: Project) -> User:
    """May all that staff may, and maintains the project."""
    user = User.objects.create(username="maintainer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="patchwork"))
    UserProfile.objects.create(user=user).maintainer_projects.add(project)
    return user


@pytest.fixture
def staff(db: None) -> User:
    """May all that staff may, and maintains nothing."""
    user = User.objects.create(username="staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="patchwork"))
    return user


def listing(model: type) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # type: ignore[attr-defined]


def page(row: Any, what: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{what}", args=[row.pk])


def act(door: Client, action: str, rows: list[Any], **more: Any) -> str:
    """Run an action on rows; answers the page that is shown then."""
    said = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    answer = door.post(listing(type(rows[0])), said, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def form_of(door: Client, row: Any, **changed: Any) -> dict[str, Any]:
    """What a browser would send after these changes."""
    context = door.get(page(row)).context
    form = context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    for inline in context.get("inline_admin_formsets", ()):
        for one in (inline.formset.management_form, *inline.formset.initial_forms):
            sent |= {one.add_prefix(name): one[name].value() for name in one.fields}
    sent |= changed
    return {name: value for name, value in sent.items() if value is not None and value is not False}


def submit(door: Client, row: Any, **changed: Any) -> None:
    answer = door.post(page(row), form_of(door, row, **changed))
    problems = answer.context["errors"] if answer.status_code != 302 else None
    assert answer.status_code == 302, problems


def populate(project: Project, user: User, numbers: range) -> None:
    """A row for each number in every table that the admin shows."""
    for n in numbers:
        raws = thread(
            f"""
            + [PATCH 0/1] Feature {n}
            +--> [PATCH 1/1] One {n}            #one{n}
            |  +--> bob: Re: [PATCH 1/1] One {n}
            """,
            prefix=f"m{n}-",
        )
        stray = mail(f"Stray {n}", msgid=f"<s{n}@x>", headers={"List-Id": "<no.example.org>"})
        receive_many([*raws, stray])
        one = Patch.objects.get(mail__msgid=f"<one{n}@example.org>")
        record_result(target=one, test_name="build", state="success", user=user)
        TestMail.objects.create(project=project, test_name=f"t{n}")
        tokens.issue(user, f"token {n}", project=project)
        PatchNotification.objects.create(
            patch=one, original_state=one.state, state=one.state, changed=timezone.now()
        )
        changes.set_delegate([one], user, user)
        changes.pin_series(one.mail, None, user)
        account = User.objects.create(username=f"u{n}")
        UserProfile.objects.create(user=account)
        Person.objects.create(email=f"p{n}@example.org", user=account)
        bundle = Bundle.objects.create(owner=account, project=project, name=f"b{n}")
        BundlePatch.objects.create(bundle=bundle, patch=one, order=1)
        Project.objects.create(linkname=f"p{n}", name=f"P{n}", listid=f"p{n}", listemail="p@x.org")
        State.objects.create(name=f"S{n}", slug=f"s{n}", ordering=100 + n)
        Tag.objects.create(name=f"T{n}", abbrev=f"T{n}", pattern=f"T{n}")
        EmailOptout.objects.create(email_key=f"o{n}@example.org")
        EmailConfirmation.objects.create(
            kind="optout", email="x@x.org", key=f"{n}", created=timezone.now(), user=account
        )
        Consumer.objects.create(name=f"c{n}", position=timezone.now())
        chores.note_in_line.enqueue(f"k{n}", "head")
        PeriodicJob.objects.create(name=f"r{n}", every=60)
        Worker.objects.create(name=f"w{n}", runner="worker")
        sent = queued(f"out{n}", LIST, "bob@example.org")
        Bounce.objects.create(mail=sent, sha256=f"{n}", said="no such user", secret=True)


OURS = [model for model in admin.site._registry if model._meta.app_label == "patchwork"] + [User]


def statements(door: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert door.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


class TestPages:
    def test_a_list_takes_as_many_statements_for_30_rows_as_for_3(
        self, project: Project, root: User, door: Client
    ) -> None:
        populate(project, root, range(3))
        few = {model.__name__: statements(door, listing(model)) for model in OURS}
        populate(project, root, range(3, 30))
        many = {model.__name__: statements(door, listing(model)) for model in OURS}
        assert {model.__name__ for model in OURS if model._default_manager.count() < 30} == set()
        assert {name: len(said) for name, said in many.items()} == {
            name: len(said) for name, said in few.items()
        }
        assert max(len(said) for said in many.values()) <= 12
        for long in ("compressed", "packed", "diff", "content", "traceback"):
            assert not [
                sql for said in many.values() for sql in said if f"{long}" in sql.split("FROM")[0]
            ]

    def test_every_table_is_shown(self) -> None:
        assert {model.__name__ for model in OURS} >= {
            *("Project", "State", "Tag", "Person", "User", "Series", "Revision", "Patch"),
            *("Cover", "Comment", "Mail", "CheckResult", "Event", "QuarantinedMail", "Bundle"),
            *("Job", "PeriodicJob", "Worker", "OutgoingMail", "Bounce"),
        }

    def test_every_row_can_be_looked_at_and_every_list_searched(
        self, project: Project, root: User, door: Client
    ) -> None:
        populate(project, root, range(1))
        for model in OURS:
            row = model._default_manager.order_by("pk").first()
            assert door.get(page(row)).status_code == 200, model
            assert door.get(listing(model), {"q": "One"}).status_code == 200, model
            assert door.get(listing(model), {"q": "7"}).status_code == 200, model

    def test_what_mail_has_made_cannot_be_added(self, door: Client) -> None:
        for model in (Mail, Patch, Cover, Comment, Series, Revision, Event, QuarantinedMail, Pin):
            answer = door.get(listing(model).removesuffix("/") + "/add/")
            assert answer.status_code == 403, model

    def test_raw_mail_is_saved_and_not_shown(self, project: Project, door: Client) -> None:
        raw = patch("[PATCH] One", text="<script>alert(1)</script>\n")
        receive(raw)
        one = Mail.objects.get()
        answer = door.get(reverse("admin:patchwork_mail_raw", args=[one.pk]))
        assert answer.content == raw
        assert answer["Content-Type"] == "message/rfc822"
        assert answer["Content-Disposition"].startswith("attachment")
        assert Client().get(reverse("admin:patchwork_mail_raw", args=[one.pk])).status_code == 302


def one_series() -> Series:
    receive_many(
        thread(
            """
            + [PATCH 0/2] Feature                #cover
            +--> [PATCH 1/2] One                 #one
            |  +--> bob: Re: [PATCH 1/2] One     #re
            +--> [PATCH 2/2] Two                 #two
            """
        )
    )
    return Series.objects.get()


def found(name: str) -> Mail:
    return Mail.objects.get(msgid=f"<{name}@example.org>")


def state(slug: str) -> State:
    return State.objects.get(slug=slug)


class TestPatch:
    def test_the_form_goes_through_the_writers(
        self, project: Project, root: User, maintainer: User, door: Client
    ) -> None:
        series, one = one_series(), found("one").patch
        accepted = state("accepted")
        submit(
            door,
            one,
            state=accepted.pk,
            delegate=maintainer.pk,
            archived="on",
            commit_ref="c0ffee",
        )
        one.refresh_from_db()
        assert (one.state, one.delegate, one.archived) == (accepted, maintainer, True)
        assert (one.commit_ref, one.state_set_by_human) == ("c0ffee", True)
        kinds = Event.objects.filter(actor=root).values_list("kind", flat=True)
        assert sorted(kinds) == [EventKind.PATCH_DELEGATED, EventKind.PATCH_STATE_CHANGED]
        series.refresh_from_db()
        assert series.state == "in progress"

    def test_the_form_changes_only_what_was_changed_in_it(
        self, project: Project, root: User, door: Client
    ) -> None:
        """Somebody else accepts it while the form is open."""
        one_series()
        one = found("one").patch
        sent = form_of(door, one, commit_ref="c0ffee", state=state("accepted").pk)
        changes.set_state([one], state("accepted"), None)
        assert door.post(page(one), sent).status_code == 302
        one.refresh_from_db()
        assert (one.commit_ref, one.state.slug) == ("c0ffee", "accepted")
        assert Event.objects.filter(kind=EventKind.PATCH_STATE_CHANGED).count() == 1

    def test_an_unchanged_form_is_no_event(self, project: Project, door: Client) -> None:
        one_series()
        before = Event.objects.count()
        submit(door, found("one").patch)
        assert Event.objects.count() == before

    def test_states_of_several_at_once(self, project: Project, root: User, door: Client) -> None:
        series = one_series()
        act(door, "set_state", list(Patch.objects.all()), state=state("rejected").pk)
        series.refresh_from_db()
        assert series.state == "done"
        changed = Event.objects.filter(kind=EventKind.PATCH_STATE_CHANGED, actor=root)
        assert changed.count() == 2
        assert "Choose the state" in act(door, "set_state", list(Patch.objects.all()))
        assert "No action selected" in act(door, "set_state", list(Patch.objects.all()), state="x")

    def test_a_delegate_for_several_at_once(
        self, project: Project, root: User, maintainer: User, staff: User, door: Client
    ) -> None:
        one_series()
        patches = list(Patch.objects.all())
        act(door, "set_delegate", patches, delegate=maintainer.pk)
        assert Patch.objects.filter(delegate=maintainer).count() == 2
        other = Project.objects.create(linkname="o", name="O", listid="o", listemail="o@x.org")
        UserProfile.objects.create(user=staff).maintainer_projects.add(other)
        assert "does not maintain" in act(door, "set_delegate", patches, delegate=staff.pk)
        assert Patch.objects.filter(delegate=maintainer).count() == 2
        act(door, "set_delegate", patches)
        assert Event.objects.filter(kind=EventKind.PATCH_DELEGATED, actor=root).count() == 4

    def test_archiving_several_at_once(self, project: Project, door: Client) -> None:
        one_series()
        act(door, "archive", list(Patch.objects.all()))
        assert Patch.objects.filter(archived=True).count() == 2
        act(door, "unarchive", list(Patch.objects.all()))
        assert Patch.objects.filter(archived=True).count() == 0

    def test_only_maintainers_among_the_staff_change_anything(
        self, project: Project, maintainer: User, staff: User
    ) -> None:
        one_series()
        one = found("one").patch
        outside, inside = Client(), Client()
        outside.force_login(staff)
        inside.force_login(maintainer)
        assert outside.get(page(one)).status_code == 200
        assert outside.post(page(one), {"state": state("accepted").pk}).status_code == 403
        said = act(outside, "set_state", [one], state=state("accepted").pk)
        assert "1 left out: you may not change them" in said
        assert outside.post(page(one, "delete"), {"post": "yes"}).status_code == 403
        one.refresh_from_db()
        assert one.state.slug == "new"
        act(inside, "set_state", [one], state=state("accepted").pk)
        one.refresh_from_db()
        assert one.state.slug == "accepted"


class TestDeleting:
    @pytest.mark.parametrize("name", ["one", "cover", "re"])
    def test_one_leaves_a_tombstone(self, project: Project, door: Client, name: str) -> None:
        series, gone = one_series(), found(name)
        row = getattr(gone, gone.kind)
        assert b"leaves a tombstone" in door.get(page(row, "delete")).content
        assert door.post(page(row, "delete"), {"post": "yes"}).status_code == 302
        gone.refresh_from_db()
        assert gone.kind == "gone"
        assert not type(row).objects.filter(pk=row.pk).exists()
        series.refresh_from_db()
        assert series.state == ("incomplete" if name == "one" else "initial")

    def test_several_at_once(self, project: Project, root: User, door: Client) -> None:
        one_series()
        rows = list(Mail.objects.all())
        asked = act(door, "delete_selected", rows)
        assert "leaves a tombstone" in asked
        act(door, "delete_selected", rows, post="yes")
        assert set(Mail.objects.values_list("kind", flat=True)) == {"gone"}
        assert not Series.objects.exists()

    def test_a_tombstone_cannot_be_deleted(self, project: Project, door: Client) -> None:
        one_series()
        gone = found("one")
        changes.remove_mail(gone, None)
        assert door.post(page(gone, "delete"), {"post": "yes"}).status_code == 403
        said = {"action": "delete_selected", "_selected_action": [gone.pk], "post": "yes"}
        assert door.post(listing(Mail), said).status_code == 403
        assert Mail.objects.filter(pk=gone.pk).exists()


class TestSeries:
    def test_its_reviewer(self, project: Project, root: User, door: Client) -> None:
        series = one_series()
        before = series.last_updated
        submit(door, series, reviewer=root.pk)
        series.refresh_from_db()
        assert series.reviewer == root
        assert series.last_updated > before

    def test_guesses(self, project: Project, root: User, door: Client) -> None:
        for raw in thread("+ [PATCH] Fix\n+--> bob: [PATCH v2] Fix  @1d"):
            receive(raw)
        guess = Series.objects.get(possibly_continues__isnull=False)
        act(door, "confirm", [guess])
        assert Series.objects.get().version == 2

    def test_guesses_denied(self, project: Project, root: User, door: Client) -> None:
        for raw in thread("+ [PATCH] Fix\n+--> bob: [PATCH v2] Fix  @1d"):
            receive(raw)
        assert "1 left out" in act(door, "deny", list(Series.objects.all()))
        assert not Series.objects.filter(possibly_continues__isnull=False).exists()

    def test_a_pin_is_taken_out(self, project: Project, root: User, door: Client) -> None:
        receive_many(thread("+ [PATCH] One\n+ [PATCH v2] One  #v2 @1d"))
        changes.pin_series(found("v2"), None, root)
        assert Series.objects.count() == 2
        assert door.post(page(Pin.objects.get(), "delete"), {"post": "yes"}).status_code == 302
        assert Series.objects.count() == 1


class TestProject:
    def test_maintainers_are_seen_and_changed(
        self, project: Project, root: User, maintainer: User, staff: User, door: Client
    ) -> None:
        shown = door.get(page(project)).context["adminform"].form["maintainers"].value()
        assert list(shown) == [maintainer.pk]
        submit(door, project, maintainers=[staff.pk])
        assert staff.profile.maintainer_projects.get() == project
        assert not maintainer.profile.maintainer_projects.exists()

    def test_another_first_state_moves_the_series(self, project: Project, door: Client) -> None:
        series = one_series()
        submit(door, project, initial_state=state("under-review").pk, maintainers=[])
        series.refresh_from_db()
        assert series.state == "in progress"

    def test_another_list_is_told_what_to_run(self, project: Project, door: Client) -> None:
        sent = form_of(door, project, listid="new.example.org", maintainers=[])
        assert "retriage" in door.post(page(project), sent, follow=True).content.decode()

    def test_one_with_mail_is_not_deleted(self, project: Project, door: Client) -> None:
        assert door.get(page(project, "delete")).status_code == 200
        one_series()
        assert door.post(page(project, "delete"), {"post": "yes"}).status_code == 403

    def test_a_state_that_asks_for_nothing_any_more(self, project: Project, door: Client) -> None:
        series = one_series()
        changes.set_state(Patch.objects.all(), state("under-review"), None)
        row = state("under-review")
        door.post(page(row), {"name": row.name, "slug": row.slug, "ordering": row.ordering})
        series.refresh_from_db()
        assert series.state == "done"


class TestAccounts:
    def test_maintained_projects_stand_with_the_account(
        self, project: Project, staff: User, door: Client
    ) -> None:
        answer = door.get(page(staff))
        assert b"maintainer_projects" in answer.content

    def test_a_person_is_linked_to_an_account(
        self, project: Project, staff: User, door: Client
    ) -> None:
        one_series()
        alice = Person.objects.get(name="Alice")
        submit(door, alice, user=staff.pk)
        alice.refresh_from_db()
        assert (alice.user, alice.email) == (staff, "alice@example.org")

    def test_a_key_that_was_sent_out_is_not_shown(self, root: User, door: Client) -> None:
        row = EmailConfirmation.objects.create(
            kind="optin", email="x@x.org", key="sesame", created=timezone.now()
        )
        assert b"sesame" not in door.get(page(row)).content
        assert b"sesame" not in door.get(listing(EmailConfirmation)).content


class TestQuarantine:
    @pytest.fixture
    def stray(self, project: Project) -> QuarantinedMail:
        text = "<script>alert(1)</script>\n"
        receive(patch("[PATCH] Stray", text=text, headers={"List-Id": "<new.example.org>"}))
        return QuarantinedMail.objects.get()

    def test_its_bytes_are_shown_as_text(self, stray: QuarantinedMail, door: Client) -> None:
        shown = door.get(page(stray)).content.decode()
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>alert" not in shown

    def test_replay(self, stray: QuarantinedMail, project: Project, door: Client) -> None:
        assert "1 replayed: no project" in act(door, "replay", [stray])
        Project.objects.filter(pk=project.pk).update(listid="new.example.org")
        assert "1 replayed: patch" in act(door, "replay", [stray])
        assert Patch.objects.get().name == "Stray"

    def test_replay_as_new(self, project: Project, door: Client) -> None:
        receive(patch("[PATCH] One"))
        receive(patch("[PATCH] Another", who="bob"))
        act(door, "replay_as_new", [QuarantinedMail.objects.get()])
        assert Patch.objects.count() == 2

    def test_drop(self, stray: QuarantinedMail, door: Client) -> None:
        act(door, "drop", [stray])
        stray.refresh_from_db()
        assert stray.state == "dropped"

    def test_who_may_only_look(self, stray: QuarantinedMail) -> None:
        user = User.objects.create(username="looker", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="view_quarantinedmail"))
        client = Client()
        client.force_login(user)
        act(client, "drop", [stray])
        stray.refresh_from_db()
        assert stray.state == "waiting"
