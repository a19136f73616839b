# SPDX-License-Identifier: GPL-2.0-or-later
"""Projects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing, allow
from patchwork.api.getpatchwork.patches import REPOSITORY_SCHEMES
from patchwork.api.getpatchwork.sent import Sent
from patchwork.api.getpatchwork.shapes import FLAG, TEXT, Body, Shape, Since, list_of, text
from patchwork.api.getpatchwork.wording import ACCOUNT, PROJECT, Said
from patchwork.api.parameters import Asked, is_id
from patchwork.people.models import Scope
from patchwork.people.permissions import is_maintainer
from patchwork.people.queries import accounts, maintainer_ids
from patchwork.projects.changes import ProjectEdit, edit_project
from patchwork.projects.models import Project
from patchwork.tracking.queries.projects import storable

LISTED = Shape(
    "Project",
    {
        **PROJECT.fields,
        "maintainers": list_of(ACCOUNT),
        "subject_match": Since(1, TEXT),
        "show_dependencies": Since(4, FLAG),
    },
)
_LATER = ("list_archive_url", "list_archive_url_format", "commit_url_format")
"""Addresses that 1.2 has brought."""
EDIT = Body(
    "ProjectEdit",
    {
        **dict.fromkeys(("web_url", "scm_url", "webscm_url"), text(2000)),
        **dict.fromkeys(_LATER, Since(2, text(2000))),
        "show_dependencies": Since(4, FLAG),
    },
)


class Projects(Listing):
    """``/projects/``"""

    told = LISTED
    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "name": "name",
        "link_name": "linkname",
        "list_id": "listid",
    }
    searched = ("name", "linkname", "listid", "listemail", "web_url", "scm_url", "webscm_url")

    def select(self, asked: Asked) -> QuerySet[Any]:
        found = asking.known_projects(asked)
        return Project.objects.filter(pk__in=found) if found else Project.objects.all()

    def say(self, ids: list[int]) -> list[Said]:
        return say_projects(self, ids)


class OneProject(Face):
    """``/projects/5/`` or ``/projects/linkname/``"""

    told = LISTED
    body = EDIT
    scope = Scope.ADMIN

    def get(self, request: Request, **_: str) -> Response:
        return Response(say_projects(self, [self.find().pk])[0])

    def patch(self, request: Request, **_: str) -> Response:
        project = self.find()
        allow(request, self.scope, project.pk, partial(is_maintainer, project_id=project.pk))
        told = say_projects(self, [project.pk])[0]
        edit_project(project, self.edit(self.sent(told)))
        return Response(say_projects(self, [project.pk])[0])

    put = patch

    def edit(self, sent: Sent) -> ProjectEdit:
        edit = ProjectEdit()
        if "web_url" in sent:
            edit["web_url"] = sent.address("web_url")
        if "scm_url" in sent:
            edit["scm_url"] = sent.address("scm_url", REPOSITORY_SCHEMES)
        if "webscm_url" in sent:
            edit["webscm_url"] = sent.address("webscm_url")
        if "list_archive_url" in sent:
            edit["list_archive_url"] = sent.address("list_archive_url")
        if "list_archive_url_format" in sent:
            edit["list_archive_url_format"] = sent.address("list_archive_url_format")
        if "commit_url_format" in sent:
            edit["commit_url_format"] = sent.address("commit_url_format")
        if "show_dependencies" in sent:
            edit["show_dependencies"] = sent.flag("show_dependencies")
        return edit

    def find(self) -> Project:
        written = storable(self.kwargs["project"])
        wanted = Q(linkname=written)
        if is_id(written):
            wanted |= Q(pk=written)
        # A project may be called by another one's number: the number goes first.
        found = sorted(Project.objects.filter(wanted), key=lambda one: str(one.pk) != written)
        if not found:
            raise Http404
        return found[0]


def say_projects(face: Face, ids: Sequence[int]) -> list[Said]:
    wording = face.wording(ids)
    maintainers = maintainer_ids(ids)
    users = accounts({user_id for each in maintainers.values() for user_id in each})
    said = []
    for project_id in ids:
        project = wording.projects.get(project_id)
        if project is None:
            continue
        embedded = wording.project(project_id)
        one = {name: value for name, value in embedded.items() if name not in _LATER}
        one["maintainers"] = [wording.account(users[pk]) for pk in maintainers[project_id]]
        if wording.minor >= 1:
            one["subject_match"] = project.subject_match
        one |= {name: embedded[name] for name in _LATER if name in embedded}
        if wording.minor >= 4:
            one["show_dependencies"] = project.show_dependencies
        said.append(one)
    return said
