# SPDX-License-Identifier: GPL-2.0-or-later
"""Take in one mail: what an MTA calls for each mail of a list."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from patchwork.ingest import handover
from patchwork.ingest.receiving import TryLater, receive_many

EX_USAGE = 64
EX_NOINPUT = 66


class Command(BaseCommand):
    help = (
        "Take in one mail, from standard input or a file. Exit codes: 0 the mail is in safe "
        "hands (stored, a duplicate, asking to be ignored, of no project, or in quarantine "
        "because it could not be read); 64 the command line is wrong; 66 the file cannot be "
        "read; 75 the mail could not be stored now and is to be delivered again. While "
        "lmtpd runs, the mail is handed over to it."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # "-v" is "--verbose" here, which needs no number as Django's "-v" does.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", nargs="?", default="-", help="the mail (default: standard input)"
        )
        parser.add_argument(
            "--list-id",
            metavar="ID",
            help="take it for the project with this list id, whatever its headers say",
        )
        parser.add_argument(
            "-v", "--verbose", action="store_true", help="say in one line what became of it"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except SystemExit as leaving:
            # argparse leaves with 2, which tells an MTA nothing.
            raise SystemExit(EX_USAGE if leaving.code == 2 else leaving.code) from leaving

    def handle(self, *, file: str, list_id: str | None, verbose: bool, **options: Any) -> None:
        raw = self.read(file)
        try:
            (outcome,) = receive_many([raw], list_id=list_id)
        except TryLater as later:
            self.stderr.write(f"parsemail: try later: {later}")
            sys.exit(handover.EX_TEMPFAIL)
        handover.tell(handover.told(outcome), verbose=verbose)

    def read(self, file: str) -> bytes:
        if file == "-":
            return sys.stdin.buffer.read() if handover.taken is None else handover.taken
        try:
            return Path(file).read_bytes()
        except OSError as error:
            self.stderr.write(f"parsemail: {error}")
            sys.exit(EX_NOINPUT)
