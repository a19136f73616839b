# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of projects."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from patchwork.people.notices import whole_address
from patchwork.projects.models import Project
from patchwork.tracking import queries


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All projects, and how much waits in each."""
    waiting = queries.count_open_series()
    projects = [(project, waiting.get(project.pk, 0)) for project in queries.list_projects()]
    return render(request, "patchwork/projects.html", {"projects": projects})


@require_safe
def front(request: HttpRequest, linkname: str) -> HttpResponse:
    """A project's page is the list of its series."""
    return redirect("series-list", find(linkname).linkname)


@require_safe
def pwclientrc(request: HttpRequest, linkname: str) -> HttpResponse:
    """A file to begin with for pwclient, as its manual promises it."""
    if not settings.ENABLE_XMLRPC:
        raise Http404("XML-RPC is switched off here, and with it pwclient.")
    context = {"project": find(linkname), "address": whole_address(reverse("xmlrpc"))}
    content = render_to_string("patchwork/pwclientrc.txt", context, request)
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename=".pwclientrc"'
    return response


def find(linkname: str) -> Project:
    project = queries.find_project(linkname)
    if project is None:
        raise Http404(f"There is no project “{linkname}” here.")
    return project
