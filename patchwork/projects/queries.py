# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about projects."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import regex
from django.db import connection
from django.db.models import Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from patchwork.databases import attributes, revive, select
from patchwork.projects.models import DelegationRule, Project, State

logger = logging.getLogger(__name__)

MATCH_SECONDS = 0.1
SUPERSEDED_SLUG = "superseded"


def for_ingest() -> list[Project]:
    """All projects, each with what taking in a mail needs to know of it, in one query."""
    statement, values = _compiled_for_ingest(connection.vendor)
    width = len(attributes(Project))
    projects = []
    for row in select(statement, values):
        project: Any = revive(Project, row[:width])
        project.first_state_id, requires, project.superseding_state_id, rules = row[width:]
        project.first_state_requires_action = None if requires is None else bool(requires)
        project.has_delegation_rules = bool(rules)
        projects.append(project)
    return projects


@lru_cache
def _compiled_for_ingest(vendor: str) -> tuple[str, tuple[Any, ...]]:
    """Every mail asks it: compiling it anew each time took longer than the database does."""
    states = State.objects.order_by("ordering").values("pk")
    projects = Project.objects.order_by("pk").annotate(
        first_state_id=Coalesce(F("initial_state_id"), Subquery(states[:1])),
        first_state_requires_action=Coalesce(
            F("initial_state__action_required"),
            Subquery(State.objects.order_by("ordering").values("action_required")[:1]),
        ),
        superseding_state_id=Coalesce(
            F("superseded_state_id"),
            Subquery(State.objects.filter(slug=SUPERSEDED_SLUG).values("pk")[:1]),
        ),
        has_delegation_rules=Exists(DelegationRule.objects.filter(project=OuterRef("pk"))),
    )
    statement, values = projects.query.sql_with_params()
    return statement, tuple(values)


def take_for(projects: Sequence[Project], list_ids: Sequence[str], subject: str) -> Project | None:
    """The project that takes a mail of these lists; the first list that anybody knows decides.

    Projects that share a list are told apart by their subject pattern; the one without a pattern
    takes what is left.
    """
    for list_id in list_ids:
        sharing = [project for project in projects if project.listid.lower() == list_id]
        if sharing:
            return among(sharing, subject)
    return None


def addressed(projects: Sequence[Project], addresses: Iterable[str], subject: str) -> list[Project]:
    """The projects whose list address is among these: for mail that no list has marked."""
    wanted = {address.lower() for address in addresses}
    named = [project for project in projects if project.listemail.lower() in wanted]
    taking = []
    for list_id in dict.fromkeys(project.listid.lower() for project in named):
        project = among([each for each in named if each.listid.lower() == list_id], subject)
        if project is not None:
            taking.append(project)
    return taking


def among(sharing: Sequence[Project], subject: str) -> Project | None:
    """Which of the projects on one list takes a mail with this subject."""
    for project in sharing:
        if project.subject_match and _matches(project, subject):
            return project
    return next((project for project in sharing if not project.subject_match), None)


def _matches(project: Project, subject: str) -> bool:
    """A pattern that takes for ever on some subject must not stop the mail of everybody."""
    try:
        found = _pattern(project.subject_match).search(subject, timeout=MATCH_SECONDS)
    except TimeoutError:
        logger.error("the subject pattern of %s takes too long on %r", project, subject)
        return False
    return found is not None


@lru_cache(maxsize=256)
def _pattern(text: str) -> regex.Pattern[str]:
    return regex.compile(text, regex.MULTILINE | regex.IGNORECASE)


def first_state_ids(project_ids: Iterable[int]) -> dict[int, int]:
    """The state in which each project's patches start."""
    first = State.objects.order_by("ordering").values_list("pk", flat=True).first()
    chosen = Project.objects.filter(pk__in=project_ids).values_list("pk", "initial_state_id")
    starting = {pk: state_id or first for pk, state_id in chosen}
    return {pk: state_id for pk, state_id in starting.items() if state_id is not None}
