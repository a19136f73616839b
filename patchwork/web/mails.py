# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages for those who want no mail from here, or mail again. They need no account."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from patchwork.people import confirmations, optouts, throttling
from patchwork.people.models import EmailConfirmation


class AddressForm(forms.Form):
    email = forms.EmailField(max_length=254, error_messages={"invalid": "That is no mail address."})


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """What mail there is, and how to have none of it, or have it again."""
    return render(request, "patchwork/mail_settings.html")


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, kind: EmailConfirmation.Kind) -> HttpResponse:
    """Ask for a link that confirms. Every address is answered in the same way."""
    form = AddressForm(request.POST or None)
    context = {"form": form, "opts_out": kind == EmailConfirmation.Kind.OPT_OUT}
    if not form.is_valid():
        return render(request, "patchwork/mail_ask.html", context)
    try:
        throttling.count_link(throttling.address_of(request.META))
    except throttling.Throttled as error:
        form.add_error(None, str(error))
        return render(request, "patchwork/mail_ask.html", context, status=429)
    optouts.ask_to_confirm(kind, form.cleaned_data["email"])
    return render(request, "patchwork/mail_asked.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """What a link out of a mail leads to. Only its button does anything: programs that look
    into mails follow links as well."""
    confirmation = confirmations.find(key)
    if confirmation is None or confirmation.kind not in optouts.WISHES:
        return render(request, "patchwork/mail_expired.html", status=404)
    context = {
        "email": confirmation.email,
        "opts_out": confirmation.kind == EmailConfirmation.Kind.OPT_OUT,
    }
    if request.method != "POST":
        return render(request, "patchwork/mail_confirm.html", context)
    optouts.confirm(confirmation)
    return render(request, "patchwork/mail_confirmed.html", context)
