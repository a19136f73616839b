# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of what a project's maintainers decide about it."""

from __future__ import annotations

from typing import TypedDict

from patchwork.projects.models import Project


class ProjectEdit(TypedDict, total=False):
    """What is to become of a project; what is not named stays."""

    web_url: str
    scm_url: str
    webscm_url: str
    list_archive_url: str
    list_archive_url_format: str
    commit_url_format: str
    show_dependencies: bool


def edit_project(project: Project, edit: ProjectEdit) -> None:
    if edit:
        Project.objects.filter(pk=project.pk).update(**edit)
        project.refresh_from_db()
