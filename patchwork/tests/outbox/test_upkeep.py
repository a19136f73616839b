# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that nobody looks after are looked after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from patchwork.jobs import changes as jobs
from patchwork.jobs.models import Job, JobState
from patchwork.jobs.worker import drain
from patchwork.outbox import delivery, progress, upkeep
from patchwork.outbox.models import Kind, OutgoingMail, Recipient
from patchwork.outbox.transports.memory import Memory
from patchwork.tests.outbox.drafts import let_time_pass, queued, state, words
from patchwork.tests.outbox.postoffice import HANG_UP, PostOffice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memory(settings: Any) -> None:
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.memory.Memory"
    Memory.sent.clear()


@pytest.mark.parametrize("where", ["held", "queued", "retry", "unknown"])
def test_mails_about_accounts_expire(where):
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    OutgoingMail.objects.update(state=where)
    let_time_pass(minutes=59)
    upkeep.wipe_secrets()
    assert state(mail) == where
    let_time_pass(minutes=2)
    upkeep.wipe_secrets()
    assert (state(mail), mail.read_bytes()) == ("dead", b"")
    assert mail.words == f"ann@example.org: {upkeep.EXPIRED}"
    drain()
    assert Memory.sent == []


def test_other_mails_do_not():
    mail = queued()
    let_time_pass(hours=2)
    upkeep.look_after.call()
    assert state(mail) == "queued"


@pytest.mark.parametrize("job_state", [JobState.DEAD, JobState.CANCELLED])
def test_a_mail_whose_job_died_is_dead_with_its_words(job_state):
    mail = queued()
    Job.objects.update(state=job_state, error="ZeroDivisionError: a mistake", due=None)
    upkeep.adopt_orphans()
    assert (state(mail), words(mail)) == ("dead", "list@example.org: ZeroDivisionError: a mistake")
    assert Job.objects.get().state == "cancelled"
    upkeep.adopt_orphans()


def test_a_mail_whose_job_an_operator_drops():
    mail = queued()
    jobs.drop(Job.objects.get().pk)
    upkeep.adopt_orphans()
    assert (state(mail), words(mail)) == ("dead", f"list@example.org: {upkeep.NO_JOB}")


def test_a_mail_whose_worker_died_with_its_last_attempt():
    mail = queued()
    progress.leased(mail, progress.recipients_of(mail), {})
    Job.objects.update(state=JobState.DEAD, due=None)
    upkeep.adopt_orphans()
    assert (state(mail), words(mail)) == ("unknown", delivery.VANISHED)


def test_a_dead_job_of_an_earlier_turn_means_nothing():
    mail = queued()
    Job.objects.update(state=JobState.DEAD, due=None)
    progress.again(mail)
    upkeep.adopt_orphans()
    assert state(mail) == "queued"
    drain()
    assert state(mail) == "sent"


def test_an_unknown_mail_is_looked_after_every_minute(post_office: PostOffice):
    mail = queued(kind=Kind.NOTICE)
    post_office.then("END", HANG_UP)
    drain()
    let_time_pass(minutes=16)
    upkeep.look_after.enqueue()
    drain()
    assert state(mail) == "sent"


class TestPruning:
    def test_notices_are_forgotten_and_mails_to_lists_are_not(self, settings, monkeypatch):
        monkeypatch.setattr(upkeep, "BATCH", 2)
        for number in range(5):
            queued(f"notice{number}", "ann@example.org", kind=Kind.NOTICE)
        kept = {queued("list"), queued("young", kind=Kind.NOTICE)}
        drain()
        dead = queued("dead", kind=Kind.NOTICE)
        long_ago = timezone.now() - timedelta(days=settings.OUTBOX_KEEP_DAYS + 1)
        old = OutgoingMail.objects.exclude(msgid="<young@example.org>")
        old.update(ended=long_ago)
        OutgoingMail.objects.filter(pk=dead.pk).update(state="dead")
        upkeep.prune.call()
        assert set(OutgoingMail.objects.all()) == {*kept, dead}
        assert Recipient.objects.count() == 3

    def test_what_depended_on_it_stays(self, settings):
        parent = queued("parent", kind=Kind.NOTICE)
        reply = queued("reply", in_reply_to=parent.msgid)
        drain()
        OutgoingMail.objects.update(ended=timezone.now() - timedelta(days=1000))
        upkeep.prune.call()
        assert OutgoingMail.objects.get() == reply
