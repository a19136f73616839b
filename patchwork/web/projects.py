# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of projects."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

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


def find(linkname: str) -> Project:
    project = queries.find_project(linkname)
    if project is None:
        raise Http404(f"There is no project “{linkname}” here.")
    return project
