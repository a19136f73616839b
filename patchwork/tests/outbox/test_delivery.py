# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mail ends sent once, or dead with the server's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from patchwork import correlation
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import receive
from patchwork.jobs.models import Job
from patchwork.jobs.worker import drain
from patchwork.outbox import changes, delivery, progress, transports, upkeep
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.outbox.queueing import queue_series
from patchwork.outbox.returned import came_back
from patchwork.outbox.transports.base import Parcel
from patchwork.outbox.transports.memory import Memory
from patchwork.tests.letters import patch
from patchwork.tests.outbox.drafts import (
    LIST,
    deliver_all,
    draft,
    let_time_pass,
    queued,
    recipients,
    state,
    words,
)
from patchwork.tests.outbox.postoffice import HANG_UP, KEEP_AND_HANG_UP, PostOffice

pytestmark = pytest.mark.django_db


@pytest.fixture
def memory(settings: Any) -> list[Parcel]:
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.memory.Memory"
    Memory.sent.clear()
    return Memory.sent


def test_a_mail_is_sent(post_office: PostOffice):
    mail = queued()
    content = mail.read_bytes()
    drain()
    assert post_office.received(LIST) == [content]
    assert (state(mail), recipients(mail)) == ("sent", {LIST: "sent"})
    assert (mail.words, mail.attempts, mail.due) == ("250 2.0.0 Queued as 1", 1, None)
    assert mail.ended is not None
    assert Job.objects.get().state == "done"
    drain()
    assert len(post_office.kept) == 1


def test_it_comes_from_the_address_of_the_settings(post_office: PostOffice, settings):
    settings.DEFAULT_FROM_EMAIL = "Patchwork <pw@example.org>"
    queued()
    drain()
    assert post_office.kept[0].sender == "pw@example.org"


def test_one_transaction_for_several_recipients(post_office: PostOffice):
    queued("one", LIST, "bob@example.org")
    drain()
    [kept] = post_office.kept
    assert kept.recipients == (LIST, "bob@example.org")


def test_what_is_put_off_is_tried_again(post_office: PostOffice):
    mail = queued()
    post_office.then("END", "451 4.3.0 Disk full")
    drain()
    assert (state(mail), mail.words, mail.attempts) == ("retry", "451 4.3.0 Disk full", 1)
    assert mail.due is not None
    assert mail.due > timezone.now()
    assert post_office.kept == []
    drain()
    assert mail.attempts == 1
    deliver_all()
    assert (state(mail), mail.attempts) == ("sent", 2)
    assert len(post_office.kept) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_what_is_refused_is_dead_with_the_words(post_office: PostOffice, verb):
    mail = queued()
    post_office.then(verb, "554 5.7.1 We do not like you")
    deliver_all()
    assert (state(mail), recipients(mail)) == ("dead", {LIST: "refused"})
    assert mail.words == f"{LIST}: 554 5.7.1 We do not like you"
    assert mail.ended is not None
    assert mail.recipients.get().words == "554 5.7.1 We do not like you"
    assert Job.objects.get().state == "done"
    assert post_office.kept == []


def test_who_is_put_off_is_tried_alone_and_who_is_refused_is_shown(post_office: PostOffice):
    mail = queued("one", LIST, "no@example.org", "later@example.org")
    post_office.refused = {
        "no@example.org": "550 5.1.1 No such user",
        "later@example.org": "450 4.2.0 Mailbox busy",
    }
    drain()
    assert state(mail) == "retry"
    assert recipients(mail) == {
        LIST: "sent",
        "no@example.org": "refused",
        "later@example.org": "retry",
    }
    del post_office.refused["later@example.org"]
    deliver_all()
    assert [kept.recipients for kept in post_office.kept] == [(LIST,), ("later@example.org",)]
    assert state(mail) == "dead"
    assert mail.words == "no@example.org: 550 5.1.1 No such user"


def test_greylisting(post_office: PostOffice):
    post_office.greylists = True
    mail = queued("one", LIST, "bob@example.org")
    drain()
    assert (state(mail), recipients(mail)) == ("retry", {LIST: "retry", "bob@example.org": "retry"})
    assert "450 4.2.0 Greylisted" in mail.words
    deliver_all()
    assert state(mail) == "sent"
    assert [kept.recipients for kept in post_office.kept] == [(LIST, "bob@example.org")]


def test_a_server_that_never_takes_it(post_office: PostOffice, settings):
    mail = queued()
    post_office.refused = {LIST: "450 4.2.0 Never in my life"}
    deliver_all()
    assert (state(mail), mail.attempts) == ("dead", settings.OUTBOX_ATTEMPTS)
    assert mail.words == f"{LIST}: 450 4.2.0 Never in my life"
    assert Job.objects.get().state == "done"


def test_a_server_that_is_never_there(post_office: PostOffice):
    mail = queued()
    post_office.close()
    deliver_all()
    assert state(mail) == "dead"
    assert "cannot use 127.0.0.1" in mail.words


def test_the_others_got_it_and_one_never_does(post_office: PostOffice):
    mail = queued("one", LIST, "later@example.org")
    post_office.refused = {"later@example.org": "450 4.2.0 Busy"}
    deliver_all()
    assert recipients(mail) == {LIST: "sent", "later@example.org": "refused"}
    assert state(mail) == "dead"
    assert len(post_office.kept) == 1


class TestOrder:
    def test_a_series_arrives_in_order(self, post_office: PostOffice):
        mails = queue_series([draft(f"n{number}") for number in range(5)])
        post_office.then("RCPT", "450 Later")
        post_office.then("MAIL", "250 Ok", "421 Bye", "250 Ok", "451 Later")
        post_office.then("END", "250 Ok", "451 Later")
        deliver_all()
        assert post_office.received(LIST) == [mail.read_bytes() for mail in mails]
        assert {state(mail) for mail in mails} == {"sent"}

    def test_a_dead_cover_holds_its_patches(self, post_office: PostOffice):
        cover, patch = queue_series([draft("cover"), draft("patch")])
        post_office.then("RCPT", "550 5.1.1 No such list")
        deliver_all()
        assert (state(cover), state(patch)) == ("dead", "held")
        assert post_office.kept == []

    def test_one_in_cc_who_is_unknown_holds_up_nobody(self, post_office: PostOffice):
        cover, patch = queue_series([draft("cover", LIST, "no@example.org"), draft("patch", LIST)])
        post_office.refused = {"no@example.org": "550 5.1.1 No such user"}
        deliver_all()
        assert (state(cover), state(patch)) == ("dead", "sent")

    def test_a_reply_comes_after_its_parent_for_everybody(self, post_office: PostOffice):
        post_office.greylists = True
        parent = queued("parent", LIST, "bob@example.org")
        reply = queued("reply", LIST, "bob@example.org", in_reply_to=parent.msgid)
        deliver_all()
        both = [parent.read_bytes(), reply.read_bytes()]
        assert post_office.received(LIST) == post_office.received("bob@example.org") == both


class TestUnknown:
    """Cut off between the text and the answer."""

    @pytest.fixture(params=[HANG_UP, KEEP_AND_HANG_UP])
    def cut_off(self, request, post_office: PostOffice) -> Callable[[Kind], OutgoingMail]:
        def cut_off(kind: Kind) -> OutgoingMail:
            mail = queued(kind=kind)
            post_office.then("END", request.param)
            drain()
            assert state(mail) == "unknown"
            assert "no answer to the mail" in mail.words
            return mail

        return cut_off

    def test_a_mail_that_comes_back_was_sent(self, cut_off, post_office):
        mail = cut_off(Kind.LIST)
        follower = queued("reply", in_reply_to=mail.msgid)
        upkeep.resolve_unknown()
        assert (state(mail), state(follower)) == ("unknown", "held")
        came_back([mail.msgid])
        upkeep.resolve_unknown()
        assert (state(mail), recipients(mail)) == ("sent", {LIST: "sent"})
        assert mail.words == upkeep.CAME_BACK
        assert state(follower) == "queued"

    def test_a_mail_to_a_list_waits_for_an_operator(self, cut_off, post_office):
        mail = cut_off(Kind.LIST)
        let_time_pass(minutes=20)
        for _ in range(2):
            upkeep.resolve_unknown()
            assert (state(mail), mail.words.count(upkeep.WAITS)) == ("unknown", 1)
        deliver_all()
        assert sum(line == "DATA" for line in post_office.heard) == 1
        came_back([mail.msgid])
        upkeep.resolve_unknown()
        assert state(mail) == "sent"

    @pytest.mark.parametrize(
        ("kind", "resend"), [(Kind.NOTICE, False), (Kind.ACCOUNT, False), (Kind.LIST, True)]
    )
    def test_others_are_sent_again_after_a_while(
        self, cut_off, post_office, settings, kind, resend
    ):
        settings.OUTBOX_RESEND_UNKNOWN = resend
        mail = cut_off(kind)
        upkeep.resolve_unknown()
        assert state(mail) == "unknown"
        let_time_pass(minutes=20)
        upkeep.resolve_unknown()
        assert state(mail) == "queued"
        deliver_all()
        assert state(mail) == "sent"
        assert sum(line == "DATA" for line in post_office.heard) == 2

    def test_only_those_in_doubt_are_sent_to_again(self, post_office):
        mail = queued("one", LIST, "bob@example.org")
        post_office.refused = {"bob@example.org": "450 Later"}
        post_office.then("END", KEEP_AND_HANG_UP)
        drain()
        assert recipients(mail) == {LIST: "waiting", "bob@example.org": "retry"}
        post_office.refused = {}
        came_back([mail.msgid])
        upkeep.resolve_unknown()
        deliver_all()
        assert state(mail) == "sent"
        assert [kept.recipients for kept in post_office.kept] == [(LIST,), ("bob@example.org",)]

    def test_the_copy_of_the_list_says_nothing_about_others(self, post_office):
        mail = queued("one", LIST, "bob@example.org")
        post_office.refused = {"bob@example.org": "450 Later"}
        drain()
        post_office.refused = {}
        post_office.then("END", HANG_UP)
        came_back([mail.msgid])
        deliver_all()
        upkeep.resolve_unknown()
        assert state(mail) == "unknown"
        assert recipients(mail) == {LIST: "sent", "bob@example.org": "waiting"}

    def test_the_list_sends_what_we_have_stored_ourselves(self, cut_off, project):
        """That it is stored says nothing; that it comes from outside says all."""
        raw = patch("[PATCH] One", msgid="<one@example.org>")
        assert receive(raw, from_forge=True).fate is Fate.PATCH
        mail = cut_off(Kind.LIST)
        upkeep.resolve_unknown()
        assert state(mail) == "unknown"
        assert receive(raw).fate is Fate.DUPLICATE
        upkeep.resolve_unknown()
        assert state(mail) == "sent"

    @pytest.mark.parametrize(
        ("headers", "fate"),
        [({}, Fate.PATCH), ({"X-Patchwork-Hint": "ignore"}, Fate.IGNORED)],
    )
    def test_the_list_sends_what_is_new_to_us(self, cut_off, project, headers, fate):
        mail = cut_off(Kind.LIST)
        raw = patch("[PATCH] One", msgid=mail.msgid, headers=headers)
        assert receive(raw).fate is fate
        upkeep.resolve_unknown()
        assert state(mail) == "sent"

    def test_the_copy_is_faster_than_the_news_of_the_killed_worker(self, memory, project):
        raw = patch("[PATCH] One", msgid="<one@example.org>")
        receive(raw, from_forge=True)
        mail = queued()
        progress.leased(mail, progress.recipients_of(mail), {})
        receive(raw)
        drain()
        assert state(mail) == "unknown"
        upkeep.resolve_unknown()
        assert state(mail) == "sent"

    def test_a_mail_that_somebody_else_was_sending(self, memory: list[Parcel]):
        """He was killed: the job is run again, and finds the mail leased."""
        mail = queued()
        assert progress.leased(mail, progress.recipients_of(mail), {})
        drain()
        assert (state(mail), mail.words) == ("unknown", delivery.VANISHED)
        assert memory == []
        assert Job.objects.get().state == "done"


class TestRaces:
    def test_a_job_that_is_run_twice_sends_once(self, memory: list[Parcel]):
        mail = queued()
        drain()
        Job.objects.update(state="queued", due=timezone.now())
        drain()
        assert (state(mail), len(memory)) == ("sent", 1)

    def test_an_earlier_job_of_the_mail_does_nothing(self, memory: list[Parcel]):
        mail = queued()
        progress.again(mail)
        drain()
        assert (state(mail), len(memory), Job.objects.filter(state="done").count()) == (
            *("sent", 1, 2),
        )

    def test_somebody_drops_the_mail_while_its_recipients_are_offered(
        self, memory: list[Parcel], monkeypatch
    ):
        mail = queued()

        def offer(transport: Memory, parcel: Parcel) -> dict:
            OutgoingMail.objects.filter(pk=mail.pk).update(state="dropped")
            return {}

        monkeypatch.setattr(Memory, "offer", offer)
        drain()
        assert (state(mail), memory) == ("dropped", [])

    @pytest.mark.parametrize("given_up_as", ["unknown", "queued"])
    def test_a_job_that_was_taken_over_tells_what_it_knows(
        self, memory: list[Parcel], monkeypatch, given_up_as
    ):
        mail = queued()
        follower = queued("reply", in_reply_to=mail.msgid)

        def transmit(transport: Memory) -> str:
            monkeypatch.undo()
            Job.objects.update(worker="somebody else")
            turn = int(given_up_as == "queued")
            OutgoingMail.objects.filter(pk=mail.pk).update(state=given_up_as, turn=turn)
            return "250 after a long time"

        monkeypatch.setattr(Memory, "transmit", transmit)
        drain()
        assert (state(mail), mail.words) == ("sent", "250 after a long time")
        assert recipients(mail) == {LIST: "sent"}
        assert state(follower) == "sent"

    def test_a_mistake_of_ours_hangs_up(self, memory: list[Parcel], monkeypatch):
        mail = queued()
        hung_up: list[bool] = []

        def offer(transport: Memory, parcel: Parcel) -> dict:
            raise ZeroDivisionError

        monkeypatch.setattr(Memory, "offer", offer)
        monkeypatch.setattr(Memory, "close", lambda self: hung_up.append(True))
        drain()
        assert state(mail) == "queued"
        assert hung_up == [True]
        monkeypatch.undo()
        transports.let_go()


def test_a_mail_of_another_secret_key_is_dead(memory: list[Parcel], settings):
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    settings.SECRET_KEY = "another one"
    drain()
    assert state(mail) == "dead"
    assert "another SECRET_KEY" in mail.words


@pytest.mark.parametrize(("words_of_server", "expected"), [("", "sent"), ("550 No", "dead")])
def test_mails_about_accounts_are_wiped(post_office: PostOffice, words_of_server, expected):
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    content = mail.read_bytes()
    post_office.then("RCPT", *filter(None, [words_of_server]))
    drain()
    assert (state(mail), mail.read_bytes()) == (expected, b"")
    assert post_office.received("ann@example.org") == ([content] if expected == "sent" else [])


RESET = "https://patchwork.example.com/reset/MQ/c9-f3a/"
FILTERED = f"blocked: {RESET} is listed"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("code", ["250", "450", "550", "what?"])
def test_a_filter_that_quotes_a_link_of_an_account_is_not_quoted(
    post_office: PostOffice, caplog, django_capture_on_commit_callbacks, verb, code
):
    caplog.set_level("INFO")
    mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
    post_office.then(verb, f"{code} {FILTERED}")
    with django_capture_on_commit_callbacks(execute=True):
        drain()
    kept = [words(mail), mail.recipients.get().words, Job.objects.get().error, caplog.text]
    assert "/reset/" not in "".join(kept)
    if verb == "END":
        assert "blocked: [a link] is listed" in words(mail)


def test_of_other_mails_it_is(post_office: PostOffice):
    mail = queued()
    post_office.then("END", f"550 {FILTERED}")
    drain()
    assert words(mail) == f"{LIST}: 550 {FILTERED}"


def test_statements_of_one_delivery(memory: list[Parcel]):
    queued("first")
    drain()
    queued()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        drain()
    ours = [
        each["sql"]
        for each in captured
        if "outgoingmail" in each["sql"] or "recipient" in each["sql"]
    ]
    assert len(ours) == 9, "\n".join(ours)


def test_words_are_kept(post_office: PostOffice):
    mail = queued()
    post_office.then("END", "250 2.0.0 Ok: queued as 4F3A")
    drain()
    assert words(mail) == "250 2.0.0 Ok: queued as 4F3A"


class TestLog:
    """Whoever reads the log alone sees what became of each mail."""

    @pytest.fixture
    def told(
        self, caplog, django_capture_on_commit_callbacks
    ) -> Callable[[Callable[[], object]], list[tuple[str, str]]]:
        def told(do: Callable[[], object]) -> list[tuple[str, str]]:
            caplog.set_level("INFO", "patchwork.outbox")
            caplog.clear()
            with django_capture_on_commit_callbacks(execute=True):
                do()
            return [
                (record.levelname, record.getMessage())
                for record in caplog.records
                if record.name == "patchwork.outbox"
            ]

        return told

    @pytest.mark.parametrize(
        ("verb", "reply", "line"),
        [
            ("END", "250 Queued as 7", ("INFO", "sent, correlation 42: 250 Queued as 7")),
            ("MAIL", "451 Later", ("WARNING", "retry, correlation 42: 451 Later")),
            ("DATA", "554 No", ("ERROR", f"dead, correlation 42: {LIST}: 554 No")),
            ("RCPT", "550 No", ("ERROR", f"dead, correlation 42: {LIST}: 550 No")),
        ],
    )
    def test_an_attempt(self, post_office: PostOffice, told, verb, reply, line):
        with correlation.carried("42"):
            mail = queued()
        post_office.then(verb, reply)
        level, rest = line
        assert told(drain) == [(level, f"mail {mail.pk} {mail.msgid} {rest}")]

    def test_nobody_knows(self, post_office: PostOffice, told):
        queued()
        post_office.then("END", HANG_UP)
        [(level, line)] = told(drain)
        assert level == "ERROR"
        assert " unknown, " in line
        assert "no answer to the mail" in line
        let_time_pass(minutes=20)
        [(level, line)] = told(upkeep.resolve_unknown)
        assert (level, upkeep.WAITS in line) == ("ERROR", True)

    def test_who_was_left_out(self, post_office: PostOffice, told):
        queued("one", LIST, "no@example.org", "later@example.org")
        post_office.refused = {"no@example.org": "550 No", "later@example.org": "450 Later"}
        [(level, line)] = told(drain)
        assert level == "WARNING"
        assert line.endswith(
            ": 250 2.0.0 Queued as 1; no@example.org: 550 No; later@example.org: 450 Later"
        )

    def test_what_nobody_tries_any_more(self, told):
        mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
        let_time_pass(hours=2)
        [(level, line)] = told(upkeep.wipe_secrets)
        assert level == "ERROR"
        assert line.endswith(f"ann@example.org: {upkeep.EXPIRED}")
        [(level, line)] = told(lambda: changes.drop(mail))
        assert (level, " dropped, " in line) == ("INFO", True)

    @pytest.mark.django_db(transaction=True)
    def test_what_was_not_written_down_is_not_told(self, caplog):
        mail = queued()
        with pytest.raises(RuntimeError), transaction.atomic():
            progress.give_up(mail, "a mistake")
            raise RuntimeError
        assert not [each for each in caplog.records if each.name == "patchwork.outbox"]
