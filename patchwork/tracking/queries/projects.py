# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions that come before any list: which projects, states, trailers and people there are."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from patchwork.people.models import Person
from patchwork.projects.models import Project, State, Tag
from patchwork.tracking.models import Series, SeriesState


def list_projects() -> QuerySet[Project]:
    return Project.objects.order_by("name")


def count_open_series() -> dict[int, int]:
    """Project id -> how many of its series still wait for something."""
    counts = (
        Series.objects.exclude(state=SeriesState.DONE)
        .values_list("project_id")
        .annotate(count=Count("pk"))
    )
    return dict(counts.order_by())


def find_project(linkname: str) -> Project | None:
    return Project.objects.filter(linkname=storable(linkname)).first()


def states_of(project: Project) -> list[State]:
    """The states that a project shows, in their order."""
    return list(project.states.all()) or list(State.objects.all())


def shown_tags() -> list[Tag]:
    """The trailers that lists have a column for."""
    return list(Tag.objects.filter(show_column=True))


def find_person(person_id: int) -> Person | None:
    return Person.objects.filter(pk=person_id).first()


def storable(written: str) -> str:
    """Out of an address, so that every database compares it: PostgreSQL refuses NUL. Nothing is
    called by a name that has one, nor by one that has this in its place.
    """
    return written.replace("\0", "\N{REPLACEMENT CHARACTER}")
