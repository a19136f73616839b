# SPDX-License-Identifier: GPL-2.0-or-later
"""Projects, their states, tags and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from patchwork.admin.base import ModelAdmin
from patchwork.people.changes import set_maintainers
from patchwork.projects.models import DelegationRule, Project, State, Tag
from patchwork.tracking import changes
from patchwork.tracking.models import Mail

if TYPE_CHECKING:
    ProjectModelForm = forms.ModelForm[Project]
    RulesInline = admin.TabularInline[DelegationRule, Project]
else:
    ProjectModelForm = forms.ModelForm
    RulesInline = admin.TabularInline

RESORT = (
    "Mails that are here already stay where they are until you run: manage.py retriage --dry-run, "
    "and then without --dry-run."
)
SORTING = {"linkname", "listid", "listemail", "subject_match"}
"""What decides where mails belong, and how subjects are read."""


class ProjectForm(ProjectModelForm):
    maintainers = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True).order_by("username"),
        required=False,
        widget=FilteredSelectMultiple("maintainers", is_stacked=False),
        help_text="Accounts that may change every patch and series of the project.",
    )

    class Meta:
        model = Project
        exclude: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            users = get_user_model().objects.filter(profile__maintainer_projects=self.instance)
            self.fields["maintainers"].initial = users


class DelegationRuleInline(RulesInline):
    model = DelegationRule
    extra = 0
    autocomplete_fields = ["user"]
    verbose_name_plural = "delegation rules: the highest priority that matches a file wins"


@admin.register(Project)
class ProjectAdmin(ModelAdmin):
    form = ProjectForm
    inlines = [DelegationRuleInline]
    list_display = ["name", "linkname", "listid", "listemail", "subject_match"]
    search_fields = ["name", "linkname", "listid"]
    filter_horizontal = ["states"]
    fieldsets = [
        (None, {"fields": ["name", "linkname", "maintainers"]}),
        (
            "Which mails are its own",
            {
                "fields": ["listid", "listemail", "subject_match"],
                "description": (
                    "A mail belongs to the project whose List-Id it carries; without any list "
                    f"header, to those whose address it is sent to. {RESORT}"
                ),
            },
        ),
        (
            "Elsewhere",
            {
                "fields": [
                    "web_url",
                    "scm_url",
                    "webscm_url",
                    "list_archive_url",
                    "list_archive_url_format",
                    "commit_url_format",
                ]
            },
        ),
        ("States", {"fields": ["states", "initial_state", "superseded_state"]}),
        (
            "Habits",
            {
                "fields": [
                    "supersede_older",
                    "use_tags",
                    "show_dependencies",
                    "send_notifications",
                    "trust_unauthenticated",
                ]
            },
        ),
    ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "maintainers" in form.changed_data:
            set_maintainers(form.instance, form.cleaned_data["maintainers"])
        if change and "initial_state" in form.changed_data:
            changes.restate(form.instance)
        if change and SORTING & set(form.changed_data):
            messages.info(request, RESORT)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A project with mail would take years of it along: nobody means that by a click."""
        if obj is not None and Mail.objects.filter(project_id=obj.pk).exists():
            return False
        return super().has_delete_permission(request, obj)


@admin.register(State)
class StateAdmin(ModelAdmin):
    list_display = ["name", "slug", "ordering", "action_required"]
    prepopulated_fields = {"slug": ["name"]}

    def save_model(self, request: HttpRequest, obj: State, form: Any, change: bool) -> None:
        """The states of series follow from those of their patches, and from which one is first."""
        super().save_model(request, obj, form, change)
        if {"action_required", "ordering"} & set(form.changed_data):
            for project in Project.objects.all():
                changes.restate(project)


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    list_display = ["name", "abbrev", "pattern", "show_column"]

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "pattern" in form.changed_data:
            messages.info(request, "To count it in mails that are here already: manage.py retag.")
