# SPDX-License-Identifier: GPL-2.0-or-later
"""Submitters hear what has become of their patches: of all at once, when it is settled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from patchwork import correlation
from patchwork.events import consumers
from patchwork.events.models import Event
from patchwork.ingest.receiving import receive_many
from patchwork.notifications.models import PatchNotification
from patchwork.notifications.telling import tell_changes
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.people.models import EmailOptout, Person
from patchwork.projects.models import Project
from patchwork.tests.letters import patch as patch_mail
from patchwork.tests.letters import thread
from patchwork.tests.notifications.conftest import state
from patchwork.tests.notifications.mails import only_mail, outbox, recipients, text
from patchwork.tracking import changes
from patchwork.tracking.models import Patch


def put(patches: list[Patch], name: str, actor: User | None) -> None:
    """Change their states; the consumers read it."""
    changes.set_state(patches, state(name), actor)
    consumers.run_all()


def pass_minutes(minutes: int) -> None:
    """As if what waits had been waiting for so much longer."""
    PatchNotification.objects.update(changed=F("changed") - timedelta(minutes=minutes))


def waiting() -> list[tuple[str, str, str]]:
    rows = PatchNotification.objects.order_by("pk")
    return list(rows.values_list("patch__mail__name", "original_state__name", "state__name"))


def test_one_mail_tells_everything(patches: list[Patch], maintainer: User) -> None:
    put(patches[1:], "Under Review", maintainer)
    put(patches, "Accepted", maintainer)
    assert tell_changes.call() == 0
    pass_minutes(11)
    assert tell_changes.call() == 1
    mail = only_mail()
    one, two = patches
    assert recipients(mail) == ["alice@example.org"]
    assert mail["To"] == "Alice <alice@example.org>"
    assert mail["From"] == "Patchwork <patchwork@patchwork.example.com>"
    assert mail["Subject"] == "2 of your patches: Accepted"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Patchwork-Hint"] == "ignore"
    assert mail["List-Unsubscribe"] == "<http://patchwork.example.com/mail/optout/>"
    assert text(mail) == (
        "The states of patches that you sent have changed:\n"
        "\n"
        "A list:\n"
        "\n"
        "  [1/2] One\n"
        "  New -> Accepted\n"
        f"  http://patchwork.example.com/patch/{one.pk}/\n"
        "\n"
        "  [2/2] Two\n"
        "  New -> Accepted\n"
        f"  http://patchwork.example.com/patch/{two.pk}/\n"
        "\n"
        "-- \n"
        "Patchwork at http://patchwork.example.com/\n"
        "If you want no mail from here: http://patchwork.example.com/mail/\n"
    )
    assert OutgoingMail.objects.get().kind == Kind.NOTICE
    assert tell_changes.call() == 0


def test_of_a_single_patch_the_subject_says_all(patches: list[Patch], maintainer: User) -> None:
    put(patches[:1], "Rejected", maintainer)
    pass_minutes(11)
    tell_changes.call()
    assert only_mail()["Subject"] == "Rejected: [1/2] One"
    assert text(only_mail()).startswith("The state of a patch that you sent has changed:\n")


def test_a_patch_that_is_put_back_is_not_told(patches: list[Patch], maintainer: User) -> None:
    put(patches, "Accepted", maintainer)
    put(patches[:1], "Rejected", maintainer)
    put(patches[:1], "New", maintainer)
    assert waiting() == [("Two", "New", "Accepted")]
    put(patches[:1], "Accepted", maintainer)
    assert waiting() == [("One", "New", "Accepted"), ("Two", "New", "Accepted")]


def test_read_all_at_once_it_is_the_same(patches: list[Patch], maintainer: User) -> None:
    for name in ("Accepted", "New", "Under Review", "Rejected"):
        changes.set_state(patches, state(name), maintainer)
    consumers.run_all()
    assert waiting() == [("One", "New", "Rejected"), ("Two", "New", "Rejected")]


def test_what_is_told_begins_where_the_last_mail_ended(
    patches: list[Patch], maintainer: User
) -> None:
    put(patches[:1], "Under Review", maintainer)
    changes.set_state(patches[:1], state("Accepted"), maintainer)
    pass_minutes(11)
    tell_changes.call()
    assert "New -> Under Review" in text(only_mail())
    consumers.run_all()
    assert waiting() == [("One", "Under Review", "Accepted")]


def test_a_change_within_the_delay_keeps_all_of_a_submitters_waiting(
    patches: list[Patch], maintainer: User
) -> None:
    put(patches[:1], "Accepted", maintainer)
    pass_minutes(11)
    put(patches[1:], "Accepted", maintainer)
    assert tell_changes.call() == 0
    pass_minutes(9)
    assert tell_changes.call() == 0
    pass_minutes(1)
    assert tell_changes.call() == 1
    assert only_mail()["Subject"] == "2 of your patches: Accepted"


def test_but_not_for_ever(patches: list[Patch], maintainer: User) -> None:
    put(patches[:1], "Accepted", maintainer)
    pass_minutes(60)
    put(patches[1:], "Accepted", maintainer)
    assert tell_changes.call() == 1
    assert only_mail()["Subject"] == "Accepted: [1/2] One"
    assert waiting() == [("Two", "New", "Accepted")]


def test_the_delay_is_the_sites(patches: list[Patch], maintainer: User, settings) -> None:
    settings.NOTIFICATION_DELAY_MINUTES = 0
    put(patches, "Accepted", maintainer)
    assert tell_changes.call() == 1


def test_each_submitter_has_a_mail(project: Project, maintainer: User) -> None:
    receive_many(
        [
            patch_mail("[PATCH] Of Alice", msgid="<a@x>"),
            patch_mail("[PATCH] Of Bob", who="bob", msgid="<b@x>"),
        ]
    )
    put(list(Patch.objects.all()), "Accepted", maintainer)
    pass_minutes(11)
    assert tell_changes.call() == 2
    assert [(recipients(mail), mail["Subject"]) for mail in outbox()] == [
        (["alice@example.org"], "Accepted: Of Alice"),
        (["bob@example.org"], "Accepted: Of Bob"),
    ]


class TestNobodyIsTold:
    def test_of_a_project_that_does_not_want_it(
        self, patches: list[Patch], maintainer: User
    ) -> None:
        Project.objects.update(send_notifications=False)
        put(patches, "Accepted", maintainer)
        assert waiting() == []

    def test_when_the_project_has_changed_its_mind(
        self, patches: list[Patch], maintainer: User
    ) -> None:
        put(patches, "Accepted", maintainer)
        Project.objects.update(send_notifications=False)
        pass_minutes(11)
        tell_changes.call()
        assert (waiting(), outbox()) == ([], [])

    def test_who_wants_no_mail(self, patches: list[Patch], maintainer: User) -> None:
        EmailOptout.objects.create(email_key="alice@example.org")
        put(patches, "Accepted", maintainer)
        pass_minutes(11)
        tell_changes.call()
        assert (waiting(), outbox()) == ([], [])

    def test_who_cannot_be_written_to(self, patches: list[Patch], maintainer: User) -> None:
        Person.objects.update(email="alice")
        put(patches, "Accepted", maintainer)
        pass_minutes(11)
        tell_changes.call()
        assert (waiting(), outbox()) == ([], [])

    @pytest.mark.parametrize("is_linked", [True, False])
    def test_of_what_he_did_himself(
        self, patches: list[Patch], maintainer: User, is_linked: bool
    ) -> None:
        alice = User.objects.create_user("alice", "" if is_linked else "Alice@example.org")
        Person.objects.filter(email_key="alice@example.org").update(
            user=alice if is_linked else None
        )
        put(patches, "Under Review", maintainer)
        put(patches[:1], "Rejected", alice)
        assert waiting() == [("Two", "New", "Under Review")]
        put(patches[:1], "Accepted", maintainer)
        assert waiting()[0] == ("One", "Rejected", "Accepted")

    def test_that_his_new_revision_supersedes_the_old_one(
        self, patches: list[Patch], maintainer: User
    ) -> None:
        put(patches[:1], "Under Review", maintainer)
        receive_many(
            thread("+ [PATCH v2 0/2] Größe  @2d\n+--> [PATCH v2 1/2] A\n+--> [PATCH v2 2/2] B", "n")
        )
        consumers.run_all()
        superseded = Patch.objects.filter(state=state("Superseded"))
        assert sorted(patch.pk for patch in superseded) == [patches[1].pk]
        assert waiting() == [("One", "New", "Under Review")]

    def test_of_what_an_import_brought(self, patches: list[Patch], maintainer: User) -> None:
        changes.set_state(patches, state("Accepted"), maintainer)
        Event.objects.update(historical=True)
        consumers.run_all()
        assert waiting() == []


def test_the_site_itself_is_nobody(patches: list[Patch]) -> None:
    put(patches, "Accepted", None)
    assert waiting() == [("One", "New", "Accepted"), ("Two", "New", "Accepted")]


def test_the_correlation_is_carried(patches: list[Patch], maintainer: User) -> None:
    with correlation.carried("c0ffee"):
        changes.set_state(patches, state("Accepted"), maintainer)
    consumers.run_all()
    pass_minutes(11)
    tell_changes.call()
    assert OutgoingMail.objects.get().correlation == "c0ffee"


def test_told_again_it_is_the_same_mail(patches: list[Patch], maintainer: User) -> None:
    """As when somebody gives back what was told, from a backup for instance."""
    put(patches, "Accepted", maintainer)
    pass_minutes(11)
    rows = list(PatchNotification.objects.all())
    tell_changes.call()
    PatchNotification.objects.bulk_create(rows)
    assert tell_changes.call() == 1
    assert len(outbox()) == 1


def test_the_same_change_later_is_another_mail(patches: list[Patch], maintainer: User) -> None:
    for name in ("Accepted", "New", "Accepted"):
        put(patches[:1], name, maintainer)
        pass_minutes(11)
        tell_changes.call()
    assert [mail["Subject"] for mail in outbox()] == [
        *("Accepted: [1/2] One", "New: [1/2] One", "Accepted: [1/2] One")
    ]


def test_reading_and_telling_more_asks_no_more(project: Project, maintainer: User) -> None:
    def statements(count: int, prefix: str) -> list[int]:
        lines = [f"+--> [PATCH {n}/{count}] {prefix} {n}" for n in range(1, count + 1)]
        receive_many(thread("\n".join([f"+ [PATCH 0/{count}] {prefix}", *lines]), prefix))
        consumers.run_all()
        changes.set_state(
            Patch.objects.filter(name__contains=prefix), state("Accepted"), maintainer
        )
        with CaptureQueriesContext(connection) as reading:
            consumers.run_all()
        pass_minutes(11)
        with CaptureQueriesContext(connection) as telling:
            tell_changes.call()
        return [len(reading), len(telling)]

    Site.objects.get_current()
    few = statements(2, "few")
    assert statements(20, "many") == few
    assert few[1] <= 25
