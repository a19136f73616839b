# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes back is written on the mail, by whatever way it comes in."""

from __future__ import annotations

import smtplib
import socket
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import receive, receive_many
from patchwork.jobs.worker import drain
from patchwork.outbox import bounces, changes, upkeep
from patchwork.outbox.models import Bounce, Kind, OutgoingMail
from patchwork.outbox.returning import mail_of, return_path, token
from patchwork.outbox.transports.memory import Memory
from patchwork.tests import letters
from patchwork.tests.ingest.installation import Installation
from patchwork.tests.mail import test_bounces
from patchwork.tests.outbox.drafts import queued, recipients, state, words
from patchwork.tests.outbox.postoffice import KEEP_AND_HANG_UP, PostOffice
from patchwork.tracking.models import RawMail

pytestmark = pytest.mark.django_db

REPORTS = Path(test_bounces.__file__).parent / "corpus_bounces"
ADA, BOB = "ada@example.com", "bob@example.com"
NO_SUCH_USER = (
    "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
)


@pytest.fixture(autouse=True)
def bounce_address(settings: Any) -> None:
    settings.BOUNCE_ADDRESS = "bounces@lists.example.org"
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.memory.Memory"
    Memory.sent.clear()


def sent(*to: str, kind: Kind = Kind.NOTICE) -> OutgoingMail:
    mail = queued("one", *to, kind=kind)
    drain()
    assert state(mail) == "sent"
    return mail


def report(name: str, to: str) -> bytes:
    """A report of a mail server, as it comes back to an address of ours."""
    raw = (REPORTS / f"{name}.eml").read_bytes()
    first = raw.partition(b"Delivered-To: ")[2].partition(b"\n")[0]
    return raw.replace(first, to.encode())


def test_the_envelope_names_the_mail():
    mail = sent(ADA)
    sender = Memory.sent[0].sender
    assert sender == return_path(mail) == f"bounces+{token(mail.pk)}@lists.example.org"
    assert mail_of(token(mail.pk)) == mail_of(token(mail.pk).upper()) == mail.pk


@pytest.mark.parametrize(
    "forged", ["", "1", "1-", "1-0123456789abcdef0123", "-", "x-y", "²-1", f"{10**30}-1", "1-é"]
)
def test_nobody_else_can_name_it(forged):
    assert mail_of(forged) is None


def test_a_token_outlives_its_key(settings):
    made = token(17)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    assert mail_of(made) == 17
    settings.SECRET_KEY_FALLBACKS = []
    assert mail_of(made) is None


def test_a_bounce_is_shown_on_the_mail_and_on_who_did_not_get_it(project):
    mail = sent(ADA, BOB, "carol@example.com")
    raw = report("postfix", return_path(mail))
    outcome = receive(raw)
    assert (outcome.fate, outcome.msgid) == (Fate.BOUNCE, mail.msgid)
    assert recipients(mail) == {ADA: "bounced", BOB: "bounced", "carol@example.com": "sent"}
    assert mail.recipients.get(address=ADA).words == NO_SUCH_USER
    assert state(mail) == "sent"
    assert mail.words == f"bounced: {ADA}: {NO_SUCH_USER}; bounced: {BOB}: 552 5.2.2 Mailbox full"
    assert mail.bounced is not None
    assert mail.bounces.get().read_bytes() == raw


def test_the_same_bounce_twice_changes_nothing(project):
    mail = sent(ADA, BOB)
    raw = report("postfix", return_path(mail))
    receive(raw)
    state(mail)
    first = mail.bounced
    outcomes = receive_many([raw, raw])
    assert {outcome.fate for outcome in outcomes} == {Fate.BOUNCE}
    state(mail)
    assert mail.bounced == first
    assert Bounce.objects.count() == 1


def test_a_mail_that_is_late_has_not_bounced(project):
    mail = sent(ADA)
    receive(report("postfix-delayed", return_path(mail)))
    assert (state(mail), recipients(mail)) == ("sent", {ADA: "sent"})
    assert mail.words.startswith(f"late: {ADA}: connect to mail.example.com")
    assert mail.bounced is None


def test_somebody_is_on_holidays(project):
    mail = sent(ADA)
    receive(report("vacation", return_path(mail)))
    assert recipients(mail) == {ADA: "sent"}
    assert mail.bounced is None
    assert Bounce.objects.get().said == bounces.NO_BOUNCE


def test_a_forwarded_mail_bounces_under_another_address(project):
    mail = sent("ada@elsewhere.example")
    receive(report("postfix", return_path(mail)))
    assert recipients(mail) == {"ada@elsewhere.example": "bounced"}


def test_strangers_in_a_report_change_nobody(project):
    mail = sent("carol@example.com", "dan@example.com")
    before = words(mail)
    receive(report("postfix", return_path(mail)))
    assert set(recipients(mail).values()) == {"sent"}
    assert (words(mail), mail.bounced) == (before, None)
    assert mail.bounces.count() == 1


def test_a_bounce_is_no_copy_of_the_list(project):
    """It says nothing about what is sent to another address afterwards."""
    mail = sent(ADA)
    receive(report("postfix", return_path(mail)))
    mail.refresh_from_db()
    assert mail.returned is None


@pytest.mark.parametrize("name", ["postfix", "postfix-delayed"])
def test_what_was_never_sent_does_not_come_back(post_office: PostOffice, project, name):
    """Why it was not sent is what has to be read on it."""
    mail = queued("one", ADA)
    post_office.then("DATA", "554 policy")
    drain()
    receive(report(name, return_path(mail)))
    assert (state(mail), recipients(mail)) == ("dead", {ADA: "refused"})
    assert (mail.words, mail.bounced) == (f"{ADA}: 554 policy", None)
    assert mail.recipients.get().words == "554 policy"
    assert mail.bounces.count() == 1


def test_of_many_bounces_the_first_are_kept(project, monkeypatch):
    monkeypatch.setattr(bounces, "COUNT_LIMIT", 2)
    mail = sent("carol@example.com", "dan@example.com", ADA)
    stranger = report("postfix", return_path(mail)).replace(b"ada@", b"eve@")
    for number in range(5):
        assert receive(stranger + b"%d\n" % number).fate is Fate.BOUNCE
    assert mail.bounces.count() == 2
    outcome = receive(report("postfix", return_path(mail)))
    assert outcome.msgid == mail.msgid
    assert NO_SUCH_USER in outcome.detail
    assert recipients(mail)[ADA] == "bounced"
    assert mail.bounces.count() == Bounce.objects.count() == 2


def test_of_a_big_bounce_the_beginning_is_kept(project):
    mail = sent(ADA)
    raw = report("postfix", return_path(mail)) + b"x\n" * bounces.SIZE_LIMIT
    assert receive(raw).fate is Fate.BOUNCE
    assert recipients(mail) == {ADA: "bounced"}
    assert mail.bounces.get().read_bytes() == raw[: bounces.SIZE_LIMIT]
    assert receive(raw).fate is Fate.BOUNCE
    assert mail.bounces.count() == 1


def test_a_mail_is_sent_to_another_address_after_it_bounced(project):
    mail = sent(ADA)
    receive(report("postfix", return_path(mail)))
    changes.readdress(mail.recipients.get(), "ada@new.example")
    assert state(mail) == "queued"
    drain()
    assert recipients(mail) == {"ada@new.example": "sent"}
    assert Memory.sent[0].content == Memory.sent[1].content


def test_what_bounces_was_sent(post_office: PostOffice, project):
    mail = queued("one", ADA, BOB)
    post_office.then("END", KEEP_AND_HANG_UP)
    drain()
    assert state(mail) == "unknown"
    receive(report("postfix", return_path(mail)))
    assert state(mail) == "sent"
    assert set(recipients(mail).values()) == {"bounced"}


ASTRAY = [
    "bounces@lists.example.org",
    "bounces+@lists.example.org",
    "bounces+1@lists.example.org",
    "bounces+1-0123456789abcdef0123@lists.example.org",
    "BOUNCES+a+b@Lists.Example.org",
]


@pytest.mark.parametrize("address", ASTRAY)
def test_a_bounce_of_nobody_knows_what_is_kept_as_a_secret(project, address):
    """Without a token, or with a forged one: it may hold a link for a new password all the same."""
    mail = sent(ADA)
    raw = report("postfix", address)
    assert receive(raw).fate is receive(raw).fate is Fate.BOUNCE
    bounce = Bounce.objects.get()
    assert (bounce.mail, bounce.secret, bounce.read_bytes()) == (None, True, raw)
    assert zlib.compress(raw, 1) != bytes(bounce.packed)
    assert recipients(mail) == {ADA: "sent"}
    assert not QuarantinedMail.objects.exists()
    assert not RawMail.objects.exists()
    Bounce.objects.update(received=bounce.received - upkeep.SECRETS_KEPT)
    upkeep.wipe_secrets()
    assert Bounce.objects.get().read_bytes() == b""


def test_so_is_one_of_a_key_that_is_no_more(project, settings):
    raw = report("postfix", return_path(sent(ADA, kind=Kind.ACCOUNT)))
    settings.SECRET_KEY = "another one"
    assert receive(raw).fate is Fate.BOUNCE
    assert Bounce.objects.get().secret
    assert not QuarantinedMail.objects.exists()


def test_so_is_one_that_a_list_has_to_do_with_which_nobody_knows(project):
    raw = report("postfix", return_path(sent(ADA, kind=Kind.ACCOUNT)))
    assert receive(b"List-Id: <other.example.org>\n" + raw).fate is Fate.BOUNCE
    assert Bounce.objects.get().secret


def test_so_is_one_that_could_not_be_dealt_with(project, monkeypatch):
    mail = sent(ADA)

    def fail(raw: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bounces, "read", fail)
    raw = report("postfix", return_path(mail))
    outcome = receive(raw)
    assert outcome.fate is Fate.BOUNCE
    assert "ZeroDivisionError" in outcome.detail
    bounce = Bounce.objects.get()
    assert (bounce.mail, bounce.secret, bounce.read_bytes()) == (None, True, raw)
    assert not QuarantinedMail.objects.exists()


@pytest.mark.parametrize("address", ASTRAY)
def test_a_mail_to_the_list_and_to_us_is_of_the_list(project, address):
    raw = letters.patch("[PATCH] One", headers={"To": address})
    assert receive(raw).fate is Fate.PATCH
    assert not Bounce.objects.exists()


@pytest.mark.parametrize("address", ASTRAY)
def test_the_envelope_tells_what_came_to_us(address):
    line = f"Delivered-To: {address}\n".encode()
    assert bounces.marked(b"raw", [f"<{address}>"]) == line + b"raw"
    assert bounces.marked(b"raw", [address, "list@example.org"]) == b"raw"
    ours = f"bounces+{token(17)}@lists.example.org"
    line = f"Delivered-To: {ours}\n".encode()
    assert bounces.marked(b"raw", [address, "list@example.org", ours]) == line + b"raw"


def test_a_mail_of_the_list_is_no_bounce(project):
    mail = sent(ADA)
    raw = letters.patch("[PATCH] One", headers={"To": return_path(mail)})
    assert receive(raw).fate is Fate.PATCH
    assert Bounce.objects.count() == 0


def test_an_archive_has_no_bounces(project):
    mail = sent(ADA)
    raw = report("postfix", return_path(mail))
    assert receive(raw, historical=True).fate is Fate.NO_PROJECT
    assert recipients(mail) == {ADA: "sent"}


def test_without_an_address_there_are_none(project, settings):
    mail = sent(ADA)
    raw = report("postfix", return_path(mail))
    settings.BOUNCE_ADDRESS = ""
    assert receive(raw).fate is Fate.NO_PROJECT
    assert bounces.marked(b"raw", [return_path(mail)]) == b"raw"


def test_a_bounce_in_a_batch_leaves_the_others_alone(project):
    mail = sent(ADA)
    outcomes = receive_many(
        [
            letters.patch("[PATCH] One", msgid="<p1@example.org>"),
            report("postfix", return_path(mail)),
            letters.patch("[PATCH] Two", msgid="<p2@example.org>"),
        ]
    )
    assert [outcome.fate for outcome in outcomes] == [Fate.PATCH, Fate.BOUNCE, Fate.PATCH]


def test_a_mail_that_cannot_be_read_may_be_one(project, settings):
    mail = sent(ADA)
    raw = f"To: {return_path(mail)}\n\0\0\n".encode()
    assert receive(raw).fate is Fate.BOUNCE
    settings.MAX_MAIL_SIZE = 10
    assert receive(raw + b"x").fate is Fate.BOUNCE


def test_a_bounce_of_a_mail_that_is_forgotten_is_kept(project):
    mail = sent(ADA)
    raw = report("postfix", return_path(mail))
    OutgoingMail.objects.get().delete()
    assert receive(raw).fate is Fate.BOUNCE
    assert Bounce.objects.get().read_bytes() == raw


def test_secrets_that_come_back_are_wiped_as_well(project):
    mail = sent(ADA, kind=Kind.ACCOUNT)
    raw = report("postfix", return_path(mail))
    receive(raw)
    bounce = Bounce.objects.get()
    assert raw[:100] not in bytes(bounce.packed)
    assert bounce.read_bytes() == raw
    upkeep.wipe_secrets()
    assert Bounce.objects.get().read_bytes() == raw
    Bounce.objects.update(received=bounce.received - upkeep.SECRETS_KEPT)
    upkeep.wipe_secrets()
    assert Bounce.objects.get().read_bytes() == b""


@pytest.mark.parametrize("to", ["", "bounces@lists.example.org"])
def test_what_is_said_of_a_secret_quotes_no_link(project, to):
    mail = sent(ADA, kind=Kind.ACCOUNT)
    raw = report("postfix", to or return_path(mail))
    link = b"rejected: https://patchwork.example.com/reset/MQ/c9-f3a/ is listed"
    receive(raw.replace(b"User unknown", link))
    told = [Bounce.objects.get().said, words(mail), mail.recipients.get().words]
    assert "/reset/" not in "".join(told)
    assert "rejected: [a link] is listed" in told[0]


def test_other_mails_cost_no_statement():
    raw = letters.patch("[PATCH] One").replace(
        b"\n\n", b"\nX: bounces+1-2@lists.example.org\n\n", 1
    )
    with CaptureQueriesContext(connection) as captured:
        assert bounces.token_in(raw) is None
        assert bounces.marked(raw, ["list@example.org", "bounces+1-2@lists.example.org"]) == raw
    assert len(captured) == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_envelope_counts_when_headers_do_not_tell(project, tmp_path):
    """Of a mail that comes by LMTP."""
    mail = sent(ADA)
    installation = Installation(tmp_path, BOUNCE_ADDRESS="bounces@lists.example.org")
    installation.publish()
    raw = (REPORTS / "postfix.eml").read_bytes().replace(b"bounces+k7Jd_a-1", b"nobody")
    with installation.lmtpd():
        client = smtplib.LMTP(str(installation.socket), local_hostname=socket.gethostname())
        client.sendmail("", [f"<{return_path(mail)}>"], raw)
        client.quit()
    installation.fetch()
    assert recipients(mail) == {ADA: "bounced"}
    assert raw.rstrip() in Bounce.objects.get().read_bytes()
