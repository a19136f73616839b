# SPDX-License-Identifier: GPL-2.0-or-later
"""Look after tokens: what programs act for accounts by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from patchwork.management.commands.quarantine import printable
from patchwork.management.showing import WithExamples, at, reader_may_leave, table
from patchwork.people import tokens
from patchwork.people.models import ApiToken, Scope
from patchwork.tracking.queries import find_project

EXAMPLES = """Examples:
  token create ci-bot "nightly tests" --scope checks --project lanternd --days 90
  token list
  token list ci-bot
  token revoke 17 18"""


MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Make, list and revoke the tokens by which programs act for accounts. Exit codes: 0 done; "
        "1 there is no such account, project or token."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog, parser.formatter_class = EXAMPLES, WithExamples
        todo = parser.add_subparsers(dest="todo", required=True, metavar="what")
        create = todo.add_parser(
            "create", help="make a token, and write it to standard output: it cannot be told again"
        )
        create.add_argument("user", metavar="USER")
        create.add_argument("name", metavar="NAME", help="what it is for")
        create.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.CHECKS.value,
            help="what it is good for; each includes those before it (default: %(default)s)",
        )
        create.add_argument(
            "--project", default="", metavar="LINKNAME", help="good for this project only"
        )
        create.add_argument(
            "--days", type=int, metavar="N", help="expires after so many days (default: never)"
        )
        listing = todo.add_parser("list", help="show tokens that were not revoked")
        listing.add_argument("user", nargs="?", default="", metavar="USER")
        revoke = todo.add_parser("revoke", help="make tokens good for nothing from now on")
        revoke.add_argument("ids", nargs="+", type=int, metavar="ID")

    def handle(self, *, todo: str, **options: Any) -> None:
        {"create": self.create, "list": self.show_list, "revoke": self.revoke}[todo](options)

    def create(self, options: dict[str, Any]) -> None:
        project, days = None, options["days"]
        if options["project"]:
            project = find_project(options["project"])
            if project is None:
                raise CommandError(f"There is no project {options['project']}.")
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days takes a number from 1 to {MOST_DAYS}.")
        if not 0 < len(options["name"]) <= 100:
            raise CommandError("A name has one to 100 characters.")
        _, secret = tokens.issue(
            account(options["user"]),
            options["name"],
            scope=Scope(options["scope"]),
            project=project,
            expires=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(secret)

    @reader_may_leave()
    def show_list(self, options: dict[str, Any]) -> None:
        rows = ApiToken.objects.filter(revoked=None).select_related("user", "project")
        if options["user"]:
            rows = rows.filter(user_id=account(options["user"]).pk)
        lines = table(
            ("id", "account", "name", "scope", "project", "created", "expires", "last used"),
            [
                (
                    *(str(row.pk), row.user.get_username(), row.name, row.scope),
                    row.project.linkname if row.project else "-",
                    *map(at, (row.created, row.expires, row.last_used)),
                )
                for row in rows.order_by("pk")
            ],
        )
        for line in lines:
            self.stdout.write(printable(line))

    def revoke(self, options: dict[str, Any]) -> None:
        found = ApiToken.objects.in_bulk(options["ids"])
        missing = [str(pk) for pk in options["ids"] if pk not in found]
        if missing:
            raise CommandError(f"There is no token {', '.join(missing)}: see token list.")
        earlier = [str(pk) for pk, token in found.items() if token.revoked is not None]
        for token in found.values():
            tokens.revoke(token)
        if earlier:
            self.stdout.write(f"revoked already: {', '.join(earlier)}")
        self.stdout.write(f"{len(found) - len(earlier):,} revoked")


def account(name: str) -> AbstractBaseUser:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no account {name}.")
    return found
