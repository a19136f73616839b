# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator may do with a mail, and what comes of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.jobs.worker import drain
from patchwork.outbox import changes, progress
from patchwork.outbox.changes import CannotDo
from patchwork.outbox.models import Kind, MailState, OutgoingMail, RecipientState
from patchwork.outbox.queueing import queue_series
from patchwork.tests.outbox.drafts import (
    LIST,
    deliver_all,
    draft,
    queued,
    recipients,
    state,
)
from patchwork.tests.outbox.postoffice import KEEP_AND_HANG_UP, PostOffice

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead(post_office: PostOffice) -> list[OutgoingMail]:
    """A cover that the list refused, and the patches behind it."""
    mails = queue_series([draft("cover"), draft("one"), draft("two")])
    post_office.then("RCPT", "550 5.7.1 Subscribers only")
    deliver_all()
    assert [state(mail) for mail in mails] == ["dead", "held", "held"]
    return mails


@pytest.fixture
def unknown(post_office: PostOffice) -> list[OutgoingMail]:
    mails = queue_series([draft("cover"), draft("one")])
    post_office.then("END", KEEP_AND_HANG_UP)
    deliver_all()
    assert [state(mail) for mail in mails] == ["unknown", "held"]
    return mails


def test_a_dead_mail_is_retried_and_the_others_follow(dead, post_office):
    contents = [mail.read_bytes() for mail in dead]
    changes.retry(dead[0])
    deliver_all()
    assert [state(mail) for mail in dead] == ["sent"] * 3
    assert post_office.received(LIST) == contents


def test_a_retried_mail_has_all_its_attempts_again(post_office):
    mail = queued()
    post_office.refused = {LIST: "450 Later"}
    deliver_all()
    assert state(mail) == "dead"
    changes.retry(mail)
    drain()
    assert state(mail) == "retry"
    post_office.refused = {}
    deliver_all()
    assert state(mail) == "sent"


def test_only_those_who_have_not_got_it_get_it(post_office):
    mail = queued("one", LIST, "no@example.org")
    post_office.refused = {"no@example.org": "550 No"}
    deliver_all()
    post_office.refused = {}
    changes.retry(mail)
    deliver_all()
    assert [kept.recipients for kept in post_office.kept] == [(LIST,), ("no@example.org",)]
    assert state(mail) == "sent"


def test_one_that_waits_for_its_next_attempt_is_tried_now(post_office):
    mail = queued()
    post_office.then("RCPT", "450 Later")
    drain()
    changes.retry(mail)
    drain()
    assert state(mail) == "sent"
    deliver_all()
    assert len(post_office.kept) == 1


def test_nobody_knows_and_the_operator_sends_it_again(unknown, post_office):
    changes.retry(unknown[0])
    deliver_all()
    assert len(post_office.received(LIST)) == 3
    assert [state(mail) for mail in unknown] == ["sent", "sent"]


def test_nobody_knows_and_the_operator_says_that_it_was_sent(unknown, post_office):
    changes.assume_sent(unknown[0])
    assert recipients(unknown[0]) == {LIST: "sent"}
    deliver_all()
    assert [state(mail) for mail in unknown] == ["sent", "sent"]
    assert len(post_office.received(LIST)) == 2
    unknown[0].refresh_from_db()
    assert unknown[0].words == changes.ASSUMED


def test_what_follows_a_dropped_mail_goes(dead, post_office):
    changes.drop(dead[0])
    assert recipients(dead[0]) == {LIST: "dropped"}
    deliver_all()
    assert [state(mail) for mail in dead] == ["dropped", "sent", "sent"]


def test_or_is_dropped_as_well(dead, post_office):
    changes.drop(dead[0], followers=True)
    deliver_all()
    assert [state(mail) for mail in dead] == ["dropped"] * 3
    assert post_office.kept == []


def test_a_long_line_is_dropped_step_by_step_and_not_one_within_the_other():
    mails = queue_series([draft(f"n{number}") for number in range(30)])
    with CaptureQueriesContext(connection) as captured:
        changes.drop(mails[0], followers=True)
    assert {state(mail) for mail in mails} == {"dropped"}
    assert sum(each["sql"].startswith("SAVEPOINT") for each in captured) <= 1


def test_a_held_mail_is_dropped_and_the_next_one_goes_on_waiting(dead, post_office):
    changes.drop(dead[1])
    assert [state(mail) for mail in dead] == ["dead", "dropped", "held"]
    changes.retry(dead[0])
    deliver_all()
    assert [state(mail) for mail in dead] == ["sent", "dropped", "sent"]
    assert len(post_office.kept) == 2


def test_a_mail_is_dropped_before_its_job_is_run(post_office):
    mail = queued()
    changes.drop(mail)
    drain()
    assert (state(mail), post_office.kept) == ("dropped", [])


def test_dropping_what_some_have_got_leaves_it_sent(post_office):
    mail = queued("one", LIST, "no@example.org")
    post_office.refused = {"no@example.org": "550 No"}
    deliver_all()
    changes.drop(mail)
    assert (state(mail), recipients(mail)) == ("sent", {LIST: "sent", "no@example.org": "dropped"})


def test_another_address(post_office):
    mail = queued("one", LIST, "old@example.org")
    content = mail.read_bytes()
    post_office.refused = {"old@example.org": "550 No"}
    deliver_all()
    changes.readdress(mail.recipients.get(address="old@example.org"), "new@example.org")
    deliver_all()
    assert state(mail) == "sent"
    assert recipients(mail) == {LIST: "sent", "new@example.org": "sent"}
    assert post_office.received("new@example.org") == [content]
    assert post_office.received(LIST) == [content]


def test_another_address_for_a_mail_that_is_held_leaves_it_held(dead, post_office):
    changes.readdress(dead[1].recipients.get(), "other@example.org")
    assert state(dead[1]) == "held"


@pytest.mark.parametrize(
    ("address", "told"),
    [("nonsense", "no address"), (LIST, "already"), ("bob@example.org", "already")],
)
def test_an_address_that_will_not_do(dead, address, told):
    mail = queued("other", LIST, "bob@example.org")
    with pytest.raises(CannotDo, match=told):
        changes.readdress(mail.recipients.get(address=LIST), address)


def test_who_has_got_the_mail_keeps_it(post_office):
    mail = queued()
    drain()
    with pytest.raises(CannotDo, match="has got"):
        changes.readdress(mail.recipients.get(), "other@example.org")


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        (changes.retry, {"dead", "retry", "unknown"}),
        (changes.drop, {"held", "queued", "retry", "unknown", "dead"}),
        (changes.assume_sent, {"unknown"}),
        (
            lambda mail: changes.readdress(mail.recipients.get(), "other@example.org"),
            {"held", "queued", "retry", "dead", "sent"},
        ),
    ],
)
@pytest.mark.parametrize("where", [str(each.value) for each in MailState])
def test_what_can_be_done_where(action, allowed, where):
    mail = queued()
    OutgoingMail.objects.update(state=where)
    if where in allowed:
        action(mail)
    else:
        with pytest.raises(CannotDo, match=MailState(where).label.partition(",")[0]):
            action(mail)
        assert state(mail) == where


def test_a_mail_about_an_account_cannot_come_again(post_office):
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    post_office.then("RCPT", "550 No")
    drain()
    assert state(mail) == "dead"
    with pytest.raises(CannotDo, match="wiped"):
        changes.retry(mail)
    changes.drop(mail)
    assert state(mail) == "dropped"


@pytest.mark.parametrize("where", [str(each.value) for each in MailState])
def test_a_mail_about_an_account_is_for_nobody_else(post_office, where):
    """It opens the account for whoever has it, an operator included."""
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    mail.recipients.update(state=RecipientState.REFUSED)
    OutgoingMail.objects.update(state=where)
    mail.refresh_from_db()
    recipient = mail.recipients.get()
    assert not changes.can_readdress(mail, recipient)
    with pytest.raises(CannotDo, match="about an account"):
        changes.readdress(recipient, "operator@example.org")
    deliver_all()
    assert post_office.received("operator@example.org") == []
    assert list(recipients(mail)) == ["ann@example.org"]


def test_a_mail_that_is_no_more():
    mail = queued()
    OutgoingMail.objects.get().delete()
    with pytest.raises(CannotDo, match="no mail"):
        changes.drop(mail)


def test_an_operator_comes_while_it_is_being_sent():
    mail = queued()
    progress.leased(mail, progress.recipients_of(mail), {})
    with pytest.raises(CannotDo, match="being given away"):
        changes.drop(mail)
