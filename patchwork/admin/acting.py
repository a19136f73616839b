# SPDX-License-Identifier: GPL-2.0-or-later
"""Acts: what an operator may do with a row, by a button on its page or with several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse

from patchwork.admin.base import ModelAdmin
from patchwork.databases import until_it_passes

MOST_REFUSALS = 10
"""So many are told one by one."""


@dataclass(frozen=True, slots=True)
class Act:
    name: str
    label: str
    """On the button."""
    consequences: str
    """Told beside the button, and in the list of actions."""
    done: str
    """As in "3 to be run again."."""
    do: Callable[[Any], object]
    """Called with the row; raises what the admin has as ``refusal``."""
    is_possible: Callable[[Any], bool]


class ActingAdmin(ModelAdmin):
    """Rows that are changed by acts; it takes the permission to change them."""

    acts: Sequence[Act] = ()
    refusal: type[Exception]
    change_form_template = "admin/acting.html"

    class Media:
        css = {"all": ["patchwork/admin.css"]}

    def has_act_permission(self, request: HttpRequest) -> bool:
        name = self.opts.model_name
        return request.user.has_perm(f"{self.opts.app_label}.change_{name}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_act_permission(request):
            for act in self.acts:
                described = f"{act.label}: {act.consequences}"
                actions[act.name] = (partial(_act_on_several, act=act), act.name, described)
        return actions

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        view = self.admin_site.admin_view(self.act_on_one)
        return [path("<path:object_id>/do/<slug:act_name>/", view, name=name), *super().get_urls()]

    def act_on_one(self, request: HttpRequest, object_id: str, act_name: str) -> HttpResponse:
        """What a button leads to."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_act_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        act = next((act for act in self.acts if act.name == act_name), None)
        if row is None or act is None:
            raise Http404("There is no such row, or nothing like that can be done with it.")
        self.act(request, act, [row])
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(address, args=[quote(row.pk)]))

    def act(self, request: HttpRequest, act: Act, rows: Iterable[Model]) -> None:
        """Do it with one row after the other, and tell how that went."""
        done, refused = 0, 0
        for row in rows:
            try:
                until_it_passes(partial(act.do, row))
            except self.refusal as error:
                refused += 1
                if refused <= MOST_REFUSALS:
                    messages.error(request, str(error))
            else:
                done += 1
                self.log_change(request, row, act.label)
        if refused > MOST_REFUSALS:
            messages.error(request, f"{refused - MOST_REFUSALS:,} more could not be done.")
        if done:
            messages.success(request, f"{done:,} {act.done}.")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None and self.has_act_permission(request):
            context["acts"] = [act for act in self.acts if act.is_possible(row)]
        return super().render_change_form(request, context, *args, **kwargs)


def _act_on_several(
    admin: ActingAdmin, request: HttpRequest, rows: QuerySet[Model], *, act: Act
) -> None:
    admin.act(request, act, list(rows.order_by("pk")))
