# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sites.models import Site

from patchwork.events import consumers
from patchwork.ingest.receiving import receive_many
from patchwork.projects.models import Project, State
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch


@pytest.fixture(autouse=True)
def site(db: None) -> None:
    Site.objects.update(domain="patchwork.example.com")
    Site.objects.clear_cache()


@pytest.fixture
def project(project: Project) -> Project:
    """It tells submitters, and the consumers have read what happened before."""
    project.send_notifications = True
    project.save()
    consumers.run_all()
    return project


@pytest.fixture
def patches(project: Project) -> list[Patch]:
    """Alice's, in a series of two."""
    receive_many(
        thread(
            """
            + [PATCH 0/2] Größe
            +--> [PATCH 1/2] One
            +--> [PATCH 2/2] Two
            """
        )
    )
    consumers.run_all()
    return list(Patch.objects.order_by("mail__number"))


@pytest.fixture
def maintainer(db: None) -> User:
    return User.objects.create_user("maria", "maria@example.org")


def state(name: str) -> State:
    return State.objects.get(name=name)
