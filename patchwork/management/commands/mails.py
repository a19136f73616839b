# SPDX-License-Identifier: GPL-2.0-or-later
"""Look after mails that go out: what waits, what was refused, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser

from patchwork.databases import until_it_passes
from patchwork.management.acting import ALL, OPEN, ActingCommand
from patchwork.management.showing import WithExamples, at, reader_may_leave, spelled, table
from patchwork.management.trouble import database_trouble_told
from patchwork.outbox import changes, queries
from patchwork.outbox.models import Kind, MailState, OutgoingMail

SHOWN_LIMIT = 20_000
NOT_SHOWN = "Nobody but its recipients may read it: it may hold links that open an account."

EXAMPLES = """Examples:
  mails stats
  mails list
  mails list --to bob@example.org --state all
  mails show 17
  mails show '<20260501120000.17@example.org>'
  mails retry 17 18
  mails retry --subject "[PATCH v2" --all
  mails readdress 17 old@example.org new@example.org
  mails assume-sent 17
  mails drop 17 --followers"""


class Command(ActingCommand):
    help = (
        "Look after mails that go out: see what waits and what was refused, send it again or to "
        "somebody else, or drop it. A mail is named by its number or its Message-ID. Exit codes: "
        "0 done; 1 something could not be done, or there is no such mail."
    )
    filters = ("to", "subject", "kind", "correlation")
    refusal = changes.CannotDo

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog, parser.formatter_class = EXAMPLES, WithExamples
        todo = parser.add_subparsers(dest="todo", required=True, metavar="what")
        listing = todo.add_parser("list", help="show mails, the newest last")
        self.add_filters(listing, OPEN)
        self.add_listing(listing, "mails")
        show = todo.add_parser("show", help="show all there is to know about a mail, and its text")
        show.add_argument("id", metavar="ID")
        again = todo.add_parser("retry", help="send mails now, to those who have not got them")
        self.add_selection(again, MailState.DEAD)
        assuming = todo.add_parser(
            "assume-sent", help="say that mails were sent of which nobody knows"
        )
        self.add_selection(assuming, MailState.UNKNOWN)
        dropping = todo.add_parser(
            "drop", help="send them to nobody else; what waits for them goes out"
        )
        self.add_selection(dropping, MailState.DEAD)
        dropping.add_argument(
            "--followers", action="store_true", help="drop what waits for them as well"
        )
        moving = todo.add_parser(
            "readdress", help="send a mail to another address instead of one that has not got it"
        )
        moving.add_argument("id", metavar="ID")
        moving.add_argument("old", metavar="OLD")
        moving.add_argument("new", metavar="NEW")
        todo.add_parser("stats", help="count mails that were not sent yet, by kind and state")

    def add_filters(self, parser: Any, state: str) -> None:
        parser.add_argument(
            "--state",
            choices=[OPEN, *MailState.values, ALL],
            default=state,
            help="only mails in this state; open are those that were neither sent nor dropped "
            "(default: %(default)s)",
        )
        parser.add_argument(
            "--to", default="", metavar="TEXT", help="only mails to addresses with this in them"
        )
        parser.add_argument(
            "--subject", default="", metavar="TEXT", help="only mails with this in their subject"
        )
        parser.add_argument(
            "--kind", choices=Kind.values, default="", help="only mails of this kind"
        )
        parser.add_argument(
            "--correlation",
            default="",
            metavar="ID",
            help="only what the mail or the webhook with this id has caused",
        )

    def add_selection(self, parser: Any, state: MailState) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID")
        self.add_filters(parser, state.value)
        self.add_all(parser)

    @database_trouble_told()
    def handle(self, *, todo: str, **options: Any) -> None:
        {
            "list": self.show_list,
            "show": self.show,
            "retry": self.retry,
            "assume-sent": self.assume_sent,
            "drop": self.drop,
            "readdress": self.readdress,
            "stats": self.show_stats,
        }[todo](options)

    @reader_may_leave()
    def show_list(self, options: dict[str, Any]) -> None:
        self.show_rows(
            options,
            queries.select_mails(selection(options)).prefetch_related("recipients"),
            facts,
            ("id", "state", "kind", "attempts", "written", "to", "subject; what was said last"),
            lambda mail: (
                str(mail.pk),
                mail.state,
                mail.kind,
                mail.attempts,
                f"{mail.created:%Y-%m-%d %H:%M}",
                to(mail),
                "; ".join(filter(None, [mail.subject or "(no subject)", mail.words])),
            ),
        )

    @reader_may_leave()
    def show(self, options: dict[str, Any]) -> None:
        mail = self.find(options["id"])
        self.tell_facts(
            {
                "id": str(mail.pk),
                "message-id": mail.msgid,
                "from": mail.author,
                "subject": mail.subject,
                "kind": mail.get_kind_display(),
                "state": mail.get_state_display(),
                "said last": mail.words or "-",
                "attempts": str(mail.attempts),
                "size": f"{mail.size:,} bytes",
                "correlation": mail.correlation or "-",
                "written": at(mail.created),
                "due": at(mail.due),
                "ended": at(mail.ended),
                "bounced": at(mail.bounced),
            }
        )
        recipients = [
            f"{each.address} ({each.get_state_display()}) {each.words}".rstrip()
            for each in mail.recipients.all()
        ]
        self.tell_text("recipients", "\n".join(recipients))
        before = [
            f"{each} ({each.get_state_display()})"
            for each in (mail.depends_on, mail.answers)
            if each and mail.state == MailState.HELD
        ]
        self.tell_text("waits for", "\n".join(before))
        self.tell_text("waits for it", "\n".join(map(str, queries.followers_of(mail))))
        bounces = [f"{at(bounce.received)} {bounce}" for bounce in mail.bounces.defer("packed")]
        self.tell_text("bounces", "\n".join(bounces))
        self.tell_text("text", text_of(mail))

    def retry(self, options: dict[str, Any]) -> None:
        self.act(self.named(options), self.doing(changes.retry), "will be sent")

    def assume_sent(self, options: dict[str, Any]) -> None:
        self.act(self.named(options), self.doing(changes.assume_sent), "taken for sent")

    def drop(self, options: dict[str, Any]) -> None:
        # The last ones first, so that none goes out because the one before it is dropped.
        ids = sorted(self.named(options), reverse=True)
        followers = options["followers"]
        do = self.doing(lambda mail: changes.drop(mail, followers=followers))
        self.act(ids, do, "dropped with what waited for it" if followers else "dropped")

    def readdress(self, options: dict[str, Any]) -> None:
        mail = self.find(options["id"])
        recipient = mail.recipients.select_related("mail").filter(address=options["old"]).first()
        if recipient is None:
            raise CommandError(f"The mail is not for {options['old']}: see mails show {mail.pk}.")
        try:
            until_it_passes(partial(changes.readdress, recipient, options["new"]))
        except changes.CannotDo as error:
            raise CommandError(str(error)) from error
        self.tell(f"{mail}: goes to {options['new']} instead of {options['old']}")

    def named(self, options: dict[str, Any]) -> list[int]:
        options["ids"] = [self.find(name).pk for name in options["ids"]]
        return self.chosen(options, queries.select_mails(selection(options)))

    def doing(self, do: Callable[[OutgoingMail], None]) -> Callable[[int], OutgoingMail]:
        def doing(mail_id: int) -> OutgoingMail:
            mail = self.find(str(mail_id))
            do(mail)
            return mail

        return doing

    @reader_may_leave()
    def show_stats(self, options: dict[str, Any]) -> None:
        self.tell(
            *table(
                ("kind", "state", "mails", "oldest"),
                [
                    (standing.kind, standing.state, standing.count, spelled(standing.oldest))
                    for standing in sorted(
                        queries.standings(), key=lambda one: (one.kind, one.state)
                    )
                ],
            )
        )

    def find(self, name: str) -> OutgoingMail:
        is_number = name.isdecimal() and len(name) < 19
        found = OutgoingMail.objects.filter(**{"pk" if is_number else "msgid": name})
        mail = found.defer("packed").first()
        if mail is None:
            raise CommandError(f"There is no mail {name}: see mails list --state all.")
        return mail


def selection(options: dict[str, Any]) -> queries.Selection:
    return queries.Selection(
        states_of(options["state"]),
        kind=options["kind"],
        recipient=options["to"],
        subject=options["subject"],
        correlation=options["correlation"],
    )


def states_of(choice: str) -> Collection[MailState]:
    if choice == OPEN:
        return queries.OPEN
    return list(MailState) if choice == ALL else [MailState(choice)]


def to(mail: OutgoingMail) -> str:
    first, *others = [each.address for each in mail.recipients.all()]
    return f"{first} +{len(others)}" if others else first


def facts(mail: OutgoingMail) -> dict[str, Any]:
    """A mail as programs read it."""
    names = (
        *("id", "msgid", "kind", "state", "author", "subject", "size", "attempts", "words"),
        *("correlation", "created", "due", "ended", "bounced", "depends_on_id"),
    )
    recipients = [
        {name: getattr(each, name) for name in ("address", "state", "words")}
        for each in mail.recipients.all()
    ]
    return {name: getattr(mail, name) for name in names} | {"recipients": recipients}


def text_of(mail: OutgoingMail) -> str:
    if mail.is_secret:
        return NOT_SHOWN
    raw = mail.read_bytes()
    left = len(raw) - SHOWN_LIMIT
    more = f"\n[{left:,} more bytes]" if left > 0 else ""
    return raw[:SHOWN_LIMIT].decode("utf-8", "replace") + more
