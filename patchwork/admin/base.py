# SPDX-License-Identifier: GPL-2.0-or-later
"""What the admin's pages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property

from patchwork.tracking.queries import count_up_to_limit

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    ModelAdmin = admin.ModelAdmin
    AnyPaginator = Paginator


class CappedPaginator(AnyPaginator):
    """Counting all rows of a large table takes longer than showing a page of it."""

    @cached_property
    def count(self) -> int:
        return count_up_to_limit(self.object_list)  # type: ignore[arg-type]


class TableAdmin(ModelAdmin):
    """A table that may be large."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    empty_value_display = "-"


class ReadOnlyAdmin(TableAdmin):
    """To be looked at: rows that mail or other people's acts have made."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def actor(request: HttpRequest) -> AbstractBaseUser:
    """Who is doing it; the admin lets nobody in who is not logged in."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


def number(text: str | None) -> int | None:
    """An id out of a form, however it was tampered with."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else None
