# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers as processes, killed at the worst moments: no mail is lost, none is sent twice."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack

import pytest

from patchwork.outbox import delivery, progress, upkeep
from patchwork.outbox.models import Kind, MailState, OutgoingMail
from patchwork.outbox.queueing import queue_series
from patchwork.outbox.returned import came_back
from patchwork.tests.ingest.installation import Installation, until
from patchwork.tests.jobs.processes import start_worker, unfinished, worker
from patchwork.tests.outbox.drafts import LIST, draft, queued, state
from patchwork.tests.outbox.postoffice import KEEP_AND_STALL, STALL, PostOffice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def installation(tmp_path, post_office: PostOffice) -> Installation:
    return Installation(
        tmp_path,
        JOB_LEASE_SECONDS=2,
        OUTBOX_TRANSPORT="patchwork.outbox.transports.smtp.Smtp",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=post_office.port,
    )


@pytest.mark.parametrize("end", [STALL, KEEP_AND_STALL])
def test_killed_between_the_text_and_the_answer(installation, post_office, end):
    cover, patch = queue_series([draft("cover"), draft("patch")])
    notice = queued("notice", "ann@example.org", kind=Kind.NOTICE)
    post_office.then("END", end)
    installation.publish()
    killed = start_worker(installation)
    with killed:
        assert post_office.stalled.wait(60)
        killed.kill()
    assert killed.wait() < 0
    with worker(installation):
        until(lambda: unfinished(installation) == 0)
    installation.fetch()
    assert [state(mail) for mail in (cover, patch, notice)] == ["unknown", "held", "sent"]
    assert cover.words == delivery.VANISHED
    was_kept = end == KEEP_AND_STALL
    assert post_office.received(LIST) == [cover.read_bytes()] * was_kept

    if was_kept:
        came_back([cover.msgid])
        upkeep.resolve_unknown()
    else:
        progress.again(cover)
    installation.publish()
    with worker(installation):
        until(lambda: unfinished(installation) == 0)
    installation.fetch()
    assert [state(mail) for mail in (cover, patch)] == ["sent", "sent"]
    assert post_office.received(LIST) == [cover.read_bytes(), patch.read_bytes()]
    assert post_office.received("ann@example.org") == [notice.read_bytes()]


def wait_for_more(installation: Installation, post_office: PostOffice, mails: int) -> None:
    goal = len(post_office.kept) + mails
    until(lambda: len(post_office.kept) >= goal or not unfinished(installation))


def test_killed_again_and_again(installation, post_office: PostOffice):
    """Each mail is sent once, or may have been: none is sent twice, and none is forgotten."""
    chance = random.Random(4)
    mails = [queued(f"mail{number}") for number in range(60)]
    series = queue_series([draft(f"series{number}") for number in range(20)])
    installation.publish()
    for _ in range(6):
        with ExitStack() as stack:
            workers = [stack.enter_context(start_worker(installation)) for _ in range(2)]
            wait_for_more(installation, post_office, chance.randrange(1, 10))
            for each in workers:
                each.kill()
    with worker(installation):
        until(lambda: unfinished(installation) == 0)
    installation.fetch()

    received = Counter(post_office.received(LIST))
    assert not {content for content, times in received.items() if times > 1}
    for mail in OutgoingMail.objects.all():
        was_received = mail.read_bytes() in received
        match mail.state:
            case MailState.SENT:
                assert was_received
            case MailState.HELD:
                assert not was_received
            case _:
                assert mail.state == MailState.UNKNOWN
    assert all(state(mail) in ("sent", "unknown") for mail in mails)
    order = [mail.read_bytes() for mail in series]
    arrived = [content for content in post_office.received(LIST) if content in order]
    assert arrived == order[: len(arrived)]
    assert OutgoingMail.objects.filter(state=MailState.SENT).count() > 20


QUEUE_REPLIES = """
from patchwork.outbox.models import Kind
from patchwork.outbox.queueing import queue
from patchwork.tests.outbox.drafts import draft
for number in range(60):
    queue(draft(f"p{number}"), kind=Kind.LIST)
    queue(draft(f"r{number}", in_reply_to=f"<p{number}@example.org>"), kind=Kind.LIST)
"""


def test_replies_are_queued_while_their_parents_are_sent(installation, post_office: PostOffice):
    """None of them is left waiting for a parent that is gone, and none overtakes it."""
    installation.publish()
    with worker(installation, "--concurrency", "2"):
        done = installation.manage("shell", "-c", QUEUE_REPLIES)
        assert done.returncode == 0, done.stderr
        until(lambda: installation.count(OutgoingMail, "state <> 'sent'") == 0)
    installation.fetch()
    received = post_office.received(LIST)
    place = {mail.msgid: received.index(mail.read_bytes()) for mail in OutgoingMail.objects.all()}
    assert len(place) == len(received) == 120
    for number in range(60):
        assert place[f"<p{number}@example.org>"] < place[f"<r{number}@example.org>"]


def test_many_workers_at_once(installation, post_office: PostOffice):
    mails = [queued(f"mail{number}") for number in range(100)]
    series = queue_series([draft(f"series{number}") for number in range(20)])
    installation.publish()
    with worker(installation, "--concurrency", "2"), worker(installation, "--concurrency", "2"):
        until(lambda: installation.count(OutgoingMail, "state <> 'sent'") == 0)
    installation.fetch()
    received = post_office.received(LIST)
    assert Counter(received) == Counter(mail.read_bytes() for mail in (*mails, *series))
    order = [mail.read_bytes() for mail in series]
    assert [content for content in received if content in order] == order
