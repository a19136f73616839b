# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails are written down once, for ever, and in their order."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest
from django.db import transaction

from patchwork import correlation
from patchwork.jobs.models import Job
from patchwork.mail.compose import Mailbox, compose
from patchwork.outbox import changes
from patchwork.outbox.models import Kind, MailState, OutgoingMail, Recipient
from patchwork.outbox.queueing import (
    CannotQueue,
    Ready,
    canonical,
    queue,
    queue_ready,
    queue_series,
)
from patchwork.tests.outbox.drafts import LIST, NOON, draft, queued, recipients, state

pytestmark = pytest.mark.django_db


def test_a_mail_and_its_job():
    with correlation.carried("abc"):
        mail = queued("one", LIST, cc=(Mailbox("Bob", "bob@example.org"),))
    mail.refresh_from_db()
    assert mail.read_bytes() == compose(draft(cc=(Mailbox("Bob", "bob@example.org"),)))
    assert (mail.msgid, mail.kind, mail.state) == ("<one@example.org>", "list", "queued")
    assert (mail.author, mail.subject) == ("Ann <ann@example.org>", "Subject of one")
    assert mail.size == len(mail.read_bytes())
    assert recipients(mail) == {LIST: "waiting", "bob@example.org": "waiting"}
    [job] = Job.objects.all()
    assert (job.queue, job.arguments["args"]) == ("mail", [mail.pk, 0])
    assert mail.correlation == job.correlation == "abc"


def test_the_envelope_may_differ_from_the_headers():
    mail = queue(draft(), kind=Kind.NOTICE, recipients=["x@example.org", "y@example.org"])
    assert list(recipients(mail)) == ["x@example.org", "y@example.org"]


def test_nobody_gets_a_mail_twice():
    both = (Mailbox("", "List@Example.Org"), Mailbox("", "list@example.org"))
    mail = queued("one", "list@EXAMPLE.org", "list@example.org", cc=both)
    assert list(recipients(mail)) == ["list@EXAMPLE.org", "List@Example.Org"]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_rolls_back_leaves_nothing():
    with pytest.raises(RuntimeError), transaction.atomic():
        queue_series([draft("one"), draft("two")])
        raise RuntimeError
    assert not OutgoingMail.objects.exists()
    assert not Recipient.objects.exists()
    assert not Job.objects.exists()


def test_the_same_decision_twice_is_one_mail():
    first = queued("one")
    again = queue(replace(draft("one"), body="Another text.\n"), kind=Kind.LIST)
    assert again == first
    assert again.read_bytes() == compose(draft("one"))
    assert Job.objects.count() == Recipient.objects.count() == 1


def test_a_series_is_dated_and_sent_in_order():
    mails = queue_series([draft(name) for name in ("cover", "one", "two")])
    dates = [parsedate_to_datetime(message_from_bytes(mail.read_bytes())["Date"]) for mail in mails]
    assert dates == [NOON + timedelta(seconds=number) for number in range(3)]
    assert [mail.state for mail in mails] == ["queued", "held", "held"]
    assert [mail.depends_on for mail in mails] == [None, *mails[:2]]
    assert Job.objects.count() == 1


def test_a_series_queued_again_is_the_same():
    drafts = [draft(name) for name in ("cover", "one")]
    assert queue_series(drafts) == queue_series(drafts)
    assert OutgoingMail.objects.count() == 2


def test_a_reply_waits_for_its_parent():
    parent = queued("parent")
    reply = queued("reply", in_reply_to="<parent@example.org>")
    to_the_reply = queued(
        "deeper", references=("<parent@example.org>", "<reply@example.org>", "<x@elsewhere>")
    )
    assert (reply.state, reply.depends_on) == ("held", parent)
    assert (to_the_reply.state, to_the_reply.depends_on_id) == ("held", reply.pk)


@pytest.mark.parametrize(
    ("parent_state", "expected"),
    [
        (MailState.SENT, "queued"),
        (MailState.DROPPED, "queued"),
        *((each, "held") for each in MailState if each not in (MailState.SENT, MailState.DROPPED)),
    ],
)
def test_for_every_parent_that_is_not_out(parent_state, expected):
    queued("parent")
    OutgoingMail.objects.update(state=parent_state)
    assert queued("reply", in_reply_to="<parent@example.org>").state == expected


def test_a_parent_that_reached_the_list_but_not_everybody_is_out():
    parent = queued("parent", LIST, "nobody@example.org")
    OutgoingMail.objects.update(state=MailState.DEAD)
    parent.recipients.filter(address=LIST).update(state="sent")
    assert queued("reply", in_reply_to="<parent@example.org>").state == "queued"


def test_a_mail_may_wait_for_two():
    before, parent = queued("before"), queued("parent")
    mail = queue(
        draft("mail", in_reply_to="<parent@example.org>"), kind=Kind.LIST, depends_on=before
    )
    assert (mail.depends_on_id, mail.answers_id) == (before.pk, parent.pk)
    changes.drop(before)
    assert state(mail) == "held"
    assert (mail.depends_on, mail.answers) == (parent, None)
    changes.drop(parent)
    assert state(mail) == "queued"


@pytest.mark.parametrize(
    "address",
    [
        *("", "nobody", "a b@example.org", "a@b>\r\nRCPT TO:<x@y", "a@" + "x" * 260),
        *("<a@example.org>", "ü@x.example,b@y.example", "a@x.example@y.example", "a;b@x.example"),
    ],
)
def test_what_is_no_address(address):
    with pytest.raises(CannotQueue, match="no address"):
        queue(draft(), kind=Kind.NOTICE, recipients=[address])


def test_a_mail_for_nobody():
    with pytest.raises(CannotQueue, match="for nobody"):
        queue(draft(), kind=Kind.NOTICE, recipients=[])


def test_a_message_id_that_could_not_be_stored():
    ready = Ready(b"", f"<{'x' * 300}@example.org>", [LIST], "", "")
    with pytest.raises(CannotQueue, match="too long"):
        queue_ready(ready, kind=Kind.NOTICE)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\n.\nMAIL FROM:<x>\r\n", b"a\r\n.\r\nMAIL FROM:<x>\r\n"),
        (b"a\rb\n\rc", b"a\r\nb\r\n\r\nc\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_lines_have_one_kind_of_end(given, expected):
    assert canonical(given) == expected


def test_mails_about_accounts_are_encrypted(settings):
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    mail.refresh_from_db()
    stored = bytes(mail.packed)
    assert b"Text of reset" in mail.read_bytes()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    assert b"Text of reset" in mail.read_bytes()
    with pytest.raises(zlib.error):
        zlib.decompress(stored)
