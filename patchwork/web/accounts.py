# SPDX-License-Identifier: GPL-2.0-or-later
"""Logging in, and the page of one's own account with one's bundles and the tokens of one's
programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from patchwork.bundles.queries import bundles_of
from patchwork.people import throttling, tokens
from patchwork.people.changes import edit_account
from patchwork.people.models import ApiToken, Scope
from patchwork.people.queries import MOST_ITEMS_PER_PAGE, addresses_of, maintained_by, profile_of
from patchwork.projects.models import Project
from patchwork.tracking import queries

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "for ever"))


_logged_in = login_required(login_url="login")


class LogIn(LoginView):
    """The form; who was wrong too often is refused before anything is looked at."""

    template_name = "patchwork/login.html"
    next_page = "projects"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = request.POST.get("username", "")
        attempt = throttling.Attempt(throttling.address_of(request.META), name)
        try:
            attempt.require()
        except throttling.Throttled as error:
            return self.refuse(error, name)
        form = self.get_form()
        if form.is_valid():
            attempt.succeeded()
            return self.form_valid(form)
        if name and request.POST.get("password"):
            attempt.failed()
        return self.form_invalid(form)

    def refuse(self, error: throttling.Throttled, name: str) -> HttpResponse:
        form = self.get_form_class()(initial={"username": name})
        context = self.get_context_data(form=form, refusal=str(error))
        return _too_many(self.render_to_response(context, status=429), error)


class TokenForm(forms.Form):
    """What a new token is to be good for."""

    name = forms.CharField(max_length=100)
    scope = forms.ChoiceField(choices=Scope.choices)
    project = forms.ModelChoiceField(Project.objects.none(), required=False)
    lifetime = forms.ChoiceField(choices=LIFETIMES, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = queries.list_projects()  # type: ignore[attr-defined]

    def issue(self, user: AbstractBaseUser) -> tuple[ApiToken, str]:
        given = self.cleaned_data
        days = given["lifetime"]
        return tokens.issue(
            user,
            given["name"],
            scope=Scope(given["scope"]),
            project=given["project"],
            expires=timezone.now() + timedelta(days=int(days)) if days else None,
        )


@never_cache
@_logged_in
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Who one is here, what one keeps, and which programs may act for one."""
    return _page(request, TokenForm(initial={"scope": Scope.CHECKS, "lifetime": "90"}))


@never_cache
@_logged_in
@require_POST
def make_token(request: HttpRequest) -> HttpResponse:
    """The answer, and nothing else ever, shows the secret: so there is no redirect."""
    user = _user(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        throttling.count_token(user)
    except throttling.Throttled as error:
        form.add_error(None, str(error))
        return _too_many(_page(request, form, status=429), error)
    token, secret = form.issue(user)
    fresh = TokenForm(initial={"scope": Scope.CHECKS, "lifetime": "90"})
    return _page(request, fresh, made=token, secret=secret)


@_logged_in
@require_POST
def set_wishes(request: HttpRequest) -> HttpResponse:
    """How one wants to see lists. A number that is none wishes for nothing in particular."""
    written = request.POST.get("items_per_page", "")
    wanted = int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
    edit_account(_user(request).pk, {"items_per_page": min(wanted, MOST_ITEMS_PER_PAGE)})
    return redirect("account")


@_logged_in
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """From now on it is good for nothing."""
    token = tokens.live_of(_user(request)).filter(pk=token_id).first()
    if token is None:
        raise Http404("You have no such token.")
    tokens.revoke(token)
    return redirect("account")


def _page(request: HttpRequest, form: TokenForm, status: int = 200, **more: object) -> HttpResponse:
    user = _user(request)
    context = {
        "here": "account",
        "form": form,
        "bundles": bundles_of(user),
        "has_rest": settings.ENABLE_REST_API,
        "tokens": tokens.live_of(user).select_related("project"),
        "now": timezone.now(),
        "addresses": addresses_of(user),
        "maintained": maintained_by(user),
        "wanted_items": profile_of(user).items_per_page,
        "most_items": MOST_ITEMS_PER_PAGE,
        "usual_items": settings.DEFAULT_ITEMS_PER_PAGE,
        **more,
    }
    return render(request, "patchwork/account.html", context, status=status)


def _too_many(response: HttpResponse, error: throttling.Throttled) -> HttpResponse:
    response["Retry-After"] = str(error.seconds)
    return response


def _user(request: HttpRequest) -> AbstractBaseUser:
    assert isinstance(request.user, AbstractBaseUser)
    return request.user
