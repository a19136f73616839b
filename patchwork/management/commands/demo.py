# SPDX-License-Identifier: GPL-2.0-or-later
"""``manage.py demo``: something to look at for whoever has just installed Patchwork."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from patchwork.management.demo.performance import ADMIN, ADMIN_PASSWORD, PLAYS, perform
from patchwork.projects.models import Project, State


class Command(BaseCommand):
    help = (
        "Make two invented projects with some twenty series, reviews and test results of the last "
        f'weeks, and the account "{ADMIN}" with the password "{ADMIN_PASSWORD}". A second run '
        "changes nothing. Never run it where others can reach the pages."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="Also where there are other projects already."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not State.objects.exists():
            raise CommandError(
                "There are no states yet. Load them first: "
                "manage.py loaddata default_tags default_states"
            )
        others = Project.objects.exclude(linkname__in=[play.linkname for play in PLAYS])
        if others.exists() and not options["force"]:
            names = ", ".join(others.order_by("linkname").values_list("linkname", flat=True)[:5])
            raise CommandError(
                f"This installation has projects of its own ({names}), and the demo makes an "
                "account whose password everybody knows. Use --force if you mean it."
            )
        done = perform(timezone.now())
        if done.mails or done.decisions:
            self.stdout.write(
                f"The demo has sent {done.mails} mails and made {done.decisions} decisions about "
                f'them. Log in as "{ADMIN}" with the password "{ADMIN_PASSWORD}".'
            )
        else:
            self.stdout.write("The demo is here already; nothing was changed.")
