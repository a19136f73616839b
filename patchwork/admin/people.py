# SPDX-License-Identifier: GPL-2.0-or-later
"""Senders and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from patchwork.admin.base import ModelAdmin, ReadOnlyAdmin, TableAdmin
from patchwork.people.models import EmailConfirmation, EmailOptout, Person, UserProfile

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
