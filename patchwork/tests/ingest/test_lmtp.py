# SPDX-License-Identifier: GPL-2.0-or-later
"""The LMTP server over real sockets, with a store that the tests hold in their hands."""

from __future__ import annotations

import asyncio
import os
import re
import smtplib
import socket
import stat
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwork.ingest import handover, lmtp
from patchwork.ingest.lmtp import Desk, off_the_wire, serve
from patchwork.ingest.outcome import Fate, Outcome
from patchwork.ingest.receiving import TryLater
from patchwork.ingest.unix_socket import CannotListen, listening
from patchwork.management.commands.lmtpd import host_and_port, octal
from patchwork.tests.ingest.installation import Installation
from patchwork.tests.letters import patch

PATIENCE = 20
"""Seconds; only a failure waits that long."""


class Store:
    """Stands where receive_many does: notes its calls, and can be held or broken."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[bytes], str | None]] = []
        self.called = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()
        self.errors: list[Exception] = []

    def __call__(self, raws: Sequence[bytes], *, list_id: str | None = None) -> list[Outcome]:
        self.calls.append((list(raws), list_id))
        self.called.release()
        assert self.open.wait(PATIENCE)
        if self.errors:
            raise self.errors.pop()
        return [Outcome(Fate.PATCH, f"<{len(raw)}@bytes>") for raw in raws]

    def await_call(self) -> None:
        assert self.called.acquire(timeout=PATIENCE)

    @property
    def mails(self) -> list[bytes]:
        return [raw for raws, _ in self.calls for raw in raws]


class Server:
    """``serve`` in a thread, on a real socket."""

    def __init__(self, path: Path, store: Store, list_id: str | None) -> None:
        self.path = path
        self.store = store
        self._list_id = list_id
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._main(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.desk = Desk(self._list_id, self.store)
        with listening(self.path, 0o600) as bound:
            self._loop.call_soon(self._ready.set)
            await serve(self.desk, [bound], self._stop)

    def ask_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.ask_to_stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def client(self) -> smtplib.LMTP:
        return smtplib.LMTP(str(self.path))

    def raw_client(self) -> Wire:
        return Wire(self.path)


class Wire:
    """A client that says exactly what it is told to."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")
        assert self.reply().startswith("220")

    def say(self, text: bytes) -> None:
        self.socket.sendall(text)

    def reply(self) -> str:
        """The last line of the next reply."""
        while (line := self._lines.readline().decode())[3:4] == "-":
            pass
        return line.rstrip("\r\n")

    def ask(self, text: bytes) -> str:
        self.say(text + b"\r\n")
        return self.reply()

    def begin(self, *, recipients: int = 1) -> None:
        """Everything before the text of a mail."""
        self.ask(b"LHLO client")
        self.ask(b"MAIL FROM:<>")
        for number in range(recipients):
            self.ask(b"RCPT TO:<list%d@example.com>" % number)
        assert self.ask(b"DATA").startswith("354")

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


@pytest.fixture
def store() -> Store:
    return Store()


Serve = Callable[..., Server]


@pytest.fixture
def start(short_path: Path, store: Store) -> Iterator[Serve]:
    started: list[Server] = []

    def start(list_id: str | None = None) -> Server:
        started.append(Server(short_path / "s", store, list_id))
        return started[-1]

    yield start
    store.open.set()
    for server in started:
        server.stop()


@pytest.fixture
def server(start: Serve) -> Server:
    return start()


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    client = server.raw_client()
    yield client
    client.close()


def send(server: Server, mail: bytes) -> None:
    with server.client() as client:
        client.sendmail("", ["list@example.com"], mail.decode())


def test_the_log_tells_what_a_mail_carries_along(server: Server, caplog) -> None:
    caplog.set_level("INFO", "patchwork.ingest.lmtp")
    send(server, b"Subject: x\n\n")
    assert re.fullmatch(r"patch: <\d+@bytes>, correlation [0-9a-f]{16}", caplog.messages[-1])


def test_an_ordinary_client_is_served(server: Server, store: Store) -> None:
    with server.client() as client:
        client.ehlo_or_helo_if_needed()
        assert client.has_extn("pipelining")
        assert client.has_extn("8bitmime")
        assert client.has_extn("smtputf8")
        client.sendmail("someone@example.com", ["list@example.com"], "Subject: one\n\nText\n")
        client.sendmail("someone@example.com", ["list@example.com"], "Subject: two\n\nText\n")
    assert store.mails == [b"Subject: one\n\nText\n", b"Subject: two\n\nText\n"]


def test_each_recipient_gets_an_answer(wire: Wire, store: Store) -> None:
    wire.begin(recipients=3)
    wire.say(b"Subject: one\r\n\r\nText\r\n.\r\n")
    assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "250"]
    assert wire.ask(b"NOOP").startswith("250")
    assert len(store.mails) == 1


def test_a_conversation_may_be_said_in_one_breath(wire: Wire, store: Store) -> None:
    mail = b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nSubject: %d\r\n\r\nText\r\n.\r\n"
    wire.say(b"LHLO x\r\n" + mail % 1 + mail % 2 + b"QUIT\r\n")
    codes = [wire.reply()[:3] for _ in range(10)]
    assert codes == ["250", *["250", "250", "354", "250"] * 2, "221"]
    assert [mail[9:10] for mail in store.mails] == [b"1", b"2"]


@given(st.binary() | st.text(alphabet=".\r\n ab").map(str.encode))
def test_the_wire_changes_no_byte(raw: bytes) -> None:
    """But a last line without its end gets one."""
    whole = raw if raw.endswith(b"\n") or not raw else raw + b"\n"
    sent = handover.on_the_wire(raw)
    assert sent.endswith(b".\r\n")
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
    assert off_the_wire(bytearray(b"\r\n" + sent)) == whole


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b".\n",
        b"..\n.\n...\n",
        b"ends with a dot.\n",
        b"Subject: x\n\n.\n.\r\n\r\n.\n",
        b"x" * 1_000_000 + b"\n",
        b"a sentence.\n" * 50_000,
        b"." * 600_000 + b"\n",
        b"NUL \0 and \xff\xfe and a lone \r in it\n",
        b"+a line of a file with DOS line ends\r\n",
    ],
    ids=lambda mail: repr(mail[:20]),
)
def test_any_text_comes_through(
    server: Server, store: Store, mail: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(handover.SOCKET_VARIABLE, str(server.path))
    daemon = handover._greeted_daemon()
    assert daemon is not None
    code, _ = daemon.deliver(mail, None)
    daemon.close()
    assert code == 250
    assert store.mails == [mail]


def test_too_big_a_mail_is_refused_and_the_next_one_taken(
    wire: Wire, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmtp, "SIZE_LIMIT", 1000)
    wire.begin()
    wire.say(b"many lines\r\n" * 100_000)
    assert wire.ask(b".").startswith("552")
    assert wire.ask(b"MAIL FROM:<>").startswith("250")
    assert wire.ask(b"RCPT TO:<a@b>").startswith("250")
    assert wire.ask(b"DATA").startswith("354")
    assert wire.ask(b"small\r\n.").startswith("250")
    assert store.mails == [b"small\n"]


def test_a_size_that_is_announced_is_refused_at_once(wire: Wire) -> None:
    wire.ask(b"LHLO x")
    assert wire.ask(b"MAIL FROM:<> SIZE=%d" % (lmtp.SIZE_LIMIT + 1)).startswith("552")
    assert wire.ask(b"MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8").startswith("250")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"DATA", "503"),
        (b"MAIL FROM:<>", "503"),
        (b"EHLO x", "500"),
        (b"XLIST", "501"),
        (b"DATA now", "503"),
        (b"x" * 5000, "500"),
        (b"x" * 1_000_000, "500"),
        (b"\xff\xfe", "500"),
    ],
)
def test_nonsense_is_answered_and_survived(wire: Wire, command: bytes, code: str) -> None:
    assert wire.ask(command)[:3] == code
    wire.begin()
    assert wire.ask(b"Text\r\n.").startswith("250")


def test_nothing_is_accepted_before_it_is_stored(wire: Wire, store: Store) -> None:
    store.open.clear()
    wire.begin()
    wire.say(b"Subject: one\r\n\r\nText\r\n.\r\n")
    store.await_call()
    wire.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.socket.recv(1)
    wire.socket.settimeout(PATIENCE)
    store.open.set()
    assert wire.reply().startswith("250")


def test_mails_of_several_connections_share_a_transaction(server: Server, store: Store) -> None:
    store.open.clear()
    with ThreadPoolExecutor() as threads:
        jobs = [threads.submit(send, server, b"first\n")]
        store.await_call()
        clients = [server.raw_client() for _ in range(5)]
        for number, client in enumerate(clients):
            client.begin()
            client.say(b"%d\r\n.\r\n" % number)
        server_has(server, 5)
        store.open.set()
        assert all(client.reply().startswith("250") for client in clients)
        for job in jobs:
            job.result()
        for client in clients:
            client.close()
    assert [len(raws) for raws, _ in store.calls] == [1, 5]


def server_has(server: Server, count: int) -> None:
    """Wait until so many mails lie on the desk."""
    arrived = threading.Event()

    def look() -> None:
        if server.desk._arrived.qsize() >= count:
            arrived.set()
        else:
            server._loop.call_later(0.001, look)

    server._loop.call_soon_threadsafe(look)
    assert arrived.wait(PATIENCE)


@pytest.mark.parametrize("error", [TryLater("locked"), ZeroDivisionError("a mistake of ours")])
def test_what_cannot_be_stored_is_to_be_sent_again(
    wire: Wire, store: Store, error: Exception
) -> None:
    store.errors.append(error)
    wire.begin(recipients=2)
    wire.say(b"Text\r\n.\r\n")
    assert [wire.reply()[:3] for _ in range(2)] == ["451", "451"]
    wire.begin()
    assert wire.ask(b"Text\r\n.").startswith("250")


def test_a_mail_whose_sender_hung_up_is_stored_with_the_others(
    server: Server, store: Store
) -> None:
    store.open.clear()
    first, second = server.raw_client(), server.raw_client()
    for client in (first, second):
        client.begin()
    first.say(b"first\r\n.\r\n")
    store.await_call()
    third = server.raw_client()
    third.begin()
    third.say(b"third\r\n.\r\n")
    second.say(b"second\r\n.\r\n")
    server_has(server, 2)
    third.close()
    first.close()
    store.open.set()
    assert second.reply().startswith("250")
    second.close()
    assert sorted(store.mails) == [b"first\n", b"second\n", b"third\n"]


def test_a_mail_that_is_cut_off_is_not_taken(server: Server, store: Store) -> None:
    client = server.raw_client()
    client.begin()
    client.say(b"half a mail\r\n")
    client.close()
    send(server, b"whole\n")
    assert store.mails == [b"whole\n"]


def test_list_ids_are_kept_apart(start: Serve, store: Store) -> None:
    server = start("daemon.example.com")
    store.open.clear()
    clients = [server.raw_client() for _ in range(4)]
    names = [b"x", b"x", handover.client_name().encode(), handover.client_name().encode()]
    for number, (client, name) in enumerate(zip(clients, names, strict=True)):
        assert client.ask(b"LHLO " + name).startswith("250")
        if number == 1 or number == 3:
            assert client.ask(b"XLIST told%d.example.com" % number).startswith("250")
        client.ask(b"MAIL FROM:<>")
        client.ask(b"RCPT TO:<a@b>")
        client.ask(b"DATA")
        client.say(b"%d\r\n.\r\n" % number)
    store.open.set()
    assert all(client.reply().startswith("250") for client in clients)
    for client in clients:
        client.close()
    lists = {raw: list_id for raws, list_id in store.calls for raw in raws}
    assert lists == {
        b"0\n": "daemon.example.com",
        b"1\n": "told1.example.com",
        b"2\n": None,
        b"3\n": "told3.example.com",
    }


def test_a_parsemail_of_another_configuration_is_refused(wire: Wire) -> None:
    stranger = handover.NAME_PREFIX + "0123456789abcdef0123456789abcdef.invalid"
    assert wire.ask(b"LHLO " + stranger.encode()).startswith("550")
    assert wire.ask(b"MAIL FROM:<>").startswith("503")


def test_a_server_that_stops_finishes_what_it_holds(server: Server, store: Store) -> None:
    store.open.clear()
    idle, sending, waiting = (server.raw_client() for _ in range(3))
    sending.begin()
    waiting.begin()
    waiting.say(b"waiting\r\n.\r\n")
    store.await_call()
    server.ask_to_stop()
    assert idle.reply().startswith("421")
    assert idle.reply() == ""
    sending.say(b"sending\r\n.\r\n")
    store.open.set()
    for client in (waiting, sending):
        assert client.reply().startswith("250")
        assert client.reply().startswith("421")
        assert client.reply() == ""
    server.stop()
    assert not server.path.exists()
    assert store.mails == [b"waiting\n", b"sending\n"]


def test_the_socket_is_for_those_it_was_made_for(short_path: Path) -> None:
    path = short_path / "new" / "s"
    with listening(path, 0o640):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not path.exists()


def test_what_a_killed_server_left_behind_is_replaced(short_path: Path) -> None:
    path = short_path / "s"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with listening(path, 0o600) as bound:
        bound.listen()
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(str(path))


def test_a_living_server_is_left_alone(server: Server, store: Store) -> None:
    with pytest.raises(CannotListen, match="another server"), listening(server.path, 0o600):
        pass
    send(server, b"still here\n")
    assert store.mails == [b"still here\n"]


def test_a_file_that_is_no_socket_is_left_alone(short_path: Path) -> None:
    path = short_path / "s"
    path.write_text("dear diary")
    with pytest.raises(CannotListen, match="not a socket"), listening(path, 0o600):
        pass
    assert path.read_text() == "dear diary"


def test_a_name_too_long_for_a_socket_is_refused_in_words(short_path: Path) -> None:
    path = short_path / ("x" * 200)
    with pytest.raises(CannotListen, match="cannot listen"), listening(path, 0o600):
        pass


def test_the_socket_of_a_successor_is_not_removed(short_path: Path) -> None:
    path = short_path / "s"
    with listening(path, 0o600):
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
    assert path.exists()


class TestCommand:
    """``manage.py lmtpd`` as a process."""

    def test_it_listens_on_tcp_as_well(self, installation: Installation) -> None:
        with installation.lmtpd("--listen", "127.0.0.1:0") as server:
            assert server.stdout is not None
            port = re.fullmatch(
                r"listening on 127\.0\.0\.1, port (\d+)\n", server.stdout.readline()
            )
            assert port is not None
            with smtplib.LMTP("127.0.0.1", int(port[1])) as client:
                client.sendmail("", ["list@example.org"], patch("[PATCH] One").decode())
        assert installation.count() == 1

    def test_told_to_stop_it_cleans_up(self, installation: Installation) -> None:
        with installation.lmtpd() as server:
            server.terminate()
            out, _ = server.communicate()
        assert server.returncode == 0
        assert out == "stopped\n"
        assert not installation.socket.exists()

    def test_a_second_one_is_refused(self, installation: Installation) -> None:
        with installation.lmtpd():
            second = installation.manage("lmtpd")
            assert second.returncode == 1
            assert "another server" in second.stderr
            assert installation.parsemail(patch("[PATCH] One")).returncode == 0

    def test_it_takes_the_place_of_a_killed_one(self, installation: Installation) -> None:
        with installation.lmtpd() as first:
            first.kill()
        assert installation.socket.exists()
        with installation.lmtpd():
            assert installation.parsemail(patch("[PATCH] One")).returncode == 0
        assert installation.count() == 1


@pytest.mark.parametrize("text", ["", "9", "1777", "-1", "rw"])
def test_a_mode_is_octal(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        octal(text)
    assert octal("660") == 0o660


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:24", ("127.0.0.1", 24)), ("[::1]:0", ("::1", 0)), ("mail:24", ("mail", 24))],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert host_and_port(text) == address


@pytest.mark.parametrize("text", ["24", ":24", "mail:", "mail:smtp", "mail:65536"])
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        host_and_port(text)
