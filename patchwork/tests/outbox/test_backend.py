# SPDX-License-Identifier: GPL-2.0-or-later
"""Django's mails go the same way as all others."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import DatabaseError, transaction

from patchwork.jobs.worker import drain
from patchwork.outbox import backend
from patchwork.outbox.models import OutgoingMail
from patchwork.outbox.queueing import CannotQueue
from patchwork.tests.outbox.drafts import recipients
from patchwork.tests.outbox.postoffice import PostOffice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def email_backend(settings: Any) -> None:
    settings.EMAIL_BACKEND = "patchwork.outbox.backend.OutboxBackend"


def test_it_is_the_one_of_every_installation():
    from patchwork.settings import base, dev

    assert base.EMAIL_BACKEND == dev.EMAIL_BACKEND == "patchwork.outbox.backend.OutboxBackend"


def test_a_message_goes_out_as_django_made_it(post_office: PostOffice):
    message = EmailMultiAlternatives(
        "Grüße",
        "Text.\n",
        "Patchwork <pw@example.org>",
        ["Ann <ann@example.org>"],
        bcc=["secret@example.org"],
        cc=["bob@example.org"],
        headers={"X-Mine": "yes"},
    )
    message.attach_alternative("<p>Text.</p>", "text/html")
    message.attach("patch.diff", b"--- a\n+++ b\n", "text/x-diff")
    assert message.send() == 1
    mail = OutgoingMail.objects.get()
    assert (mail.kind, mail.state, mail.subject) == ("account", "queued", "Grüße")
    assert list(recipients(mail)) == ["ann@example.org", "bob@example.org", "secret@example.org"]
    drain()
    [kept] = post_office.kept
    assert "secret@example.org" in kept.recipients
    parsed: Any = message_from_bytes(kept.content, policy=policy.default)
    assert parsed["Message-ID"] == mail.msgid
    assert mail.msgid.endswith("@patchwork.example.com>")
    assert (parsed["To"], parsed["Bcc"], parsed["X-Mine"]) == (
        *("Ann <ann@example.org>", None, "yes"),
    )
    assert [part.get_content_type() for part in parsed.walk() if not part.is_multipart()] == [
        *("text/plain", "text/html", "text/x-diff"),
    ]
    assert b"\n" not in kept.content.replace(b"\r\n", b"")


def test_a_message_id_of_the_caller_is_kept():
    headers = {"Message-ID": "<mine@example.org>"}
    for _ in range(2):
        EmailMessage("One", "Text", to=["ann@example.org"], headers=headers).send()
    assert OutgoingMail.objects.get().msgid == "<mine@example.org>"


def test_a_message_that_is_sent_twice_is_two_mails():
    message = EmailMessage("One", "Text", to=["ann@example.org"])
    message.send()
    message.send()
    assert OutgoingMail.objects.count() == 2


def test_one_for_nobody_is_none():
    assert EmailMessage("One", "Text").send() == 0


def test_what_an_account_is_told_is_a_secret(post_office: PostOffice):
    user = User.objects.create_user("ann", "ann@example.org", "old")
    user.email_user("A new password", "https://patchwork.example.com/reset/secret/\n")
    mail = OutgoingMail.objects.get()
    assert b"/reset/" in mail.read_bytes()
    assert b"/reset/" not in bytes(mail.packed)
    drain()
    assert b"/reset/" in post_office.kept[0].content
    mail.refresh_from_db()
    assert mail.read_bytes() == b""


def test_admins_are_told(settings):
    settings.ADMINS = [("Root", "root@example.org")]
    django_mail.mail_admins("It burns", "A traceback.")
    assert list(recipients(OutgoingMail.objects.get())) == ["root@example.org"]


@pytest.mark.django_db(transaction=True)
def test_what_did_not_happen_is_not_told():
    with pytest.raises(RuntimeError), transaction.atomic():
        EmailMessage("One", "Text", to=["ann@example.org"]).send()
        raise RuntimeError
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("error", [DatabaseError, CannotQueue])
def test_failing_silently(monkeypatch, error):
    def fail(*args: object, **kwargs: object) -> None:
        raise error("no")

    monkeypatch.setattr(backend, "queue_ready", fail)
    to = ["ann@example.org"]
    assert EmailMessage("One", "Text", to=to).send(fail_silently=True) == 0
    with pytest.raises(error):
        EmailMessage("One", "Text", to=to).send()
