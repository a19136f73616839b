# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that act on rows: on those that are named, or that filters find."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from patchwork.databases import until_it_passes
from patchwork.management.showing import printable, table

OPEN = "open"
ALL = "all"
SHOWN_ROWS = 50


class ActingCommand(BaseCommand):
    filters: ClassVar[Sequence[str]]
    """The options that say which rows are meant, besides their state."""
    refusal: ClassVar[type[Exception]]

    def add_listing(self, parser: Any, rows: str) -> None:
        """How many are shown, and how."""
        parser.add_argument(
            "--limit",
            type=int,
            default=SHOWN_ROWS,
            metavar="N",
            help=f"no more than the newest N {rows} (default: %(default)s)",
        )
        parser.add_argument(
            "--format", choices=["table", "json"], default="table", help="default: %(default)s"
        )

    def show_rows(
        self,
        options: dict[str, Any],
        newest: QuerySet[Any],
        facts: Callable[[Any], dict[str, Any]],
        head: Sequence[str],
        cells: Callable[[Any], Sequence[Any]],
    ) -> None:
        """The newest last: where somebody looks first."""
        limit = options["limit"]
        if limit < 1:
            raise CommandError("--limit takes a number from 1 up.")
        found = list(newest[: limit + 1])
        shown = found[:limit][::-1]
        if options["format"] == "json":
            told = [facts(row) for row in shown]
            self.stdout.write(json.dumps(told, indent=2, cls=DjangoJSONEncoder))
            return
        self.tell(*table(head, [cells(row) for row in shown]))
        if len(found) > limit:
            self.stderr.write(f"There are more than these {limit:,}: see --limit.")

    def add_all(self, parser: Any) -> None:
        parser.add_argument(
            "--all", action="store_true", help="all that these filters find, not just a single one"
        )

    def tell(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(printable(line))

    def tell_facts(self, facts: dict[str, str]) -> None:
        width = max(map(len, facts)) + 2
        self.tell(*(f"{name + ':':{width}}{value}" for name, value in facts.items()))

    def tell_text(self, title: str, text: str) -> None:
        if text:
            self.tell("", f"{title}:", *(f"  {line}" for line in text.splitlines()))

    def chosen(self, options: dict[str, Any], rows: QuerySet[Any]) -> list[int]:
        """Those that are named, or else what the filters find: it takes saying so to get more
        than one by these."""
        by_filter = any(options[name] for name in self.filters)
        if options["ids"]:
            if by_filter or options["all"]:
                raise CommandError("Give ids, or filters, not both.")
            return list(dict.fromkeys(options["ids"]))
        if not by_filter and not options["all"]:
            raise CommandError(
                f"Which ones? Give ids, a filter such as --{self.filters[0]}, or --all."
            )
        found = rows.order_by("pk").values_list("pk", flat=True)
        ids = list(found) if options["all"] else list(found[:2])
        if len(ids) > 1 and not options["all"]:
            raise CommandError(
                "More than one is found: look at them with list and the same filters, and say "
                "--all to have them all."
            )
        return ids

    def act(self, ids: Sequence[int], do: Callable[[int], object], done: str) -> None:
        """Do it with one after the other; what is refused is told, and the rest is done."""
        refused = 0
        for row_id in ids:
            try:
                row = until_it_passes(partial(do, row_id))
            except self.refusal as error:
                self.stderr.write(printable(str(error)))
                refused += 1
            else:
                self.tell(f"{row}: {done}")
        self.tell(f"{len(ids) - refused:,} {done}")
        if refused:
            raise CommandError(f"{refused:,} could not be done.")
