# SPDX-License-Identifier: GPL-2.0-or-later
"""Test results by mail: to whom, when, and what it says, as the test's row in the admin has it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patchwork import correlation
from patchwork.checks.changes import record_result
from patchwork.checks.models import CheckResult, MailCondition, MailRecipients, TestMail
from patchwork.events import consumers
from patchwork.events.models import Consumer, Event
from patchwork.ingest.receiving import receive, receive_many
from patchwork.mail.compose import Mailbox
from patchwork.notifications.recipients import mailboxes
from patchwork.outbox.models import OutgoingMail
from patchwork.people.models import EmailOptout, Person
from patchwork.projects.models import Project
from patchwork.tests.letters import LIST_ID, thread
from patchwork.tests.letters import patch as patch_mail
from patchwork.tests.notifications.mails import only_mail, outbox, recipients, text
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Revision, Series

LIST = LIST_ID.replace(".", "@", 1)
STATES = ("pending", "info", "success", "warning", "failure")


@pytest.fixture
def robot(db: None) -> User:
    return User.objects.create_user("robot")


@pytest.fixture
def revision(patches: list[Patch]) -> Revision:
    return Revision.objects.get()


def configure(recipients: str, condition: str = "always", to: str = "", cc: str = "") -> TestMail:
    test, _ = TestMail.objects.update_or_create(
        project=Project.objects.get(),
        test_name="build",
        defaults={"recipients": recipients, "condition": condition, "to": to, "cc": cc},
    )
    return test


def report(
    target: Patch | Revision, user: User, state: str = "failure", name: str = "build", **said: str
) -> None:
    """A test system posts a result; the consumers read it."""
    record_result(target=target, test_name=name, state=state, user=user, **said)
    consumers.run_all()


def test_the_whole_mail(revision: Revision, robot: User) -> None:
    configure("mailing list")
    report(revision, robot, summary="lamp.c:3: no\noil", url="https://ci.example.org/7/")
    mail = only_mail()
    assert mail["Subject"] == "✗ build: failure for Größe"
    assert mail["To"] == "Alice <alice@example.org>"
    assert mail["Cc"] == mail["Reply-To"] == LIST
    assert mail["In-Reply-To"] == mail["References"] == "<m0@example.org>"
    assert mail["X-Patchwork-Hint"] == "ignore"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert recipients(mail) == ["alice@example.org", LIST]
    assert text(mail) == (
        "== Series Details ==\n"
        "\n"
        "Series: Größe\n"
        f"URL   : http://patchwork.example.com/series/{revision.series_id}/rev/1/\n"
        "State : failure\n"
        "\n"
        "== Summary ==\n"
        "\n"
        "lamp.c:3: no\n"
        "oil\n"
        "\n"
        "== Logs ==\n"
        "\n"
        "For more details see: https://ci.example.org/7/\n"
        "\n"
        "-- \n"
        "Patchwork at http://patchwork.example.com/\n"
        "If you want no mail from here: http://patchwork.example.com/mail/\n"
    )


def test_it_is_not_taken_in_when_it_comes_back(revision: Revision, robot: User) -> None:
    configure("mailing list")
    report(revision, robot)
    came_back = OutgoingMail.objects.get().read_bytes().replace(b"\r\n", b"\n")
    receive(b"List-Id: <" + LIST_ID.encode() + b">\n" + came_back)
    assert Series.objects.count() == 1
    assert not Event.objects.filter(kind="cover-comment-created").exists()


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        ("pending", "… build: pending"),
        ("info", "○ build: info"),
        ("success", "✓ build: success"),
        ("warning", "✗ build: warning"),
    ],
)
def test_the_subject_is_marked(revision: Revision, robot: User, state: str, mark: str) -> None:
    configure("submitter")
    report(revision, robot, state)
    assert only_mail()["Subject"] == f"{mark} for Größe"
    assert "== Summary ==" not in text(only_mail())
    assert "== Logs ==" not in text(only_mail())


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("always", STATES),
        ("on failure", ("warning", "failure")),
        ("on failure only", ("failure",)),
    ],
)
def test_when(revision: Revision, robot: User, condition: str, told: tuple[str, ...]) -> None:
    configure("submitter", condition)
    for state in STATES:
        report(revision, robot, state)
    assert [mail["Subject"].split()[2] for mail in outbox()] == list(told)


@pytest.mark.parametrize(
    ("choice", "to", "cc"),
    [
        ("none", None, None),
        ("submitter", ["alice@example.org", "qa@x.org"], ["boss@x.org"]),
        ("mailing list", ["alice@example.org", "qa@x.org"], [LIST, "boss@x.org"]),
        ("recipient list", ["qa@x.org"], ["boss@x.org"]),
    ],
)
def test_to_whom(
    revision: Revision, robot: User, choice: str, to: list[str] | None, cc: list[str] | None
) -> None:
    configure(choice, to="QA <qa@x.org>", cc="boss@x.org, ALICE@example.org" if to else "x@x.org")
    report(revision, robot)
    if to is None or cc is None:
        assert outbox() == []
        return
    mail = only_mail()
    cc = cc if "alice@example.org" in to else [*cc, "ALICE@example.org"]
    assert [each.addr_spec for each in mail["To"].addresses] == to
    assert [each.addr_spec for each in mail["Cc"].addresses] == cc


def test_a_tests_first_result_makes_its_row_and_tells_nobody(
    revision: Revision, robot: User
) -> None:
    report(revision, robot)
    test = TestMail.objects.get()
    assert (test.test_name, test.recipients, test.condition) == ("build", "none", "always")
    assert outbox() == []


def test_names_of_tests_are_told_apart_letter_by_letter(revision: Revision, robot: User) -> None:
    configure("submitter")
    report(revision, robot, name="Build")
    assert outbox() == []
    assert sorted(TestMail.objects.values_list("test_name", flat=True)) == ["Build", "build"]


def test_of_a_patch(patches: list[Patch], robot: User) -> None:
    configure("submitter")
    report(patches[1], robot, "success")
    mail = only_mail()
    assert mail["Subject"] == "✓ build: success for [2/2] Two"
    assert mail["In-Reply-To"] == "<m2@example.org>"
    assert text(mail).startswith(
        "== Patch Details ==\n\nPatch : [2/2] Two\n"
        f"URL   : http://patchwork.example.com/patch/{patches[1].pk}/\nState : success\n"
    )


def test_of_a_later_revision(patches: list[Patch], robot: User) -> None:
    receive_many(
        thread("+ [PATCH v2 0/2] Größe  @2d\n+--> [PATCH v2 1/2] A\n+--> [PATCH v2 2/2] B", "n")
    )
    configure("submitter")
    report(Revision.objects.get(number=2), robot, "success")
    mail = only_mail()
    assert mail["Subject"] == "✓ build: success for Größe (rev2)"
    assert mail["In-Reply-To"] == "<n0@example.org>"
    assert "Series: Größe (rev2)\n" in text(mail)
    assert f"/series/{Series.objects.get().pk}/rev/2/\n" in text(mail)


def test_of_a_copy_made_to_be_tested_again(revision: Revision, robot: User) -> None:
    changes.rerun(revision, robot)
    configure("submitter")
    report(Revision.objects.get(number=2), robot, "success")
    assert only_mail()["In-Reply-To"] == "<m0@example.org>"


def test_of_a_series_without_cover_letter(project: Project, robot: User) -> None:
    receive_many(thread("+ [PATCH 1/2] One\n+--> [PATCH 2/2] Two"))
    consumers.run_all()
    configure("submitter")
    report(Revision.objects.get(), robot, "success")
    assert only_mail()["Subject"] == "✓ build: success for series starting with One"
    assert only_mail()["In-Reply-To"] == "<m0@example.org>"


def test_of_a_single_patch(project: Project, robot: User) -> None:
    receive(patch_mail("[PATCH] Alone"))
    configure("submitter")
    report(Revision.objects.get(), robot, "success")
    assert only_mail()["Subject"] == "✓ build: success for Alone"
    assert only_mail()["In-Reply-To"] == "<1@example.org>"


def test_who_wants_no_mail_gets_none_and_the_others_theirs(revision: Revision, robot: User) -> None:
    configure("mailing list", cc="Boss@x.org")
    for address in ("alice@example.org", "boss@x.org"):
        EmailOptout.objects.create(email_key=address)
    report(revision, robot)
    assert recipients(only_mail()) == [LIST]
    EmailOptout.objects.create(email_key=LIST)
    report(revision, robot)
    assert len(outbox()) == 1


def test_who_cannot_be_written_to_keeps_nobody_else_from_it(
    revision: Revision, robot: User
) -> None:
    Person.objects.update(email="älice@example.org")
    configure("mailing list", cc="nobody, a@b, <>")
    report(revision, robot)
    assert recipients(only_mail()) == [LIST]
    assert Consumer.objects.get(pk="notifications.results").last_error == ""


def test_each_result_is_told_once(revision: Revision, robot: User) -> None:
    configure("submitter")
    for _ in range(2):
        report(revision, robot)
        consumers.run_all()
    assert len(outbox()) == 2
    Consumer.objects.update(position=Event.objects.earliest("event_time").event_time)
    consumers.run_all()
    assert len(outbox()) == 2


def test_results_that_are_gone_are_not_told(revision: Revision, robot: User) -> None:
    configure("submitter")
    record_result(target=revision, test_name="build", state="failure", user=robot)
    CheckResult.objects.all().delete()
    consumers.run_all()
    assert outbox() == []


def test_the_correlation_is_carried(revision: Revision, robot: User) -> None:
    configure("submitter")
    with correlation.carried("c0ffee"):
        record_result(target=revision, test_name="build", state="failure", user=robot)
    consumers.run_all()
    assert OutgoingMail.objects.get().correlation == "c0ffee"


def test_results_that_nobody_is_told_of_cost_next_to_nothing(
    revision: Revision, robot: User
) -> None:
    def statements(count: int) -> int:
        for number in range(count):
            record_result(target=revision, test_name=f"t{number}", state="success", user=robot)
        with CaptureQueriesContext(connection) as asked:
            consumers.run_all()
        return len(asked)

    assert statements(2) == statements(20) <= 20


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        (" a@x.org,\n\nb@x.org ,", [("", "a@x.org"), ("", "b@x.org")]),
        ('"Lamp, Old" <a@x.org>\nb@x.org', [("Lamp, Old", "a@x.org"), ("", "b@x.org")]),
    ],
)
def test_addresses_as_people_write_them(written: str, read: list[tuple[str, str]]) -> None:
    assert mailboxes(written) == [Mailbox(*pair) for pair in read]


class TestTheAdmin:
    @pytest.fixture
    def door(self, project: Project) -> Client:
        client = Client()
        client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
        return client

    def add(self, door: Client, **said: str) -> str:
        """Add a test by hand; answers what is wrong with it."""
        form = {
            "project": str(Project.objects.get().pk),
            "test_name": "build",
            "recipients": "submitter",
            "to": "",
            "cc": "",
            "condition": "on failure",
        }
        answer = door.post(reverse("admin:patchwork_testmail_add"), form | said)
        return "" if answer.status_code == 302 else str(answer.context["errors"])

    def test_it_speaks_as_the_documentation_does(self, door: Client) -> None:
        page = door.get(reverse("admin:patchwork_testmail_add")).content.decode().lower()
        for word in (
            *("email recipient(s)", "mail to: list", "mail cc list", "when to send"),
            *(choice.label for choice in [*MailRecipients, *MailCondition]),
        ):
            assert word in page

    def test_a_test_is_added_once(self, door: Client) -> None:
        assert self.add(door, to="QA <qa@x.org>\nother@x.org") == ""
        assert "already exists" in self.add(door)
        assert self.add(door, test_name="Build") == ""

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            ({"to": "qa"}, "qa is no mail address."),
            ({"cc": "a@x.org b@x.org"}, "is no mail address."),
            ({"recipients": "recipient list"}, "A recipient list needs somebody"),
        ],
    )
    def test_what_would_reach_nobody_is_refused(
        self, door: Client, said: dict[str, str], problem: str
    ) -> None:
        assert problem in self.add(door, **said)
        assert not TestMail.objects.exists()
