# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that go through states: finding those that need looking after, and showing where each is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet, TextChoices
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from patchwork.admin.base import ModelAdmin

OPEN = "open"
ALL = "all"


class StateFilter(admin.SimpleListFilter):
    """Open ones, unless another state is chosen; who searches means all."""

    title = "state"
    parameter_name = "state"
    vocabulary: type[TextChoices]
    open: Collection[TextChoices]

    def counts(self, request: HttpRequest) -> Mapping[str, int]:
        """How many there are in each state that is open."""
        raise NotImplementedError

    @classmethod
    def chosen(cls, request: HttpRequest) -> str:
        return request.GET.get("state") or (ALL if request.GET.get("q") else OPEN)

    @classmethod
    def states(cls, request: HttpRequest) -> Collection[TextChoices]:
        choice = cls.chosen(request)
        if choice == OPEN:
            return cls.open
        return [state for state in cls.vocabulary if choice in (ALL, state)]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.choice = self.chosen(request)
        counts = self.counts(request)
        return [
            (OPEN, "Open"),
            *(
                (state.value, f"{state.label} ({count:,})" if count else str(state.label))
                for state in self.vocabulary
                for count in [counts.get(state.value, 0)]
            ),
            (ALL, "All"),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            yield {
                "selected": self.choice == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        states = self.states(request)
        if len(states) == len(self.vocabulary):
            return queryset
        return queryset.filter(state__in=states)


class HoldingUpList(ChangeList):
    """The page's rows with the number of those that they hold up."""

    model_admin: HoldingUpAdmin

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        held_up = self.model_admin.held_up(self.result_list)
        for row in self.result_list:
            row.holds_up = held_up.get(row.pk, 0)


class HoldingUpAdmin(ModelAdmin):
    """Rows of which one may hold up others."""

    def held_up(self, rows: Iterable[Any]) -> Mapping[int, int]:
        """How many each of these holds up, if it does."""
        raise NotImplementedError

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return HoldingUpList


def badge(words: str, look: str = "") -> str:
    return format_html('<span class="standing {}">{}</span>', look, words)


def told(text: str) -> str | None:
    """A text as it stands, whatever it holds."""
    return format_html('<pre class="told">{}</pre>', text) if text else None


def link(address: str, words: str) -> str:
    return format_html('<a href="{}">{}</a>', address, words)


def as_list(rows: Iterable[str]) -> str:
    lines = format_html_join("", "<li>{}</li>", ((row,) for row in rows))
    return format_html('<ul class="told">{}</ul>', lines)
