# SPDX-License-Identifier: GPL-2.0-or-later
"""Senders and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from patchwork.admin.base import ModelAdmin, ReadOnlyAdmin, TableAdmin, actor
from patchwork.people import tokens
from patchwork.people.models import ApiToken, EmailConfirmation, EmailOptout, Person, UserProfile

if TYPE_CHECKING:
    ProfileStacked = admin.StackedInline[UserProfile, User]
else:
    ProfileStacked = admin.StackedInline


@admin.register(Person)
class PersonAdmin(TableAdmin):
    """Who sends is told by mails; which account is theirs can be said here."""

    list_display = ["email", "name", "user"]
    list_select_related = ["user"]
    list_filter = [("user", admin.EmptyFieldListFilter)]
    search_fields = ["email_key__startswith", "name__icontains"]
    autocomplete_fields = ["user"]
    fields = ["email", "name", "user"]
    readonly_fields = ["email"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ProfileInline(ProfileStacked):
    model = UserProfile
    can_delete = False
    filter_horizontal = ["maintainer_projects"]


admin.site.unregister(User)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Accounts, with the projects that they maintain."""

    inlines = [ProfileInline]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens of all accounts. What they are used by nobody can be shown: it is not stored."""

    list_display = [
        "name",
        "user",
        "scope",
        "project",
        "created",
        "expires",
        "last_used",
        "revoked",
    ]
    list_select_related = ["user", "project"]
    list_filter = ["scope", ("revoked", admin.EmptyFieldListFilter)]
    search_fields = ["user__username__startswith", "name__icontains"]
    fields = ("name", "user", "scope", "project", "created", "expires", "last_used", "revoked")
    actions = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return actor(request).has_perm("patchwork.change_apitoken")  # type: ignore[attr-defined, no-any-return]

    @admin.action(description="Revoke the tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        for token in chosen:
            tokens.revoke(token)
        self.message_user(request, f"{len(chosen):,} revoked.")


@admin.register(EmailConfirmation)
class EmailConfirmationAdmin(ReadOnlyAdmin):
    """Keys that were sent out. A key is as good as a password: it is not shown."""

    list_display = ["kind", "email", "user", "created", "active"]
    list_select_related = ["user"]
    list_filter = ["kind", "active"]
    search_fields = ["email__istartswith"]
    fields = ["kind", "email", "user", "created", "active"]
    ordering = ["-created"]


@admin.register(EmailOptout)
class EmailOptoutAdmin(ModelAdmin):
    list_display = ["email_key"]
    search_fields = ["email_key__startswith"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
