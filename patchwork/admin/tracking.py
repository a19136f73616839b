# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails, series, revisions, patches, cover letters and comments.

The rows are made by mail. What people may decide goes through ``tracking.changes``; whether they
may is asked of ``tracking.permissions``, besides Django's own permissions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from patchwork.admin.base import ReadOnlyAdmin, TableAdmin, actor, number
from patchwork.people.permissions import is_maintainer
from patchwork.projects.models import State
from patchwork.tracking import changes, permissions
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailKind,
    Patch,
    Pin,
    Revision,
    RevisionPatch,
    Series,
    SeriesMetadata,
)

if TYPE_CHECKING:
    PatchModelForm = forms.ModelForm[Patch]
    SlotsInline = admin.TabularInline[RevisionPatch, Revision]
    RevisionsInline = admin.TabularInline[Revision, Series]
    MetadataInline = admin.TabularInline[SeriesMetadata, Series]
else:
    PatchModelForm = forms.ModelForm
    SlotsInline = RevisionsInline = MetadataInline = admin.TabularInline

Row = TypeVar("Row", bound=Model)

CONSEQUENCES = (
    "Deleting leaves a tombstone that keeps the mail from coming in again; its bytes stay. "
    "Comments on it go to what it answered."
)


class MailMadeAdmin(TableAdmin):
    """Rows that are a mail. Deleting one is deleting its mail, through the writer."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or is_maintainer(request.user, obj.project_id)

    def mails_of(self, rows: Iterable[Any]) -> list[Mail]:
        """The mails that these rows are."""
        ids = [row.mail_id for row in rows]
        return list(Mail.objects.filter(pk__in=ids).only("project", "msgid"))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        changes.remove_mails(self.mails_of([obj]), actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        changes.remove_mails(self.mails_of(queryset), actor(request))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Named by what they are: all that hangs on them would be too much to list."""
        rows = list(objs)
        forbidden = [row for row in rows if not self.has_delete_permission(request, row)]
        name = str(self.opts.verbose_name)
        return (
            [*(str(row) for row in rows), CONSEQUENCES],
            {str(self.opts.verbose_name_plural): len(rows)},
            {name} if forbidden else set(),
            [],
        )

    @admin.display(description="mail")
    def mail_link(self, row: Any) -> str:
        return link_to_mail(row.mail_id, row.mail.msgid)


class PatchForm(PatchModelForm):
    """What people decide about a patch."""

    class Meta:
        model = Patch
        fields = ["state", "delegate", "archived", "commit_ref"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "delegate" in self.fields:
            allowed = Q(pk=self.instance.delegate_id) | may_be_asked(self.instance.project_id)
            users = User.objects.filter(allowed).distinct().order_by("username")
            self.fields["delegate"].queryset = users  # type: ignore[attr-defined]


class PatchActionForm(ActionForm):
    """What the actions on several patches need to know."""

    state = forms.ModelChoiceField(State.objects.all(), required=False, label="State:")
    delegate = forms.ModelChoiceField(
        User.objects.filter(is_active=True, profile__maintainer_projects__isnull=False)
        .distinct()
        .order_by("username"),
        required=False,
        label="Delegate:",
    )


@admin.register(Patch)
class PatchAdmin(MailMadeAdmin):
    form = PatchForm
    action_form = PatchActionForm
    actions = ["set_state", "set_delegate", "archive", "unarchive"]
    list_display = ["id", "name", "project", "submitter", "date", "state", "delegate", "archived"]
    list_display_links = ["id", "name"]
    list_select_related = ["project", "submitter", "state", "delegate"]
    list_filter = ["project", "state", "archived"]
    search_fields = ["name__icontains", "mail__msgid__exact", "hash__exact"]
    search_help_text = "Part of a name, a Message-ID, or a hash."
    ordering = ["-pk"]
    readonly_fields = [
        "name",
        "project",
        "submitter",
        "date",
        "mail_link",
        "hash",
        "pull_url",
        "state_set_by_human",
        "last_updated",
        "content",
        "diff",
    ]
    fieldsets = [
        (None, {"fields": ["name", "project", "submitter", "date", "mail_link"]}),
        ("Decisions", {"fields": ["state", "delegate", "archived", "commit_ref"]}),
        ("What follows", {"fields": ["state_set_by_human", "last_updated", "hash", "pull_url"]}),
        ("What it says", {"fields": ["content", "diff"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Patch]:
        return super().get_queryset(request).defer("content", "diff")

    def has_change_permission(self, request: HttpRequest, obj: Patch | None = None) -> bool:
        if not TableAdmin.has_change_permission(self, request, obj):
            return False
        return obj is None or permissions.may_edit_patch(request.user, obj)

    def save_model(self, request: HttpRequest, obj: Patch, form: Any, change: bool) -> None:
        """Each decision by its writer; what was not touched here is as others have left it."""
        said, who = form.cleaned_data, actor(request)
        stored = [Patch.objects.get(pk=obj.pk)]
        if "state" in form.changed_data:
            changes.set_state(stored, said["state"], who)
        if "delegate" in form.changed_data:
            changes.set_delegate(stored, said["delegate"], who)
        if "archived" in form.changed_data:
            changes.set_archived(stored, said["archived"], who)
        if "commit_ref" in form.changed_data:
            changes.set_commit(stored[0], said["commit_ref"], who)

    @admin.action(description="Set the state chosen here", permissions=["change"])
    def set_state(self, request: HttpRequest, patches: QuerySet[Patch]) -> None:
        state = picked(State, request.POST.get("state"))
        if state is None:
            messages.warning(request, "Choose the state next to the action.")
            return
        count = changes.set_state(self.editable(request, patches), state, actor(request))
        messages.success(request, f"{count} patches are {state} now.")

    @admin.action(description="Give to the delegate chosen here", permissions=["change"])
    def set_delegate(self, request: HttpRequest, patches: QuerySet[Patch]) -> None:
        """To nobody when none is chosen; only to a maintainer of each patch's project."""
        user = picked(User, request.POST.get("delegate"))
        chosen = self.editable(request, patches)
        if user is not None:
            here = set(chosen)
            chosen = [patch for patch in chosen if is_maintainer(user, patch.project_id)]
            if left := len(here) - len(chosen):
                messages.warning(request, f"{left} left out: {user} does not maintain the project.")
        count = changes.set_delegate(chosen, user, actor(request))
        messages.success(request, f"{count} patches are with {user or 'nobody'} now.")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, patches: QuerySet[Patch]) -> None:
        count = changes.set_archived(self.editable(request, patches), True, actor(request))
        messages.success(request, f"{count} patches are archived now.")

    @admin.action(description="Take out of the archive", permissions=["change"])
    def unarchive(self, request: HttpRequest, patches: QuerySet[Patch]) -> None:
        count = changes.set_archived(self.editable(request, patches), False, actor(request))
        messages.success(request, f"{count} patches are out of the archive now.")

    def editable(self, request: HttpRequest, patches: QuerySet[Patch]) -> list[Patch]:
        """Those of them that the one who asks may change."""
        found = list(patches)
        mine = [patch for patch in found if permissions.may_edit_patch(request.user, patch)]
        if left := len(found) - len(mine):
            messages.warning(request, f"{left} left out: you may not change them.")
        return mine


@admin.register(Cover)
class CoverAdmin(MailMadeAdmin):
    list_display = ["id", "name", "project", "submitter", "date"]
    list_display_links = ["id", "name"]
    list_select_related = ["project", "submitter"]
    list_filter = ["project"]
    search_fields = ["name__icontains", "mail__msgid__exact"]
    fields = ["name", "project", "submitter", "date", "mail_link", "content"]
    readonly_fields = ["mail_link"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cover]:
        return super().get_queryset(request).defer("content")


@admin.register(Comment)
class CommentAdmin(MailMadeAdmin):
    list_display = ["id", "project", "submitter", "date", "about", "addressed"]
    list_select_related = ["project", "submitter"]
    list_filter = ["project", "addressed"]
    search_fields = ["mail__msgid__exact", "submitter__email_key__startswith"]
    fields = ["project", "submitter", "date", "about", "addressed", "mail_link", "content"]
    readonly_fields = ["about", "mail_link"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comment]:
        return super().get_queryset(request).defer("content")

    @admin.display(description="about")
    def about(self, comment: Comment) -> str:
        kind, pk = ("patch", comment.patch_id) if comment.patch_id else ("cover", comment.cover_id)
        address = reverse(f"admin:patchwork_{kind}_change", args=[pk])
        return format_html('<a href="{}">{} {}</a>', address, kind, pk)


@admin.register(Mail)
class MailAdmin(MailMadeAdmin):
    list_display = ["msgid", "subject", "project", "kind", "submitter", "date"]
    list_select_related = ["project", "submitter"]
    list_filter = ["kind", "project"]
    search_fields = ["msgid__exact", "thread_root__exact", "subject__icontains"]
    search_help_text = "A Message-ID (of the mail, or of its thread's root), or part of a subject."
    ordering = ["-pk"]
    fields = [
        "msgid",
        "subject",
        "project",
        "kind",
        "went_to",
        "submitter",
        "date",
        "received",
        "download",
        "in_reply_to",
        "thread_root",
        "answers",
        "posting_id",
        "name",
        "key",
        "number",
        "total",
        "version",
    ]
    readonly_fields = ["download", "posting_id"]

    def mails_of(self, rows: Iterable[Mail]) -> list[Mail]:
        return list(rows)

    def has_delete_permission(self, request: HttpRequest, obj: Mail | None = None) -> bool:
        if obj is not None and obj.kind == MailKind.GONE:
            return False
        return super().has_delete_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        raw = path(
            "<int:mail_id>/raw/", self.admin_site.admin_view(self.raw), name="patchwork_mail_raw"
        )
        return [raw, *super().get_urls()]

    def raw(self, request: HttpRequest, mail_id: int) -> HttpResponse:
        """The mail as it came, to be saved: a browser must not take it for a page."""
        mail = get_object_or_404(Mail.objects.select_related("raw"), pk=mail_id)
        if not self.has_view_permission(request, mail):
            raise PermissionDenied
        return HttpResponse(
            mail.raw.raw,
            content_type="message/rfc822",
            headers={
                "Content-Disposition": f'attachment; filename="mail-{mail.pk}.eml"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    @admin.display(description="as it came")
    def download(self, mail: Mail) -> str:
        address = reverse("admin:patchwork_mail_raw", args=[mail.pk])
        return format_html('<a href="{}">download</a>', address)


class SlotInline(SlotsInline):
    model = RevisionPatch
    extra = 0
    can_delete = False
    fields = readonly_fields = ("number", "patch", "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RevisionPatch]:
        slots = super().get_queryset(request).select_related("patch__state")
        return slots.defer("patch__content", "patch__diff")

    def state(self, slot: RevisionPatch) -> str:
        return str(slot.patch.state)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "project", "number", "submitter", "date", "is_complete"]
    list_display_links = ["id", "name"]
    list_select_related = ["project", "submitter"]
    list_filter = ["project", "is_complete", "is_late", "is_resend"]
    search_fields = ["=id", "name__icontains"]
    inlines = [SlotInline]
    ordering = ["-pk"]


class RevisionInline(RevisionsInline):
    model = Revision
    extra = 0
    can_delete = False
    show_change_link = True
    ordering = ["number"]
    fields = readonly_fields = (
        "number",
        "date",
        "marker",
        "total",
        "is_complete",
        "is_late",
        "is_resend",
        "announced",
        "strange",
        "test_state",
    )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SeriesMetadataInline(MetadataInline):
    model = SeriesMetadata
    extra = 0
    can_delete = False
    fields = readonly_fields = ("name", "value")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Series)
class SeriesAdmin(TableAdmin):
    """Its reviewer is decided here; all else follows from its mails."""

    list_display = [
        "id",
        "name",
        "project",
        "submitter",
        "state",
        "version",
        "n_patches",
        "reviewer",
        "last_updated",
    ]
    list_display_links = ["id", "name"]
    list_select_related = ["project", "submitter", "reviewer"]
    list_filter = ["project", "state"]
    search_fields = ["=id", "name__icontains"]
    search_help_text = "Its number, or part of its name."
    ordering = ["-last_updated"]
    autocomplete_fields = ["reviewer"]
    readonly_fields = [
        "name",
        "project",
        "submitter",
        "submitted",
        "last_updated",
        "state",
        "version",
        "n_patches",
        "test_state",
        "possibly_continues",
    ]
    fields = ["reviewer", *readonly_fields]
    inlines = [RevisionInline, SeriesMetadataInline]
    actions = ["confirm", "deny"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Series | None = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or permissions.may_edit_series(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A series goes when its mails go."""
        return False

    def save_model(self, request: HttpRequest, obj: Series, form: Any, change: bool) -> None:
        if "reviewer" in form.changed_data:
            stored = Series.objects.get(pk=obj.pk)
            changes.set_reviewer(stored, form.cleaned_data["reviewer"], actor(request))

    @admin.action(description="They do continue what they may continue", permissions=["change"])
    def confirm(self, request: HttpRequest, series: QuerySet[Series]) -> None:
        for one in self.guessed(request, series):
            changes.confirm_continuation(one, actor(request))

    @admin.action(description="They are series of their own", permissions=["change"])
    def deny(self, request: HttpRequest, series: QuerySet[Series]) -> None:
        for one in self.guessed(request, series):
            changes.deny_continuation(one, actor(request))

    def guessed(self, request: HttpRequest, series: QuerySet[Series]) -> Sequence[Series]:
        """Those of them that raise the question, and about which the one who asks may say so."""
        found = list(series.select_related("possibly_continues__submitter").order_by("pk"))
        mine = [one for one in found if permissions.may_confirm_continuation(request.user, one)]
        if left := len(found) - len(mine):
            messages.warning(request, f"{left} left out: no guess, or not yours to say.")
        messages.success(request, f"{len(mine)} series decided.")
        return mine


@admin.register(Pin)
class PinAdmin(TableAdmin):
    """What people said about postings and series; deleting a pin leaves it to the rules again."""

    list_display = ["mail", "posting_of", "stands_alone", "continues"]
    list_select_related = ["mail"]
    search_fields = ["mail__msgid__exact"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Pin | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or is_maintainer(request.user, obj.mail.project_id)

    def delete_model(self, request: HttpRequest, obj: Pin) -> None:
        changes.unpin(obj.mail, actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pin]) -> None:
        for pin in queryset.select_related("mail"):
            changes.unpin(pin.mail, actor(request))


def picked(model: type[Row], text: str | None) -> Row | None:
    """The row that was chosen next to an action."""
    pk = number(text)
    return None if pk is None else model._default_manager.filter(pk=pk).first()


def may_be_asked(project_id: int) -> Q:
    """Accounts that a patch of the project can be given to."""
    maintains = Q(profile__maintainer_projects=project_id)
    return Q(is_active=True) & (maintains | Q(is_superuser=True))


def link_to_mail(mail_id: int, msgid: str) -> str:
    address = reverse("admin:patchwork_mail_change", args=[mail_id])
    return format_html('<a href="{}">{}</a>', address, msgid)
