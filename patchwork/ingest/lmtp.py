# SPDX-License-Identifier: GPL-2.0-or-later
"""The LMTP server: mails of many connections, stored in common transactions.

``Door`` speaks the protocol, one object a connection. ``Desk`` gathers the mails that the
doors hold at one moment, stores them in its one thread with ``receive_many``, and answers each
door. A 250 is said after the commit, never before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session, syntax
from django.db import connections

from patchwork import correlation
from patchwork.ingest import handover
from patchwork.ingest.outcome import Fate, Outcome
from patchwork.ingest.receiving import TryLater, receive_many
from patchwork.outbox import bounces

log = logging.getLogger("patchwork.ingest.lmtp")

SIZE_LIMIT = 100 * 1024 * 1024
"""Refused beyond; what is too big to be read but smaller than this goes to quarantine."""
BLOCK = 256 * 1024
"""How much the event loop reads at once."""

GATHER_MAILS = 50
GATHER_BYTES = 4 * 1024 * 1024
GATHER_SECONDS = 0.010
QUIET_SECONDS = 0.002
"""No other connection has brought a mail for that long: waiting on would only cost time."""

DRAIN_SECONDS = 20.0
"""How long a stopping server waits for mails that are being sent to it."""

COMMAND_LIMIT = 4096
ADDRESSES = 64
"""How many a connection remembers: aiosmtpd makes a class for each one that it reads, and a mail
server says the same ones again and again."""
LONE_DOT = b".\r\n"
END = b"\r\n.\r\n"

NOT_NOW = "451 4.3.0 The mail could not be stored now, try again later"
TOO_BIG = f"552 5.3.4 The mail is larger than {SIZE_LIMIT} bytes"

Receive = Callable[..., list[Outcome]]


@dataclass(frozen=True, slots=True)
class Held:
    """A mail that a door holds until its answer comes."""

    raw: bytes
    list_id: str | None
    answer: asyncio.Future[str]


class Desk:
    """Gathers, stores, answers."""

    def __init__(self, list_id: str | None = None, receive: Receive = receive_many) -> None:
        self.list_id = list_id
        self._doors: set[Door] = set()
        self._empty = asyncio.Event()
        self._receive = receive
        self._arrived: asyncio.Queue[Held] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lmtp-database")

    def door(self) -> Door:
        """What the event loop calls for each new connection."""
        return Door(self)

    async def take(self, raw: bytes, list_id: str | None) -> str:
        """Store a mail together with those of other connections; the reply to its sender."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._arrived.put_nowait(Held(raw, list_id, answer))
        return await answer

    async def work(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._gather()
            answers = await loop.run_in_executor(self._thread, self._store_all, batch)
            for held, answer in zip(batch, answers, strict=True):
                # The sender of a cancelled one has hung up; its mail is stored all the same.
                if not held.answer.done():
                    held.answer.set_result(answer)

    def opened(self, door: Door) -> None:
        self._doors.add(door)
        self._empty.clear()

    def closed(self, door: Door) -> None:
        self._doors.discard(door)
        if not self._doors:
            self._empty.set()

    async def drain(self) -> None:
        """Ask everybody to leave, and wait for the mails that are on their way."""
        for door in tuple(self._doors):
            door.leave()
        if self._doors:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), DRAIN_SECONDS)

    async def close(self) -> None:
        """Give back the thread and its database connection."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()

    async def _gather(self) -> list[Held]:
        """At least one mail, and those that other connections bring in the next moment."""
        batch = [await self._arrived.get()]
        size = len(batch[0].raw)
        end = time.monotonic() + GATHER_SECONDS
        while len(batch) < min(GATHER_MAILS, len(self._doors)) and size < GATHER_BYTES:
            patience = min(QUIET_SECONDS, end - time.monotonic())
            try:
                async with asyncio.timeout(patience):
                    batch.append(await self._arrived.get())
            except TimeoutError:
                break
            size += len(batch[-1].raw)
        return batch

    def _store_all(self, batch: Sequence[Held]) -> list[str]:
        """In the desk's thread: a transaction for each list id that was asked for."""
        places: dict[str | None, list[int]] = defaultdict(list)
        for place, held in enumerate(batch):
            places[held.list_id].append(place)
        answers = [NOT_NOW] * len(batch)
        for list_id, members in places.items():
            stored = self._store([batch[place].raw for place in members], list_id)
            for place, answer in zip(members, stored, strict=True):
                answers[place] = answer
        return answers

    def _store(self, raws: Sequence[bytes], list_id: str | None) -> list[str]:
        try:
            with correlation.carried():
                outcomes = self._receive(raws, list_id=list_id)
                return [_accepted(outcome) for outcome in outcomes]
        except TryLater as error:
            log.warning("%d mails put off: %s", len(raws), error)
        except Exception:
            # A boundary: the senders keep their mails, the server goes on.
            log.exception("%d mails put off", len(raws))
        connections.close_all()
        return [NOT_NOW] * len(raws)


def _accepted(outcome: Outcome) -> str:
    line = handover.told(outcome)
    level = logging.WARNING if outcome.fate is Fate.QUARANTINED else logging.INFO
    log.log(level, "%s, correlation %s", line, correlation.current())
    return f"250 2.0.0 {line}"


class Manners:
    """What aiosmtpd asks of its handler; the work is done by ``Door`` and ``Desk``."""

    async def handle_EHLO(
        self, server: Door, session: Session, envelope: Envelope, hostname: str, replies: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*replies[:-1], "250-PIPELINING", "250 XLIST"]

    async def handle_exception(self, error: Exception) -> str:
        log.error("a command failed", exc_info=error)
        return NOT_NOW


class Door(LMTP):
    """One connection. On top of aiosmtpd: mails read in blocks and of any line length, an
    answer for each recipient, PIPELINING, and what a parsemail that hands over needs (its own
    LHLO name, and XLIST, which names the list of the mails that follow)."""

    line_length_limit = BLOCK
    command_size_limits = defaultdict(lambda: COMMAND_LIMIT)

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            Manners(),
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Patchwork LMTP",
            loop=asyncio.get_running_loop(),
        )
        self._desk = desk
        self._list_id = desk.list_id
        self._busy = False
        self._leaving = False
        self._read_address = lru_cache(ADDRESSES)(super()._getaddr)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        answer: tuple[str | None, str | None] = self._read_address(arg)
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._desk.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._desk.closed(self)

    def leave(self) -> None:
        """Hang up, but only after the answer to a mail that is on its way."""
        self._leaving = True
        if not self._busy and isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(b"421 4.3.2 The server stops, try again later\r\n")
            self.transport.close()

    async def check_helo_needed(self, helo: str = "LHLO") -> bool:
        return bool(await super().check_helo_needed(helo))

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str | None) -> None:
        if arg and arg.startswith(handover.NAME_PREFIX):
            if arg != handover.client_name():
                await self.push("550 5.7.1 This server is configured otherwise than you")
                return
            # A parsemail says by itself which list its mail is of.
            self._list_id = None
        await super().smtp_LHLO(arg)

    @syntax("XLIST list-id")
    async def smtp_XLIST(self, arg: str | None) -> None:
        if not arg:
            await self.push("501 Syntax: XLIST list-id")
            return
        self._list_id = arg
        await self.push("250 OK")

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        recipients = self.envelope.rcpt_tos if self.envelope else []
        if not recipients:
            await self.push("503 Error: need RCPT command")
            return
        self._busy = True
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        raw = await self._mail()
        if raw is None:
            answer = TOO_BIG
        else:
            answer = await self._desk.take(bounces.marked(raw, recipients), self._list_id)
        self._set_post_data_state()
        await self.push("\r\n".join([answer] * len(recipients)))
        self._busy = False
        if self._leaving:
            self.leave()

    async def _mail(self) -> bytes | None:
        """The text of a mail; None when there was too much of it."""
        text = bytearray(b"\r\n")
        too_big = False
        while not text.endswith(END):
            text += await self._piece()
            self._reset_timeout()
            if len(text) > SIZE_LIMIT:
                too_big = True
                del text[: -len(END)]
        return None if too_big else off_the_wire(text)

    async def _piece(self) -> bytes:
        """As much as there is, but nothing after the end of the mail."""
        try:
            return await self._reader.readuntil(LONE_DOT)
        except asyncio.LimitOverrunError as overrun:
            return await self._reader.read(overrun.consumed)


def off_the_wire(text: bytearray) -> bytes:
    """The mail in what DATA brought, which is wrapped in CRLF and END: the opposite of
    ``handover.on_the_wire``."""
    del text[-len(LONE_DOT) :]
    return bytes(text.replace(b"\r\n.", b"\r\n").replace(b"\r\n", b"\n")[1:])


async def serve(desk: Desk, sockets: Iterable[socket.socket], stop: asyncio.Event) -> None:
    """Listen until told to stop; then finish what is under way."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(desk.door, sock=each, backlog=256) for each in sockets]
    worker = asyncio.create_task(desk.work())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((worker, stopping), return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.close()
    await desk.drain()
    stopping.cancel()
    if worker.done():
        worker.result()
    worker.cancel()
    await desk.close()
