# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that leave, over real sockets and into real files."""

from __future__ import annotations

import mailbox
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from patchwork.mail.mbox import split_mbox
from patchwork.outbox import transports
from patchwork.outbox.transports import smtp
from patchwork.outbox.transports.base import CutOff, NotSent, Parcel
from patchwork.outbox.transports.files import Maildir, Mbox
from patchwork.outbox.transports.memory import Memory
from patchwork.tests.outbox.postoffice import (
    DRIP,
    FLOOD_IN_A_LINE,
    FLOOD_OF_LINES,
    GO_AHEAD_AND_HANG_UP,
    HANG_UP,
    KEEP_AND_HANG_UP,
    STALL,
    PostOffice,
)

MAIL = (
    b"From: a@example.org\r\nSubject: Lines\r\n\r\n"
    b".a line with a dot\r\n..\r\n.\r\nFrom here on\r\n\r\nthe end\r\n"
)
PARCEL = Parcel("bounces@example.org", ("list@example.org",), MAIL)


def send(parcel: Parcel = PARCEL) -> str:
    transport = transports.current()
    assert transport.offer(parcel) == {}
    return transport.transmit()


def refusals(parcel: Parcel) -> dict[str, tuple[str, bool]]:
    refused = transports.current().offer(parcel)
    return {recipient: (refusal.words, refusal.is_final) for recipient, refusal in refused.items()}


def not_sent(parcel: Parcel = PARCEL) -> tuple[str, bool]:
    with pytest.raises(NotSent) as raised:
        send(parcel)
    return str(raised.value), raised.value.is_final


class TestSmtp:
    def test_a_mail_arrives_byte_for_byte(self, post_office: PostOffice):
        assert send() == "250 2.0.0 Queued as 1"
        [kept] = post_office.kept
        assert (kept.sender, kept.recipients) == (PARCEL.sender, PARCEL.recipients)
        assert kept.content == MAIL

    def test_a_mail_that_begins_with_a_dot(self, post_office: PostOffice):
        send(replace(PARCEL, content=b".\r\n..x\r\n"))
        assert post_office.kept[0].content == b".\r\n..x\r\n"

    def test_mails_share_a_connection(self, post_office: PostOffice):
        for _ in range(3):
            send()
        assert [kept.connection for kept in post_office.kept] == [1, 1, 1]
        assert sum(line.startswith("EHLO") for line in post_office.heard) == 1

    @pytest.mark.parametrize(("name", "value"), [("MOST_MAILS", 2), ("LONGEST_SECONDS", -1)])
    def test_but_not_for_ever(self, post_office: PostOffice, monkeypatch, name, value):
        monkeypatch.setattr(smtp, name, value)
        for _ in range(3):
            send()
        assert len({kept.connection for kept in post_office.kept}) > 1

    def test_other_settings_are_another_connection(self, post_office: PostOffice, settings):
        send()
        other = PostOffice()
        settings.EMAIL_PORT = other.port
        send()
        assert (len(post_office.kept), len(other.kept)) == (1, 1)
        other.close()

    def test_a_server_that_hung_up_meanwhile_costs_nothing(self, post_office: PostOffice):
        send()
        post_office.hang_up()
        send()
        assert [kept.connection for kept in post_office.kept] == [1, 2]

    def test_a_server_that_has_had_enough_mails_of_us(self, post_office: PostOffice):
        post_office.mails_a_connection = 2
        for _ in range(5):
            send()
        assert [kept.connection for kept in post_office.kept] == [1, 1, 2, 2, 3]

    def test_one_of_three_recipients_is_refused_and_one_put_off(self, post_office: PostOffice):
        post_office.refused = {
            "no@example.org": "550 5.1.1 No such user",
            "later@example.org": "450 4.2.0 Mailbox busy",
        }
        everybody = ("no@example.org", "yes@example.org", "later@example.org")
        assert refusals(replace(PARCEL, recipients=everybody)) == {
            "no@example.org": ("550 5.1.1 No such user", True),
            "later@example.org": ("450 4.2.0 Mailbox busy", False),
        }
        transports.current().transmit()
        assert post_office.kept[0].recipients == ("yes@example.org",)

    def test_an_answer_of_several_lines(self, post_office: PostOffice):
        post_office.then("RCPT", "550-5.7.1 We do not\r\n550 5.7.1 like \x01 you")
        assert refusals(PARCEL) == {
            "list@example.org": ("550 5.7.1 We do not 5.7.1 like you", True)
        }

    def test_an_offer_is_withdrawn(self, post_office: PostOffice):
        transports.current().offer(PARCEL)
        transports.current().withdraw()
        send(replace(PARCEL, recipients=("other@example.org",)))
        assert [kept.recipients for kept in post_office.kept] == [("other@example.org",)]
        assert post_office.connections == 1

    @pytest.mark.parametrize("verb", ["MAIL", "DATA", "END"])
    @pytest.mark.parametrize(
        ("words", "is_final"), [("451 4.3.0 Later", False), ("554 5.7.1 Never", True)]
    )
    def test_refused_before_or_after_the_text(self, post_office, verb, words, is_final):
        post_office.then(verb, words)
        assert not_sent() == (words, is_final)
        send()
        assert [kept.connection for kept in post_office.kept] == [1]

    def test_a_refused_text_does_not_stand_in_the_way_of_the_next_mail(self, post_office):
        """Servers forget what was said for it only when they are told to."""
        post_office.then("DATA", "554 5.7.1 Never", "451 4.3.0 Later")
        post_office.then("RSET", "250 Ok", "500 What?")
        assert not_sent() == ("554 5.7.1 Never", True)
        assert not_sent() == ("451 4.3.0 Later", False)
        send()
        assert [kept.connection for kept in post_office.kept] == [2]

    def test_a_conversation_that_is_at_odds_is_begun_anew(self, post_office: PostOffice):
        send()
        post_office.then("MAIL", "503 5.5.1 Error: nested MAIL command")
        send()
        assert [kept.connection for kept in post_office.kept] == [1, 2]

    def test_once(self, post_office: PostOffice):
        post_office.then("MAIL", *["503 5.5.1 Bad sequence of commands"] * 2)
        for connections in (1, 2):
            assert not_sent() == ("503 5.5.1 Bad sequence of commands", False)
            assert post_office.connections == connections
        send()

    @pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
    def test_hung_up_before_the_text(self, post_office: PostOffice, verb):
        post_office.then(verb, HANG_UP, HANG_UP)
        if verb == "EHLO":
            post_office.then("HELO", HANG_UP)
        words, is_final = not_sent()
        assert words
        assert not is_final
        assert post_office.kept == []

    @pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "DATA", "END"])
    def test_a_goodbye_at_any_time_is_not_final(self, post_office: PostOffice, verb):
        post_office.then(verb, "421 4.3.2 Shutting down")
        words, is_final = not_sent()
        assert "421 4.3.2 Shutting down" in words
        assert not is_final
        send()
        assert [kept.connection for kept in post_office.kept] == [2]

    @pytest.mark.parametrize(("end", "kept"), [(HANG_UP, 0), (KEEP_AND_HANG_UP, 1), (STALL, 0)])
    def test_no_answer_to_the_text_leaves_it_open(self, post_office, settings, end, kept):
        settings.EMAIL_TIMEOUT = 0.2 if end == STALL else 20
        post_office.then("END", end)
        with pytest.raises(CutOff, match="no answer"):
            send()
        assert len(post_office.kept) == kept
        settings.EMAIL_TIMEOUT = 20
        send()
        assert len(post_office.kept) == kept + 1

    def test_gibberish_instead_of_an_answer_leaves_it_open(self, post_office: PostOffice):
        post_office.then("END", "what?")
        with pytest.raises(CutOff, match="no answer to the mail, but"):
            send()

    @pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "DATA"])
    def test_a_server_that_stalls(self, post_office: PostOffice, settings, verb):
        settings.EMAIL_TIMEOUT = 0.2
        post_office.then(verb, STALL)
        words, is_final = not_sent()
        assert "timed out" in words
        assert not is_final

    @pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "RSET"])
    def test_a_server_that_takes_for_ever_to_answer(self, post_office, settings, verb):
        settings.EMAIL_TIMEOUT = 0.3
        if verb == "RSET":
            post_office.then("DATA", "554 timed out")
        post_office.then(verb, DRIP)
        assert "timed out" in not_sent()[0]
        settings.EMAIL_TIMEOUT = 20
        send()
        assert [kept.connection for kept in post_office.kept] == [2]

    @pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize("flood", [FLOOD_OF_LINES, FLOOD_IN_A_LINE])
    def test_a_server_that_does_not_stop_talking(self, post_office: PostOffice, verb, flood):
        post_office.then(verb, flood)
        words, is_final = not_sent()
        assert "too long" in words
        assert not is_final
        send()

    @pytest.mark.parametrize("reply", [DRIP, FLOOD_OF_LINES, FLOOD_IN_A_LINE])
    def test_no_end_of_the_answer_to_the_text_leaves_it_open(self, post_office, settings, reply):
        settings.EMAIL_TIMEOUT = 0.3 if reply == DRIP else 20
        post_office.then("END", reply)
        with pytest.raises(CutOff, match="no answer"):
            send()
        send()

    def test_cut_off_in_the_middle_of_the_text_is_not_sent(self, post_office: PostOffice):
        """More than the kernel takes: the other side cannot have seen the end."""
        transport = transports.current()
        post_office.features = ["8BITMIME"]
        transport.offer(replace(PARCEL, content=b"x" * 20_000_000 + b"\r\n"))
        post_office.then("DATA", GO_AHEAD_AND_HANG_UP)
        with pytest.raises(NotSent, match="in the middle"):
            transport.transmit()

    def test_nobody_listens(self, post_office: PostOffice, settings):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            settings.EMAIL_PORT = taken.getsockname()[1]
        words, is_final = not_sent()
        assert words.startswith(f"cannot use 127.0.0.1:{settings.EMAIL_PORT}")
        assert not is_final

    def test_a_mail_that_is_too_big_is_not_even_tried(self, post_office: PostOffice):
        post_office.features = ["SIZE 100"]
        words, is_final = not_sent(replace(PARCEL, content=b"x" * 98 + b"\r\n" * 2))
        assert "100 bytes at most" in words
        assert is_final
        assert not any(line.startswith("MAIL") for line in post_office.heard)

    def test_a_limit_that_the_server_tells_afterwards(self, post_office: PostOffice):
        post_office.features = []
        post_office.size_limit = 50
        assert not_sent() == ("552 5.3.4 Too big", True)

    def test_text_of_8_bits_is_announced(self, post_office: PostOffice):
        content = "Subject: x\r\n\r\nGrüße\r\n".encode()
        send(replace(PARCEL, content=content))
        assert any("BODY=8BITMIME" in line for line in post_office.heard)
        assert post_office.kept[0].content == content

    def test_and_waits_for_a_server_that_takes_it(self, post_office: PostOffice):
        post_office.features = []
        words, is_final = not_sent(replace(PARCEL, content="Grüße\r\n".encode()))
        assert "8BITMIME" in words
        assert not is_final
        send()

    def test_a_server_that_knows_no_extensions(self, post_office: PostOffice):
        post_office.then("EHLO", "502 5.5.1 What?")
        send()
        assert post_office.heard[1].startswith("HELO")
        assert post_office.heard[2] == "MAIL FROM:<bounces@example.org>"

    def test_addresses_beyond_ascii(self, post_office: PostOffice):
        abroad = replace(PARCEL, recipients=("list@bücher.example", "jürgen@example.org"))
        assert list(refusals(abroad)) == ["jürgen@example.org"]
        transports.current().transmit()
        assert post_office.kept[0].recipients == ("list@xn--bcher-kva.example",)
        transports.let_go()
        post_office.features.append("SMTPUTF8")
        send(abroad)
        assert post_office.kept[1].recipients == (
            "list@xn--bcher-kva.example",
            "jürgen@example.org",
        )


class TestInPrivate:
    @pytest.mark.parametrize("from_the_start", [False, True])
    def test_encrypted(self, post_office, settings, tmp_path, monkeypatch, from_the_start):
        monkeypatch.setenv("SSL_CERT_FILE", str(post_office.offer_tls(tmp_path)))
        post_office.tls_from_the_start = from_the_start
        settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS = from_the_start, not from_the_start
        send()
        assert post_office.kept[0].content == MAIL

    @pytest.mark.parametrize("verb", ["STARTTLS", "AUTH"])
    @pytest.mark.parametrize(("reply", "told"), [(DRIP, "timed out"), (FLOOD_OF_LINES, "too long")])
    def test_a_server_that_does_not_come_to_an_end(
        self, post_office, settings, tmp_path, monkeypatch, verb, reply, told
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(post_office.offer_tls(tmp_path)))
        post_office.users = {"patchwork": "secret"}
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "patchwork", "secret"
        settings.EMAIL_USE_TLS = True
        settings.EMAIL_TIMEOUT = 0.5 if reply == DRIP else 20
        post_office.then(verb, reply)
        words, is_final = not_sent()
        assert told in words
        assert not is_final

    @pytest.mark.parametrize("from_the_start", [False, True])
    def test_not_with_a_stranger(self, post_office, settings, tmp_path, from_the_start):
        post_office.offer_tls(tmp_path)
        post_office.tls_from_the_start = from_the_start
        settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS = from_the_start, not from_the_start
        words, is_final = not_sent()
        assert "certificate" in words
        assert not is_final

    def test_never_in_the_open_when_asked_otherwise(self, post_office: PostOffice, settings):
        settings.EMAIL_USE_TLS = True
        words, is_final = not_sent()
        assert "STARTTLS" in words
        assert not is_final
        assert not any(line.startswith("MAIL") for line in post_office.heard)

    def test_with_a_password(self, post_office: PostOffice, settings):
        post_office.users = {"patchwork": "secret"}
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "patchwork", "secret"
        send()
        assert len(post_office.kept) == 1

    def test_a_wrong_password_is_not_the_mails_fault(self, post_office: PostOffice, settings):
        post_office.users = {"patchwork": "secret"}
        assert not_sent() == ("530 5.7.0 Authentication required", False)
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "patchwork", "guess"
        words, is_final = not_sent()
        assert "535 5.7.8" in words
        assert not is_final


class TestFiles:
    def test_a_maildir(self, settings, tmp_path: Path):
        settings.OUTBOX_DIR = tmp_path / "mail" / "outbox"
        settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.files.Maildir"
        send()
        send()
        send(replace(PARCEL, recipients=("a@example.org", "b@example.org")))
        box = mailbox.Maildir(settings.OUTBOX_DIR, create=False)
        first, second = sorted((box.get_bytes(key) for key in box.iterkeys()), key=len)
        assert first == (
            b"Return-Path: <bounces@example.org>\nDelivered-To: list@example.org\n"
            + MAIL.replace(b"\r\n", b"\n")
        )
        assert b"Delivered-To: a@example.org\nDelivered-To: b@example.org\n" in second

    def test_an_mbox(self, settings, tmp_path: Path):
        settings.OUTBOX_DIR = tmp_path
        settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.files.Mbox"
        send()
        send(replace(PARCEL, content=b"Subject: two\r\n\r\nText\r\n"))
        with (tmp_path / "outbox.mbox").open("rb") as file:
            first, second = split_mbox(file)
        assert first.endswith(MAIL.replace(b"\r\n", b"\n"))
        assert second.endswith(b"Subject: two\n\nText\n")

    @pytest.mark.parametrize("transport", [Maildir(), Mbox()])
    def test_a_directory_that_cannot_be_made(self, settings, tmp_path: Path, transport):
        (tmp_path / "file").touch()
        settings.OUTBOX_DIR = tmp_path / "file"
        transport.offer(PARCEL)
        with pytest.raises(NotSent, match="cannot write") as raised:
            transport.transmit()
        assert not raised.value.is_final


def test_memory(settings):
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.memory.Memory"
    send()
    assert Memory.sent.pop() == PARCEL


def test_the_certificate_of_the_tests_is_one(tmp_path: Path):
    office = PostOffice()
    context = ssl.create_default_context(cafile=office.offer_tls(tmp_path))
    assert len(context.get_ca_certs()) == 1
    office.close()
