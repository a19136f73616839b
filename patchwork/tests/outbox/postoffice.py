# SPDX-License-Identifier: GPL-2.0-or-later
"""An SMTP server that keeps what it accepts, and misbehaves as it is told."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import cycle
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HANG_UP = "hang up"
"""Instead of a reply: close the connection. At END, the mail is not kept."""
KEEP_AND_HANG_UP = "keep and hang up"
"""At END: the mail is kept, but nobody hears of it."""
KEEP_AND_STALL = "keep and stall"
"""At END: the mail is kept, and the other side waits for an answer until it gives up."""
GO_AHEAD_AND_HANG_UP = "354 Go ahead, I do not listen"
"""To DATA: close the connection in the middle of the mail."""
STALL = "stall"
"""Instead of a reply: wait until the other side gives up."""
DRIP = "drip"
"""Instead of a reply: begin one, a byte now and then, until the other side gives up."""
FLOOD_OF_LINES = "flood of lines"
FLOOD_IN_A_LINE = "flood in a line"
"""Instead of a reply: begin one that has no end, as fast as the other side takes it."""


@dataclass(frozen=True)
class Kept:
    """A mail that was accepted."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    connection: int


class PostOffice:
    """Listens on a free port of this machine.

    ``then`` says what the next replies to a command are; after these it is as kind as it can be.
    Commands are the verbs of SMTP, CONNECT for the greeting and END for the end of the mail.
    """

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.heard: list[str] = []
        """Every command, as it was said."""
        self.connections = 0
        self.features = ["8BITMIME", "SIZE 1000000"]
        self.refused: dict[str, str] = {}
        """A reply for each recipient that does not get through."""
        self.greylists = False
        self.size_limit = 1_000_000
        self.mails_a_connection = 1_000_000
        self.users: dict[str, str] = {}
        """If there are any, only they may send."""
        self.tls: ssl.SSLContext | None = None
        self.tls_from_the_start = False
        self.stalled = threading.Event()
        """Set when somebody waits for an answer that does not come."""
        self._next: dict[str, deque[str]] = defaultdict(deque)
        self._seen: set[tuple[str, str]] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def then(self, verb: str, *replies: str) -> None:
        self._next[verb].extend(replies)

    def forget(self) -> None:
        """Begin anew: nothing was kept, and nothing is to be said."""
        self.kept.clear()
        self.heard.clear()
        with self._lock:
            self._next.clear()
            self._seen.clear()

    def received(self, recipient: str) -> list[bytes]:
        """The mails that somebody got, in order."""
        return [kept.content for kept in self.kept if recipient in kept.recipients]

    def hang_up(self) -> None:
        """On everybody, as servers do with those who have been silent for long."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def offer_tls(self, directory: Path) -> Path:
        """Have a certificate of our own making; answers where it is."""
        certificate, context = self_made(directory)
        self.tls = context
        return certificate

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self.connections += 1
                each = _Conversation(self, accepted, self.connections)
                threading.Thread(target=each.serve, daemon=True).start()

    def next_reply(self, verb: str) -> str:
        with self._lock:
            return self._next[verb].popleft() if self._next[verb] else ""

    def is_new(self, sender: str, recipient: str) -> bool:
        with self._lock:
            is_new = (sender, recipient) not in self._seen
            self._seen.add((sender, recipient))
        return is_new

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def left(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


class _Over(Exception):
    """The conversation ends."""


class _Conversation:
    def __init__(self, office: PostOffice, connection: socket.socket, number: int) -> None:
        self._office = office
        self._socket = connection
        self._number = number
        self._mails = 0
        self._user = ""
        self._forget()

    def serve(self) -> None:
        try:
            if self._office.tls_from_the_start:
                self._begin_tls()
            self._office.opened(self._socket)
            self._lines = self._socket.makefile("rb")
            self._reply("CONNECT", "220 post.example.org at your service")
            while line := self._lines.readline():
                self._answer(line.decode().rstrip("\r\n"))
        except (OSError, ValueError, _Over):
            pass
        finally:
            self._office.left(self._socket)
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _forget(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    def _begin_tls(self) -> None:
        assert self._office.tls is not None
        self._socket = self._office.tls.wrap_socket(self._socket, server_side=True)

    def _reply(self, verb: str, kindly: str) -> str:
        """Say what was asked for, or else something kind; answers what was said."""
        return self._say(self._office.next_reply(verb) or kindly)

    def _say(self, reply: str) -> str:
        if reply in (STALL, KEEP_AND_STALL):
            self._office.stalled.set()
            self._socket.recv(1)
            raise _Over
        if reply in (HANG_UP, KEEP_AND_HANG_UP):
            raise _Over
        if reply == DRIP:
            self._drip()
        if reply in (FLOOD_OF_LINES, FLOOD_IN_A_LINE):
            piece = b"250-x\r\n" if reply == FLOOD_OF_LINES else b"250 " + b"x" * 996
            while True:
                self._socket.sendall(piece * 100)
        self._socket.sendall(f"{reply}\r\n".encode())
        if reply.startswith("421"):
            raise _Over
        return reply

    def _drip(self) -> None:
        self._socket.settimeout(0.02)
        for byte in cycle(b"250-x\r\n"):
            self._socket.sendall(bytes([byte]))
            with suppress(TimeoutError):
                if not self._socket.recv(1):
                    raise _Over

    def _answer(self, line: str) -> None:
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        self._office.heard.append(f"{verb} {argument}".rstrip())
        handler = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            self._reply(verb, "502 5.5.1 What?")
        else:
            handler(argument)

    def _on_ehlo(self, argument: str) -> None:
        features = list(self._office.features)
        if self._office.tls and not isinstance(self._socket, ssl.SSLSocket):
            features.append("STARTTLS")
        if self._office.users:
            features.append("AUTH PLAIN")
        lines = ["post.example.org", *features]
        marks = ["-"] * (len(lines) - 1) + [" "]
        self._reply(
            "EHLO",
            "\r\n".join(f"250{mark}{line}" for mark, line in zip(marks, lines, strict=True)),
        )

    def _on_helo(self, argument: str) -> None:
        self._reply("HELO", "250 post.example.org")

    def _on_starttls(self, argument: str) -> None:
        if self._reply("STARTTLS", "220 go on").startswith("220"):
            self._begin_tls()
            self._lines = self._socket.makefile("rb")

    def _on_auth(self, argument: str) -> None:
        _, user, password = base64.b64decode(argument.split()[-1]).decode().split("\0")
        is_right = self._office.users.get(user) == password
        kindly = "235 2.7.0 Welcome" if is_right else "535 5.7.8 Authentication failed"
        if self._reply("AUTH", kindly).startswith("235"):
            self._user = user

    def _on_mail(self, argument: str) -> None:
        if self._sender is not None:
            self._say("503 5.5.1 Error: nested MAIL command")
            return
        kindly = "250 2.1.0 Ok"
        if self._office.users and not self._user:
            kindly = "530 5.7.0 Authentication required"
        if self._mails >= self._office.mails_a_connection:
            kindly = "421 4.7.0 Too many mails on one connection"
        if self._reply("MAIL", kindly).startswith("250"):
            self._sender = argument.partition("<")[2].partition(">")[0]

    def _on_rcpt(self, argument: str) -> None:
        recipient = argument.partition("<")[2].partition(">")[0]
        assert self._sender is not None
        kindly = self._office.refused.get(recipient, "250 2.1.5 Ok")
        if self._office.greylists and self._office.is_new(self._sender, recipient):
            kindly = "450 4.2.0 Greylisted, come again"
        if self._reply("RCPT", kindly).startswith("250"):
            self._recipients.append(recipient)

    def _on_data(self, argument: str) -> None:
        if not self._recipients:
            self._reply("DATA", "554 5.5.1 No valid recipients")
            return
        reply = self._reply("DATA", "354 Go ahead")
        if reply == GO_AHEAD_AND_HANG_UP:
            raise _Over
        if not reply.startswith("354"):
            return
        lines = iter(self._mail_line, b".\r\n")
        content = b"".join(line.removeprefix(b".") for line in lines)
        reply = self._office.next_reply("END")
        if not reply and len(content) > self._office.size_limit:
            reply = "552 5.3.4 Too big"
        if not reply or reply.startswith("250") or reply in (KEEP_AND_HANG_UP, KEEP_AND_STALL):
            assert self._sender is not None
            self._office.kept.append(
                Kept(self._sender, tuple(self._recipients), content, self._number)
            )
            self._mails += 1
        self._forget()
        self._say(reply or f"250 2.0.0 Queued as {len(self._office.kept)}")

    def _mail_line(self) -> bytes:
        line = self._lines.readline()
        if not line:
            raise _Over
        return line

    def _on_rset(self, argument: str) -> None:
        self._forget()
        self._reply("RSET", "250 2.0.0 Ok")

    def _on_quit(self, argument: str) -> None:
        self._reply("QUIT", "221 2.0.0 Bye")
        raise _Over


def self_made(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context
