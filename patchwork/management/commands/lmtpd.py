# SPDX-License-Identifier: GPL-2.0-or-later
"""Take in mail over LMTP, and from every parsemail of this machine."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from argparse import ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from patchwork.databases import without_query_log
from patchwork.ingest.lmtp import Desk, serve
from patchwork.ingest.unix_socket import CannotListen, listening


class Command(BaseCommand):
    help = (
        "Run the LMTP server. It answers a mail with 250 when the mail is stored for good, and "
        "takes the mails of many connections in one transaction. While it runs, parsemail hands "
        "its mails over to it instead of starting Django for each of them. Stop it with SIGTERM: "
        "it finishes the mails that are on their way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--socket",
            type=Path,
            default=settings.LMTP_SOCKET,
            metavar="PATH",
            help="the Unix socket to listen on (default: %(default)s)",
        )
        parser.add_argument(
            "--socket-mode",
            type=octal,
            default=0o660,
            metavar="OCTAL",
            help="who may connect to it: 660 the owner and the group (default), 666 everybody",
        )
        parser.add_argument(
            "--socket-group", metavar="GROUP", help="the group that the socket is to belong to"
        )
        parser.add_argument(
            "--listen",
            type=host_and_port,
            action="append",
            default=[],
            metavar="HOST:PORT",
            help="listen on TCP as well (LMTP has no passwords: a protected network only); "
            "may be given several times",
        )
        parser.add_argument(
            "--list-id",
            metavar="ID",
            help="take mails for the project with this list id, whatever their headers say; "
            "does not concern those that a parsemail hands over",
        )

    @without_query_log()
    def handle(self, **options: Any) -> None:
        # It would keep the text of the last 9,000 statements, with mails in each.
        settings.DEBUG = False
        show_mails(options["verbosity"])
        with ExitStack() as stack:
            sockets = [self.unix_socket(stack, options)]
            sockets += [self.tcp_socket(stack, *address) for address in options["listen"]]
            asyncio.run(self.serve(sockets, options["list_id"]))
        self.stdout.write("stopped")

    def unix_socket(self, stack: ExitStack, options: dict[str, Any]) -> socket.socket:
        path, mode = options["socket"], options["socket_mode"]
        try:
            bound = stack.enter_context(listening(path, mode, options["socket_group"]))
        except CannotListen as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"listening on {path}")
        return bound

    def tcp_socket(self, stack: ExitStack, host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            bound = stack.enter_context(socket.create_server((host, port), family=family))
        except OSError as error:
            raise CommandError(f"cannot listen on {host}, port {port}: {error}") from error
        self.stdout.write(f"listening on {host}, port {bound.getsockname()[1]}")
        return bound

    async def serve(self, sockets: list[socket.socket], list_id: str | None) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self.stdout.flush()
        await serve(Desk(list_id), sockets, stop)


def octal(text: str) -> int:
    """660 as chmod understands it."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ArgumentTypeError(f"{text!r} is not a mode such as 660")
    return mode


def host_and_port(text: str) -> tuple[str, int]:
    """127.0.0.1:2003 or [::1]:2003."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:2003")
    return host.strip("[]"), int(port)


def show_mails(verbosity: int) -> None:
    """A line for each mail on standard error, unless the settings log them elsewhere."""
    mails = logging.getLogger("patchwork.ingest")
    if verbosity > 0 and mails.getEffectiveLevel() > logging.INFO:
        mails.setLevel(logging.INFO)
    if not mails.hasHandlers():
        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    # aiosmtpd logs every command; whoever wants to see them asks for verbosity 3.
    logging.getLogger("mail.log").setLevel(logging.INFO if verbosity > 2 else logging.WARNING)
