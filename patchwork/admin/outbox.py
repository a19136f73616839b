# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that go out, and what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from patchwork.admin.acting import Act, ActingAdmin
from patchwork.admin.base import ReadOnlyAdmin
from patchwork.admin.standing import ALL, HoldingUpAdmin, StateFilter, as_list, badge, link, told
from patchwork.databases import until_it_passes
from patchwork.outbox import changes, queries
from patchwork.outbox.models import Bounce, MailState, OutgoingMail, Recipient, RecipientState

SHOWN_LIMIT = 100_000
NOT_SHOWN = "Nobody but its recipients may read it: it may hold links that open an account."

_LOOKS = {
    MailState.HELD: "",
    MailState.QUEUED: "busy",
    MailState.LEASED: "busy",
    MailState.RETRY: "care",
    MailState.UNKNOWN: "bad",
    MailState.SENT: "good",
    MailState.DEAD: "bad",
    MailState.DROPPED: "",
}
_RECIPIENT_LOOKS = {
    RecipientState.WAITING: "busy",
    RecipientState.RETRY: "care",
    RecipientState.SENT: "good",
    RecipientState.REFUSED: "bad",
    RecipientState.BOUNCED: "bad",
    RecipientState.DROPPED: "",
}


class MailStateFilter(StateFilter):
    vocabulary = MailState
    open = queries.OPEN

    def counts(self, request: HttpRequest) -> Counter[str]:
        counts = Counter[str]()
        for standing in queries.standings():
            counts[standing.state] += standing.count
        return counts


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ActingAdmin, HoldingUpAdmin, ReadOnlyAdmin):
    """Every mail that leaves, exactly as it goes out."""

    acts = [
        Act(
            "retry",
            "Try again",
            "send it now, to those who have not got it. Of a mail of which nobody knows whether it "
            "was sent, this is the decision to send it again.",
            "will be sent as soon as a worker is free",
            changes.retry,
            lambda mail: mail.state in changes.RETRIED,
        ),
        Act(
            "assume_sent",
            "Assume sent",
            "it is in the archive. What waits for it goes out.",
            "taken for sent",
            changes.assume_sent,
            lambda mail: mail.state == MailState.UNKNOWN,
        ),
        Act(
            "drop",
            "Drop",
            "send it to nobody else. What waits for it goes out.",
            "dropped",
            changes.drop,
            lambda mail: mail.state in changes.DROPPED,
        ),
        Act(
            "drop_all",
            "Drop with followers",
            "neither send it nor what waits for it.",
            "dropped with what waited for it",
            partial(changes.drop, followers=True),
            lambda mail: mail.state in changes.DROPPED,
        ),
    ]
    refusal = changes.CannotDo
    list_display = ["id", "standing", "subject", "to", "words", "kind", "attempts", "created"]
    list_display_links = ["id", "subject"]
    list_filter = [MailStateFilter, "kind"]
    search_fields = ["msgid__exact", "correlation__exact", "subject__icontains"]
    search_help_text = (
        "A Message-ID; or the correlation of an open mail, a part of its subject or of a "
        "recipient's address. Of others, too, when their state is chosen."
    )
    show_facets = admin.ShowFacets.NEVER
    fieldsets = [
        (None, {"fields": ["standing", "words", "recipients_told", "line", "bounces_told"]}),
        ("The mail", {"fields": ["msgid", "author", "subject", "kind", "size", "text"]}),
        ("When", {"fields": ["attempts", "created", "due", "ended", "bounced"]}),
        ("More", {"fields": ["correlation_told"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        rows: QuerySet[OutgoingMail] = super().get_queryset(request)
        return rows.defer("packed").prefetch_related("recipients")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingMail], search_term: str
    ) -> tuple[QuerySet[OutgoingMail], bool]:
        if not search_term:
            return queryset, False
        if search_term.startswith("<"):
            return queryset.filter(msgid=search_term), False
        part = Q(subject__icontains=search_term) | Q(queries.is_for(search_term))
        found = queryset.filter(Q(correlation=search_term) | part)
        # To look through all that was ever sent takes seconds.
        return found if request.GET.get("state") else found.filter(state__in=queries.OPEN), False

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [queries.newest_first(MailStateFilter.states(request))]

    def held_up(self, rows: Iterable[Any]) -> Mapping[int, int]:
        return queries.held_up(rows)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.readdress)
        address = "<path:object_id>/readdress/<int:recipient_id>/"
        return [path(address, view, name="patchwork_outgoingmail_readdress"), *super().get_urls()]

    def readdress(self, request: HttpRequest, object_id: str, recipient_id: int) -> HttpResponse:
        """What the button beside a recipient leads to; the field beside it says where to."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_act_permission(request):
            raise PermissionDenied
        mail = self.get_object(request, unquote(object_id))
        recipient = mail and mail.recipients.select_related("mail").filter(pk=recipient_id).first()
        if mail is None or recipient is None:
            raise Http404("There is no such mail, or it is for nobody like that.")
        to = request.POST.get("address", "").strip()
        try:
            until_it_passes(partial(changes.readdress, recipient, to))
        except changes.CannotDo as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, mail, f"Sent to {to} instead of {recipient.address}")
            messages.success(request, f"It goes to {to} instead of {recipient.address}.")
        return HttpResponseRedirect(address_of(mail))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        mail = context.get("original")
        if mail is not None:
            mail.is_changeable = self.has_act_permission(request)
            context["asides"] = [
                {
                    "id": form,
                    "action": reverse(
                        "admin:patchwork_outgoingmail_readdress", args=[mail.pk, recipient.pk]
                    ),
                }
                for recipient in mail.recipients.all()
                if (form := form_of(mail, recipient))
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="state", ordering="state")
    def standing(self, mail: Any) -> str:
        state = MailState(mail.state)
        standing = badge(state.label, _LOOKS[state])
        held_up = 0 if state == MailState.HELD else getattr(mail, "holds_up", 0)
        return format_html("{} {}", standing, f"holds up {held_up:,}") if held_up else standing

    @admin.display(description="to")
    def to(self, mail: OutgoingMail) -> str:
        first, *others = [recipient.address for recipient in mail.recipients.all()]
        return f"{first} and {len(others):,} more" if others else first

    @admin.display(description="recipients")
    def recipients_told(self, mail: Any) -> str:
        rows = [
            {
                "recipient": recipient,
                "standing": badge(
                    RecipientState(recipient.state).label,
                    _RECIPIENT_LOOKS[RecipientState(recipient.state)],
                ),
                "form": form_of(mail, recipient),
            }
            for recipient in mail.recipients.all()
        ]
        return render_to_string("admin/recipients.html", {"rows": rows})

    @admin.display(description="the text as it goes out")
    def text(self, mail: OutgoingMail) -> str | None:
        """As text, whatever it holds, unless it is a secret."""
        if mail.is_secret:
            return NOT_SHOWN
        return told(shown(mail.read_bytes()))

    @admin.display(description="waits")
    def line(self, mail: OutgoingMail) -> str | None:
        """What it waits for, and what waits for it."""
        rows = [
            format_html("for {}", link_to(before))
            for before in (mail.depends_on, mail.answers)
            if before and mail.state == MailState.HELD
        ]
        rows += [format_html("before {}", link_to(one)) for one in queries.followers_of(mail)]
        return as_list(rows) if rows else None

    @admin.display(description="bounces")
    def bounces_told(self, mail: OutgoingMail) -> str | None:
        rows = [
            link(reverse("admin:patchwork_bounce_change", args=[bounce.pk]), str(bounce))
            for bounce in mail.bounces.defer("packed")
        ]
        return as_list(rows) if rows else None

    @admin.display(description="correlation")
    def correlation_told(self, mail: OutgoingMail) -> str | None:
        if not mail.correlation:
            return None
        query = urlencode({"correlation": mail.correlation, "state": ALL})
        return format_html(
            "{}: {}, {}",
            mail.correlation,
            link(f"{reverse('admin:patchwork_outgoingmail_changelist')}?{query}", "mails"),
            link(f"{reverse('admin:patchwork_job_changelist')}?{query}", "jobs"),
        )


@admin.register(Bounce)
class BounceAdmin(ReadOnlyAdmin):
    """Mails that came back."""

    list_display = ["received", "said", "mail"]
    list_select_related = ["mail"]
    search_fields = ["said__icontains", "mail__msgid__exact"]
    search_help_text = "A part of what it says, or the Message-ID of the mail that came back."
    fields = ["received", "said", "mail_told", "text"]
    ordering = ["-id"]

    class Media:
        css = {"all": ["patchwork/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bounce]:
        rows: QuerySet[Bounce] = super().get_queryset(request)
        return rows.defer("packed", "mail__packed")

    @admin.display(description="mail")
    def mail_told(self, bounce: Bounce) -> str | None:
        return link_to(bounce.mail) if bounce.mail else None

    @admin.display(description="the bounce as it came")
    def text(self, bounce: Bounce) -> str | None:
        return NOT_SHOWN if bounce.secret else told(shown(bounce.read_bytes()))


def shown(raw: bytes) -> str:
    text = raw[:SHOWN_LIMIT].decode("utf-8", "replace").replace("\r\n", "\n")
    left = len(raw) - SHOWN_LIMIT
    return f"{text}\n[{left:,} more bytes]" if left > 0 else text


def form_of(mail: Any, recipient: Recipient) -> str:
    """The name of the form that gives a recipient another address; empty if there is none."""
    if mail.is_changeable and changes.can_readdress(mail, recipient):
        return f"readdress-{recipient.pk}"
    return ""


def address_of(mail: OutgoingMail) -> str:
    return reverse("admin:patchwork_outgoingmail_change", args=[mail.pk])


def link_to(mail: OutgoingMail) -> str:
    label = MailState(mail.state).label
    return format_html("{} ({})", link(address_of(mail), mail.subject or mail.msgid), label)
