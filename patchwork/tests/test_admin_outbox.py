# SPDX-License-Identifier: GPL-2.0-or-later
"""What the admin shows of mails that go out, and what may be done with them there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from patchwork import correlation
from patchwork.jobs.worker import drain
from patchwork.outbox.models import Bounce, Kind, OutgoingMail, Recipient
from patchwork.outbox.queueing import queue, queue_series
from patchwork.outbox.secrecy import packed
from patchwork.tests.outbox.conftest import post_office
from patchwork.tests.outbox.drafts import (
    LIST,
    deliver_all,
    draft,
    queued,
    recipients,
    state,
    words,
)
from patchwork.tests.outbox.postoffice import KEEP_AND_HANG_UP, PostOffice
from patchwork.tests.test_admin import act, door, listing, page, root

__all__ = ["door", "post_office", "root"]


@pytest.fixture
def dead(db: None, post_office: PostOffice) -> OutgoingMail:
    """A cover that the list refused, with two patches that wait for it."""
    with correlation.carried("c0ffee"):
        cover, *_ = queue_series(
            [draft("cover", LIST, "bob@example.org"), draft("one"), draft("two")]
        )
    post_office.then("RCPT", "550 5.7.1 Subscribers only")
    deliver_all()
    return cover


@pytest.fixture
def unknown(db: None, post_office: PostOffice) -> OutgoingMail:
    mail = queued("lost")
    post_office.then("END", KEEP_AND_HANG_UP)
    drain()
    assert state(mail) == "unknown"
    return mail


def shown(door: Client, **asked: str) -> list[str]:
    answer = door.get(listing(OutgoingMail), asked)
    assert answer.status_code == 200
    return [mail.subject.split()[-1] for mail in answer.context["cl"].result_list]


def push(door: Client, mail: OutgoingMail, button: str) -> str:
    address = reverse("admin:patchwork_outgoingmail_act", args=[mail.pk, button])
    assert f'formaction="{address}"' in door.get(page(mail)).text
    answer = door.post(address, follow=True)
    assert answer.status_code == 200
    return answer.text


def readdress(door: Client, recipient: Recipient, to: str) -> str:
    ids = [recipient.mail_id, recipient.pk]
    address = reverse("admin:patchwork_outgoingmail_readdress", args=ids)
    assert f'action="{address}"' in door.get(page(recipient.mail)).text
    answer = door.post(address, {"address": to}, follow=True)
    assert answer.status_code == 200
    return answer.text


def somebody(*permissions: str) -> Client:
    user = User.objects.create(username="somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


class TestList:
    def test_what_needs_looking_after_comes_first(self, dead: OutgoingMail, door: Client) -> None:
        queued("notice", "bob@example.org", kind=Kind.NOTICE)
        deliver_all()
        assert shown(door) == ["two", "one", "cover"]
        assert shown(door, state="sent") == ["notice"]
        assert shown(door, state="all") == ["notice", "two", "one", "cover"]
        assert shown(door, state="all", kind__exact="notice") == ["notice"]
        page = door.get(listing(OutgoingMail)).text
        assert "holds up 1" in page
        assert f"{LIST} and 1 more" in page
        assert "not sent (1)" in page

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("<cover@example.org>", ["cover"]),
            ("c0ffee", ["two", "one", "cover"]),
            ("OF TWO", ["two"]),
            ("BOB@", ["cover"]),
            ("nothing like that", []),
        ],
    )
    def test_searching(self, dead: OutgoingMail, door: Client, text: str, found: list[str]) -> None:
        """Exactly what one has at hand, or a part of a text; the latter in open mails alone."""
        assert shown(door, q=text) == found

    def test_searching_what_was_sent(self, door: Client, post_office: PostOffice) -> None:
        queued("notice", "bob@example.org", kind=Kind.NOTICE)
        deliver_all()
        assert shown(door, q="<notice@example.org>") == ["notice"]
        assert shown(door, q="bob@example.org") == []
        assert shown(door, q="bob@example.org", state="all") == ["notice"]
        assert shown(door, q="bob@example.org", state="sent") == ["notice"]

    def test_nothing_is_changed_by_hand(self, dead: OutgoingMail, door: Client) -> None:
        assert door.get(listing(OutgoingMail) + "add/").status_code == 403
        assert door.post(page(dead, "delete"), {"post": "yes"}).status_code == 403
        assert door.post(page(dead), {"state": "sent"}).status_code == 403


class TestPage:
    def test_everything_can_be_read(self, dead: OutgoingMail, door: Client) -> None:
        said = door.get(page(dead)).text
        assert f"{LIST}: 550 5.7.1 Subscribers only" in said
        assert "Text of cover, mit Grüßen." in said
        assert "Message-ID: &lt;cover@example.org&gt;" in said
        follower = OutgoingMail.objects.get(msgid="<one@example.org>")
        assert f'before <a href="{page(follower)}">Subject of one</a>' in said
        assert f'for <a href="{page(dead)}">Subject of cover</a>' in door.get(page(follower)).text
        assert f"{listing(OutgoingMail)}?correlation=c0ffee&amp;state=all" in said
        assert "/admin/patchwork/job/?correlation=c0ffee&amp;state=all" in said

    def test_text_stays_text(self, db: None, door: Client) -> None:
        mail = queue(replace(draft(), body="<script>alert(1)</script>\n"), kind=Kind.LIST)
        said = door.get(page(mail)).text
        assert "&lt;script&gt;alert(1)" in said
        assert "<script>alert" not in said

    def test_secrets_are_not_shown(self, db: None, door: Client) -> None:
        mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
        bounce = Bounce.objects.create(
            mail=mail,
            sha256="1",
            said="no such user",
            secret=True,
            packed=packed(b"Text of reset", secret=True),
        )
        for row in (mail, bounce):
            said = door.get(page(row)).text
            assert "Nobody but its recipients may read it" in said
            assert "Text of reset" not in said

    def test_secrets_go_to_nobody_else(self, db: None, door: Client) -> None:
        mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
        assert "/readdress/" not in door.get(page(mail)).text
        ids = [mail.pk, mail.recipients.get().pk]
        address = reverse("admin:patchwork_outgoingmail_readdress", args=ids)
        said = door.post(address, {"address": "root@example.org"}, follow=True).text
        assert "A mail about an account is for nobody else." in said
        assert mail.recipients.get().address == "ann@example.org"
        assert not LogEntry.objects.exists()

    def test_bounces(self, db: None, door: Client) -> None:
        mail = queued()
        text = packed(b"<b>no such user</b>", secret=False)
        bounce = Bounce.objects.create(
            mail=mail, sha256="1", said="550 unknown", secret=False, packed=text
        )
        assert f'<a href="{page(bounce)}">550 unknown</a>' in door.get(page(mail)).text
        said = door.get(page(bounce)).text
        assert "&lt;b&gt;no such user&lt;/b&gt;" in said
        assert f'<a href="{page(mail)}">' in said


class TestActs:
    def test_try_again(self, dead: OutgoingMail, root: User, door: Client) -> None:
        assert "1 will be sent as soon as a worker is free." in push(door, dead, "retry")
        deliver_all()
        assert [state(mail) for mail in OutgoingMail.objects.all()] == ["sent"] * 3
        assert LogEntry.objects.get().user == root

    def test_drop(self, dead: OutgoingMail, door: Client) -> None:
        """Bob has the cover letter already; only the list does not get it any more."""
        assert "1 dropped." in push(door, dead, "drop")
        assert recipients(dead) == {LIST: "dropped", "bob@example.org": "sent"}
        deliver_all()
        assert {state(mail) for mail in OutgoingMail.objects.exclude(pk=dead.pk)} == {"sent"}

    def test_drop_with_followers(self, dead: OutgoingMail, door: Client) -> None:
        push(door, dead, "drop_all")
        followers = OutgoingMail.objects.exclude(pk=dead.pk)
        assert {state(mail) for mail in followers} == {"dropped"}

    def test_assume_sent(self, unknown: OutgoingMail, door: Client) -> None:
        push(door, unknown, "assume_sent")
        assert state(unknown) == "sent"

    def test_several_at_once(self, dead: OutgoingMail, door: Client) -> None:
        mails = list(OutgoingMail.objects.order_by("id"))
        said = act(door, "retry", mails)
        assert "1 will be sent" in said
        assert said.count("there is nothing to try again") == 2
        assert "1 taken for sent" not in act(door, "assume_sent", mails)

    def test_another_address(self, dead: OutgoingMail, root: User, door: Client) -> None:
        [refused] = dead.recipients.filter(address=LIST)
        said = readdress(door, refused, " new@example.org ")
        assert f"It goes to new@example.org instead of {LIST}." in said
        deliver_all()
        assert recipients(dead) == {"new@example.org": "sent", "bob@example.org": "sent"}
        assert "new@example.org" in LogEntry.objects.get().get_change_message()

    @pytest.mark.parametrize("to", ["", "no address", "bob@example.org"])
    def test_an_address_that_makes_no_sense(
        self, dead: OutgoingMail, door: Client, to: str
    ) -> None:
        [refused] = dead.recipients.filter(address=LIST)
        assert "instead of" not in readdress(door, refused, to).partition("</ul>")[0]
        assert recipients(dead)[LIST] == "refused"

    def test_buttons_are_there_when_they_can_be_used(
        self, unknown: OutgoingMail, door: Client
    ) -> None:
        said = door.get(page(unknown)).text
        assert "/do/assume_sent/" in said and "/readdress/" not in said
        push(door, unknown, "assume_sent")
        said = door.get(page(unknown)).text
        assert "/do/" not in said and "/readdress/" not in said

    def test_who_may_only_look(self, dead: OutgoingMail) -> None:
        client = somebody("view_outgoingmail")
        said = client.get(page(dead)).text
        assert "/do/" not in said and "/readdress/" not in said
        [refused] = dead.recipients.filter(address=LIST)
        for name, ids in (("act", [dead.pk, "retry"]), ("readdress", [dead.pk, refused.pk])):
            address = reverse(f"admin:patchwork_outgoingmail_{name}", args=ids)
            assert client.post(address, {"address": "x@example.org"}).status_code == 403
        assert state(dead) == "dead"

    def test_what_there_is_not(self, dead: OutgoingMail, door: Client) -> None:
        [refused] = dead.recipients.filter(address=LIST)
        other = OutgoingMail.objects.exclude(pk=dead.pk).first()
        assert other
        for ids, status in (
            ([other.pk, refused.pk], 404),
            ([dead.pk, refused.pk + 99], 404),
            (["x", refused.pk], 404),
        ):
            address = reverse("admin:patchwork_outgoingmail_readdress", args=ids)
            assert door.post(address, {"address": "x@example.org"}).status_code == status
            assert door.get(address).status_code == 405
        assert "Subscribers only" in words(dead)
