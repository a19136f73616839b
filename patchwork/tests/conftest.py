# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
from django.core.management import call_command

from patchwork.projects.models import Project
from patchwork.tests.letters import LIST_ID


@pytest.fixture
def states(db: None) -> None:
    """The states and tags that every installation begins with."""
    call_command("loaddata", "default_states", "default_tags", verbosity=0)


@pytest.fixture
def project(states: None) -> Project:
    """A project that takes the mails of ``patchwork.tests.letters``."""
    return Project.objects.create(
        linkname="list",
        name="A list",
        listid=LIST_ID,
        listemail=LIST_ID.replace(".", "@", 1),
    )
