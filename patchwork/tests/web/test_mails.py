# SPDX-License-Identifier: GPL-2.0-or-later
"""Saying that one wants no mail from here, or mail again."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.contrib.sites.models import Site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.people.confirmations import PENDING_LIMIT
from patchwork.people.models import EmailConfirmation, EmailOptout
from patchwork.people.throttling import LINKS_ASKED
from patchwork.projects.models import Project
from patchwork.tests import factories

pytestmark = pytest.mark.django_db

OUT, IN = "/mail/optout/", "/mail/optin/"
WITHOUT_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')


@pytest.fixture(autouse=True)
def site() -> None:
    Site.objects.update(domain="patchwork.example.com")
    Site.objects.clear_cache()


def ask(client: Client, page: str, email: str, coming_from: str = "127.0.0.1") -> str:
    answer = client.post(page, {"email": email}, REMOTE_ADDR=coming_from)
    assert answer.status_code == 200
    return answer.text


def link(address: str = "ada@example.org") -> str:
    """The path in the latest mail to somebody, which must hold one."""
    row = OutgoingMail.objects.filter(recipients__address=address).latest("pk")
    mail = message_from_bytes(row.read_bytes(), policy=policy.default)
    assert mail["To"] == address
    assert mail["Auto-Submitted"] == "auto-generated"
    found = re.search(
        r"^http://patchwork\.example\.com(/confirm/\S+/)\s*$", mail.get_content(), re.M
    )
    assert found is not None
    return found[1]


def opted_out() -> list[str]:
    return list(EmailOptout.objects.values_list("pk", flat=True))


def test_out_and_in_again(client: Client) -> None:
    assert "A link is on its way" in ask(client, OUT, "Ada@Example.org")
    out = link("Ada@Example.org")
    assert opted_out() == []
    assert "Send me no more mail" in client.get(out).text
    assert opted_out() == []
    answer = client.post(out)
    assert "gets no mail about patches from here any more" in answer.text
    assert opted_out() == ["ada@example.org"]
    ask(client, IN, "ada@example.org")
    back = link()
    assert "Send me mail again" in client.get(back).text
    assert opted_out() == ["ada@example.org"]
    assert "gets mail about patches from here again" in client.post(back).text
    assert opted_out() == []


def test_every_way_begins_on_one_page(client: Client) -> None:
    page = client.get("/mail/").text
    assert f'href="{OUT}"' in page
    assert f'href="{IN}"' in page
    for path in (OUT, IN):
        assert 'name="email"' in client.get(path).text


def test_following_a_link_changes_nothing(client: Client) -> None:
    """Programs that look for evil in mails follow their links."""
    ask(client, OUT, "ada@example.org")
    path = link()
    for method in (client.get, client.head, client.options):
        method(path)
    assert opted_out() == []
    assert EmailConfirmation.objects.get().active
    assert "no-store" in client.get(path)["Cache-Control"]


def test_a_link_works_once(client: Client) -> None:
    ask(client, OUT, "ada@example.org")
    path = link()
    client.post(path)
    EmailOptout.objects.all().delete()
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert "This link does not work any more" in answer.text
    assert opted_out() == []


def test_a_link_works_for_some_days(client: Client, settings) -> None:
    settings.CONFIRMATION_VALIDITY_DAYS = 3
    ask(client, OUT, "ada@example.org")
    path = link()
    row = EmailConfirmation.objects.get()
    for days, status in ((2.9, 200), (3.1, 404)):
        EmailConfirmation.objects.update(created=row.created - timedelta(days=days))
        assert client.get(path).status_code == status
    assert client.post(path).status_code == 404
    assert opted_out() == []


@pytest.mark.parametrize("key", ["x", "é", "%00", "a" * 500])
def test_a_key_that_never_was(client: Client, key: str) -> None:
    assert client.get(f"/confirm/{key}/").status_code == 404
    assert client.post(f"/confirm/{key}/").status_code == 404


def test_keys_of_other_kinds_are_not_for_this_page(client: Client) -> None:
    ask(client, OUT, "ada@example.org")
    EmailConfirmation.objects.update(kind=EmailConfirmation.Kind.REGISTRATION)
    assert client.post(link()).status_code == 404


def test_the_key_is_nowhere_but_in_the_mail(client: Client) -> None:
    ask(client, OUT, "ada@example.org")
    key = link().split("/")[2]
    assert EmailConfirmation.objects.get().key != key
    row = OutgoingMail.objects.get()
    assert row.kind == Kind.ACCOUNT
    assert key.encode() not in bytes(row.packed)


def test_the_answer_tells_nothing(client: Client, states: None) -> None:
    """Not whether an address is known, nor whether it had opted out, nor that it is a list."""
    factories.make_person(email="known@x.org")
    EmailOptout.objects.create(email_key="silent@x.org")
    project = factories.make_project()
    addresses = ["known@x.org", "stranger@x.org", "silent@x.org", project.listemail]
    for page in (OUT, IN):
        answers = {
            WITHOUT_TOKEN.sub("", ask(client, page, email).replace(email, ""))
            for email in addresses
        }
        assert len(answers) == 1
    sent = OutgoingMail.objects.order_by("pk").values_list("recipients__address", flat=True)
    assert list(sent) == ["known@x.org", "stranger@x.org", "silent@x.org"]


def test_a_lists_readers_do_not_decide_for_the_list(client: Client, states: None) -> None:
    factories.make_project(listemail="Lamps@lists.example.com")
    ask(client, OUT, "lamps@LISTS.example.com")
    assert not OutgoingMail.objects.exists()
    assert Project.objects.count() == 1


def test_nobodys_mailbox_is_filled(client: Client) -> None:
    for _ in range(PENDING_LIMIT + 2):
        assert "A link is on its way" in ask(client, OUT, "ada@example.org")
    assert OutgoingMail.objects.count() == PENDING_LIMIT
    client.post(link())
    EmailOptout.objects.all().delete()
    ask(client, OUT, "ada@example.org")
    assert OutgoingMail.objects.count() == PENDING_LIMIT + 1


def test_nobody_makes_us_write_to_everybody(client: Client) -> None:
    for number in range(LINKS_ASKED):
        ask(client, OUT, f"a{number}@example.org", "192.0.2.1")
    answer = client.post(OUT, {"email": "more@example.org"}, REMOTE_ADDR="192.0.2.1")
    assert answer.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in answer.text
    ask(client, OUT, "other@example.org", "192.0.2.2")
    assert OutgoingMail.objects.count() == LINKS_ASKED + 1


@pytest.mark.parametrize("email", ["", "ada", "a@b@c", "x" * 250 + "@example.org"])
def test_what_is_no_address_is_said_so(client: Client, email: str) -> None:
    answer = client.post(OUT, {"email": email})
    assert 'role="alert"' in answer.text
    assert not OutgoingMail.objects.exists()


def test_nobody_else_can_send_our_forms() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(OUT, {"email": "ada@example.org"}).status_code == 403
    ask(Client(), OUT, "ada@example.org")
    assert client.post(link()).status_code == 403
    assert opted_out() == []


def test_pages_hold_no_script_and_no_style(client: Client) -> None:
    asked = ask(client, OUT, "ada@example.org")
    confirm = client.get(link()).text
    for page in (client.get("/mail/").text, client.get(OUT).text, asked, confirm):
        assert "<script" not in page
        assert " style=" not in page
        assert page.count("<h1") == 1


def test_asking_costs_the_same_for_everybody(client: Client, states: None) -> None:
    Site.objects.get_current()
    factories.make_person(email="known@x.org")

    def statements(email: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            ask(client, OUT, email)
        return len(asked)

    assert statements("stranger@x.org") == statements("known@x.org") <= 20
