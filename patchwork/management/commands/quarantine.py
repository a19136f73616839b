# SPDX-License-Identifier: GPL-2.0-or-later
"""Look after mails that could not be taken in."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from patchwork.ingest.handover import told
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import TryLater
from patchwork.ingest.replaying import drop, replay
from patchwork.management.showing import printable, reader_may_leave

EX_TEMPFAIL = 75
HEAD_LIMIT = 20_000
ALL = "all"


class Command(BaseCommand):
    help = (
        "Look after mails that could not be read or stored. Their bytes and the reason are kept: "
        "look at them, fix the reason, and replay them, or drop those that nobody needs. Exit "
        "codes: 0 done; 1 a mail that was replayed waits again, or there is no such mail; 75 the "
        "database did not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        todo = parser.add_subparsers(dest="todo", required=True, metavar="what")
        listing = todo.add_parser("list", help="show what is in quarantine, the newest last")
        self.add_reason(listing)
        listing.add_argument(
            "--state",
            choices=[*QuarantinedMail.State.values, ALL],
            default=QuarantinedMail.State.WAITING.value,
            help="only mails in this state (default: %(default)s)",
        )
        show = todo.add_parser("show", help="show a mail's headers, the reason and the traceback")
        show.add_argument("id", type=int, metavar="ID")
        again = todo.add_parser(
            "replay", help="take mails in like ones that just came; what fails again waits again"
        )
        self.add_selection(again)
        again.add_argument(
            "--as-new",
            action="store_true",
            help="give them Message-IDs of their own: for mails that really are others than those "
            "that came with their Message-IDs before",
        )
        dropping = todo.add_parser("drop", help="say that nobody needs them; their bytes stay")
        self.add_selection(dropping)
        export = todo.add_parser("export", help="write a mail as it came to standard output")
        export.add_argument("id", type=int, metavar="ID")

    def add_reason(self, parser: Any) -> None:
        parser.add_argument(
            "--reason", metavar="TEXT", help="only mails with this in their reason, in any case"
        )

    def add_selection(self, parser: Any) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--all", action="store_true", help="every mail that waits")
        self.add_reason(parser)

    def handle(self, *, todo: str, **options: Any) -> None:
        {
            "list": self.show_list,
            "show": self.show,
            "replay": self.replay,
            "drop": self.drop,
            "export": self.export,
        }[todo](options)

    @reader_may_leave()
    def show_list(self, options: dict[str, Any]) -> None:
        rows = self.waiting_for(options["reason"])
        if options["state"] != ALL:
            rows = rows.filter(state=options["state"])
        self.stdout.write(f"{'id':>6}  {'received':16}  {'size':>9}  {'state':8}  reason; subject")
        for row in rows.order_by("pk").defer("traceback").iterator():
            self.stdout.write(
                printable(
                    f"{row.pk:>6}  {row.received:%Y-%m-%d %H:%M}  {row.size:>9,}  {row.state:8}  "
                    f"{row.reason}; {row.subject or '(no subject)'}"
                )
            )

    @reader_may_leave()
    def show(self, options: dict[str, Any]) -> None:
        row = self.find(options["id"])
        facts = {
            "received": f"{row.received:%Y-%m-%d %H:%M:%S} UTC, {row.size:,} bytes",
            "state": row.get_state_display(),
            "for list": row.list_id or "as its headers say",
            "reason": row.reason,
        }
        for name, value in facts.items():
            self.stdout.write(printable(f"{name + ':':10}{value}"))
        self.stdout.write("")
        for line in head_of(bytes_of(row)).splitlines():
            self.stdout.write(printable(line))
        if row.traceback:
            self.stdout.write("")
            for line in row.traceback.splitlines():
                self.stdout.write(printable(line))

    def replay(self, options: dict[str, Any]) -> None:
        fates: Counter[Fate] = Counter()
        waits = 0
        for row in self.chosen(options):
            try:
                outcome = replay(row, as_new=options["as_new"])
            except TryLater as error:
                self.stderr.write(f"{row.pk}: {error}")
                sys.exit(EX_TEMPFAIL)
            except OSError as error:
                self.stderr.write(f"{row.pk}: its bytes cannot be read: {error}")
                waits += 1
                continue
            fates[outcome.fate] += 1
            waits += row.state == QuarantinedMail.State.WAITING
            self.stdout.write(f"{row.pk}: {told(outcome)}")
        for fate, count in fates.most_common():
            self.stdout.write(f"{count:>9,}  {fate.value}")
        if waits:
            raise CommandError(f"{waits:,} of them wait again: see quarantine list.")

    def drop(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{drop(self.chosen(options)):,} dropped")

    @reader_may_leave()
    def export(self, options: dict[str, Any]) -> None:
        raw = bytes_of(self.find(options["id"]))
        stream: TextIO = getattr(self.stdout, "_out", sys.stdout)
        stream.buffer.write(raw)

    def chosen(self, options: dict[str, Any]) -> Iterator[QuarantinedMail]:
        """The mails to act on, one after another; it takes saying so to get all."""
        if options["ids"]:
            rows = [self.find(pk) for pk in dict.fromkeys(options["ids"])]
            yield from rows
            return
        if not options["all"] and not options["reason"]:
            raise CommandError("Which ones? Give ids, --reason TEXT, or --all.")
        waiting = self.waiting_for(options["reason"])
        ids = waiting.filter(state=QuarantinedMail.State.WAITING).order_by("pk")
        for pk in list(ids.values_list("pk", flat=True)):
            yield self.find(pk)

    def waiting_for(self, reason: str | None) -> QuerySet[QuarantinedMail]:
        rows = QuarantinedMail.objects.all()
        return rows.filter(reason__icontains=reason) if reason else rows

    def find(self, pk: int) -> QuarantinedMail:
        try:
            return QuarantinedMail.objects.get(pk=pk)
        except QuarantinedMail.DoesNotExist:
            raise CommandError(
                f"There is no mail {pk} in quarantine: see quarantine list --state all."
            ) from None


def bytes_of(row: QuarantinedMail) -> bytes:
    try:
        return row.read_bytes()
    except OSError as error:
        raise CommandError(f"{row.pk}: its bytes cannot be read: {error}") from error


def head_of(raw: bytes) -> str:
    """The header block as it stands, or the beginning of what has none."""
    end = re.search(rb"\r?\n\r?\n", raw[:HEAD_LIMIT])
    return raw[: end.start() if end else HEAD_LIMIT].decode("utf-8", "replace")
