# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that go to a mail server, by SMTP.

What a server says of a mail, its sender or a recipient for good (5xx) is final. Everything else is
tried again: a server that cannot be reached, is busy, wants another password or speaks no TLS.

Mails go out byte for byte. One with 8-bit text is not turned into another encoding for a server
that does not offer 8BITMIME, which would break its signatures: it waits for a better server.
"""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail.utils import DNS_NAME

from patchwork.outbox.transports.base import CutOff, NotSent, Parcel, Refusal, Transport

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_SECONDS = 300
MOST_MAILS = 100
"""For so long, and for so many mails, a connection is used; servers dislike more."""
WORDS_LIMIT = 500
ANSWER_LIMIT = 64 * 1024
"""Bytes of one answer, of however many lines."""

_CLOSING = 421
_BAD_SEQUENCE = 503
_NOT_OF_THE_MAIL = {502, _BAD_SEQUENCE, 530, 534, 535, 538}
"""Final by their codes, but about the conversation, passwords and encryption."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to connect to, as the settings say."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    ssl: bool
    timeout: float | None

    @classmethod
    def of_settings(cls) -> Server:
        return cls(
            settings.EMAIL_HOST,
            settings.EMAIL_PORT,
            settings.EMAIL_HOST_USER,
            settings.EMAIL_HOST_PASSWORD,
            settings.EMAIL_USE_TLS,
            settings.EMAIL_USE_SSL,
            settings.EMAIL_TIMEOUT,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Gone(Exception):
    """The conversation is over: the server has hung up, is about to, or is at odds with us."""


class Smtp(Transport):
    """One connection, kept for some time."""

    def __init__(self) -> None:
        self._conversation: _Conversation | None = None

    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        server = Server.of_settings()
        if self._conversation and not self._conversation.is_good_for(server):
            self.close()
        if self._conversation:
            # That it has hung up since the last mail says nothing about this one.
            with suppress(_Gone):
                return self._conversation.offer(parcel)
            self.close()
        self._conversation = _Conversation(server)
        try:
            return self._conversation.offer(parcel)
        except _Gone as error:
            self.close()
            raise NotSent(str(error)) from error

    def transmit(self) -> str:
        assert self._conversation is not None
        try:
            return self._conversation.transmit()
        except NotSent:
            # A server that has refused DATA still holds the recipients.
            self.withdraw()
            raise
        except _Gone as error:
            self.close()
            raise NotSent(str(error)) from error
        except CutOff:
            self.close()
            raise

    def withdraw(self) -> None:
        assert self._conversation is not None
        try:
            self._conversation.withdraw()
        except _Gone:
            self.close()

    def close(self) -> None:
        if self._conversation:
            self._conversation.close()
            self._conversation = None


class _Conversation:
    """One connection, from its greeting on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._began = time.monotonic()
        self._mails = 0
        self._wire = b""
        try:
            self._smtp = _connected(server)
        except OSError as error:
            raise NotSent(f"cannot use {server}: {_told(error)}") from error
        # Addresses beyond ASCII are said only to a server that offers SMTPUTF8.
        self._smtp.command_encoding = "utf-8"

    def is_good_for(self, server: Server) -> bool:
        return (
            server == self._server
            and self._mails < MOST_MAILS
            and time.monotonic() - self._began < LONGEST_SECONDS
        )

    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        self._mails += 1
        addresses = {recipient: mailbox(recipient) for recipient in parcel.recipients}
        self._wire = on_the_wire(parcel.content)
        options = self._options(parcel, addresses)
        code, words = self._say("MAIL", f"FROM:<{mailbox(parcel.sender)}>{options}")
        if code == _BAD_SEQUENCE:
            raise _Gone(words)
        if not _is_yes(code):
            raise NotSent(words, is_final=_is_final(code))
        refusals = {}
        for recipient, address in addresses.items():
            if not address.isascii() and not self._offers("smtputf8"):
                unable = f"{self._server} takes no addresses beyond ASCII (SMTPUTF8)"
                refusals[recipient] = Refusal(unable, is_final=True)
                continue
            code, words = self._say("RCPT", f"TO:<{address}>")
            if not _is_yes(code):
                refusals[recipient] = Refusal(words, _is_final(code))
        return refusals

    def _options(self, parcel: Parcel, addresses: Mapping[str, str]) -> str:
        options = ""
        if self._offers("size"):
            limit = self._smtp.esmtp_features["size"]
            if limit.isdecimal() and 0 < int(limit) < len(parcel.content):
                raise NotSent(
                    f"{self._server} takes mails of {limit} bytes at most, "
                    f"this one has {len(parcel.content)}",
                    is_final=True,
                )
            options += f" SIZE={len(parcel.content)}"
        if not parcel.content.isascii():
            if not self._offers("8bitmime"):
                raise NotSent(f"{self._server} takes no mails with 8-bit text (8BITMIME)")
            options += " BODY=8BITMIME"
        if self._offers("smtputf8") and not "".join(addresses.values()).isascii():
            options += " SMTPUTF8"
        return options

    def transmit(self) -> str:
        code, words = self._say("DATA")
        if code != 354:
            raise NotSent(words, is_final=_is_final(code))
        self._write_all()
        try:
            code, words = _readable(*self._smtp.getreply())
        except OSError as error:
            raise CutOff(f"no answer to the mail: {_told(error)}") from error
        if _is_yes(code):
            return words
        if not 400 <= code < 600:
            raise CutOff(f"no answer to the mail, but: {words}")
        if code == _CLOSING:
            raise _Gone(words)
        raise NotSent(words, is_final=_is_final(code))

    def _write_all(self) -> None:
        """As long as the last byte has not been given away, nobody takes it for a whole mail."""
        assert self._smtp.sock is not None
        rest = memoryview(self._wire)
        try:
            while rest:
                rest = rest[self._smtp.sock.send(rest) :]
        except OSError as error:
            raise _Gone(f"cut off in the middle of the mail: {_told(error)}") from error

    def withdraw(self) -> None:
        code, words = self._say("RSET")
        if not _is_yes(code):
            raise _Gone(words)

    def close(self) -> None:
        with suppress(OSError):
            self._smtp.putcmd("QUIT")
        self._smtp.close()

    def _offers(self, extension: str) -> bool:
        return extension in self._smtp.esmtp_features

    def _say(self, command: str, argument: str = "") -> tuple[int, str]:
        """A command and its answer, which is not a goodbye."""
        try:
            code, words = _readable(*self._smtp.docmd(command, argument))
        except OSError as error:
            raise _Gone(f"{self._server} hung up: {_told(error)}") from error
        if code == _CLOSING or code < 0:
            raise _Gone(words)
        return code, words


class _Patience(io.RawIOBase):
    """What a server says, as long as there is time and room for it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._timeout = connection.gettimeout()
        self._deadline = 0.0
        self._room = 0

    def readable(self) -> bool:
        return True

    def begin(self) -> None:
        self._deadline = time.monotonic() + (self._timeout or 0)
        self._room = ANSWER_LIMIT

    def end(self) -> None:
        """What was left of the time is not that of the next command."""
        self._connection.settimeout(self._timeout)

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._timeout is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._connection.settimeout(left)
        if self._room <= 0:
            raise OSError("its answer is too long")
        count = self._connection.recv_into(buffer)
        self._room -= count
        return count


class _Smtp(smtplib.SMTP):
    """Waits for the whole of each answer no longer than for its first byte: a server that says
    something now and then would be listened to for ever."""

    _patience: _Patience

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self._patience = _Patience(self.sock)
            self.file = io.BufferedReader(self._patience)
        self._patience.begin()
        answer = super().getreply()
        self._patience.end()
        return answer


class _SmtpInTls(_Smtp, smtplib.SMTP_SSL):
    """In private from the beginning."""


def _connected(server: Server) -> smtplib.SMTP:
    """Greeted, in private where the settings say so, and logged in."""
    how: dict[str, Any] = {"local_hostname": DNS_NAME.get_fqdn()}
    if server.timeout is not None:
        how["timeout"] = server.timeout
    if server.ssl:
        how["context"] = ssl.create_default_context()
    smtp = (_SmtpInTls if server.ssl else _Smtp)(server.host, server.port, **how)
    try:
        assert smtp.sock is not None
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.starttls:
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except OSError:
        smtp.close()
        raise
    return smtp


def on_the_wire(content: bytes) -> bytes:
    """As DATA wants it: leading dots are doubled, and a lone dot ends it."""
    dot = b"." if content.startswith(b".") else b""
    return dot + content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def mailbox(address: str) -> str:
    """An address with its domain as DNS has it."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    with suppress(UnicodeError):
        return f"{local}{at}{domain.encode('idna').decode()}"
    return address


def _is_yes(code: int) -> bool:
    return 200 <= code < 300


def _is_final(code: int) -> bool:
    return code >= 500 and code not in _NOT_OF_THE_MAIL


def _readable(code: int, words: bytes) -> tuple[int, str]:
    text = words.decode("utf-8", "replace")
    return code, _in_one_line(f"{code} {text}" if code > 0 else text)


def _told(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        return _in_one_line(f"{error.smtp_code} {text}")
    return _in_one_line(str(error) or type(error).__name__)


def _in_one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:WORDS_LIMIT]
