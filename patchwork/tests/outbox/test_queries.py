# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator asks about mails that go out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from patchwork import correlation
from patchwork.outbox import queries
from patchwork.outbox.models import Kind, MailState, OutgoingMail
from patchwork.outbox.queries import Selection, select_mails
from patchwork.outbox.queueing import queue_series
from patchwork.tests.outbox.drafts import LIST, deliver_all, draft, queued
from patchwork.tests.outbox.postoffice import PostOffice

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(post_office: PostOffice) -> list[OutgoingMail]:
    """A notice that was sent, a cover letter that was refused, and a patch that waits for it."""
    sent = queued("notice", "Bob@example.org", kind=Kind.NOTICE)
    deliver_all()
    with correlation.carried("c0ffee"):
        series = queue_series([draft("cover", LIST, "bob@example.org"), draft("one")])
    post_office.then("RCPT", "550 Subscribers only")
    deliver_all()
    return [sent, *series]


def test_standings(mails, django_assert_num_queries):
    two_hours_ago = timezone.now() - timedelta(hours=2)
    OutgoingMail.objects.filter(pk=mails[1].pk).update(created=two_hours_ago)
    with django_assert_num_queries(1):
        dead, held = queries.standings()
    assert (dead.kind, dead.state, dead.count) == (Kind.LIST, MailState.DEAD, 1)
    assert dead.oldest == pytest.approx(7200, abs=60)
    assert (held.state, held.count) == (MailState.HELD, 1)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["one", "cover"]),
        ({"states": list(MailState)}, ["one", "cover", "notice"]),
        ({"states": [MailState.SENT]}, ["notice"]),
        ({"kind": "notice"}, []),
        ({"kind": "list"}, ["one", "cover"]),
        ({"recipient": "BOB@", "states": list(MailState)}, ["cover", "notice"]),
        ({"recipient": "list@example.org"}, ["one", "cover"]),
        ({"subject": "OF ONE"}, ["one"]),
        ({"correlation": "c0ffee"}, ["one", "cover"]),
        ({"correlation": "c0ffe"}, []),
    ],
)
def test_selecting(mails, conditions, found, django_assert_num_queries):
    with django_assert_num_queries(1):
        chosen = [mail.subject for mail in select_mails(Selection(**conditions))]
    assert chosen == [f"Subject of {name}" for name in found]


def test_who_waits_for_whom(mails, django_assert_num_queries):
    _, cover, one = mails
    with django_assert_num_queries(1):
        assert queries.held_up(mails) == {cover.pk: 1}
    assert list(queries.followers_of(cover)) == [one]
    assert list(queries.followers_of(one)) == []
