# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from patchwork.projects.models import Project
from patchwork.tests.letters import LIST_ID
from patchwork.tracking.changes.counting import COUNTED
from patchwork.tracking.models import Patch, PatchCount


@pytest.fixture
def states(db: None) -> None:
    """The states and tags that every installation begins with."""
    call_command("loaddata", "default_states", "default_tags", verbosity=0)


@pytest.fixture
def project(states: None) -> Iterator[Project]:
    """A project that takes the mails of ``patchwork.tests.letters``."""
    yield Project.objects.create(
        linkname="list",
        name="A list",
        listid=LIST_ID,
        listemail=LIST_ID.replace(".", "@", 1),
    )
    # Whatever a test has done, everybody who writes patches has counted them.
    counters = PatchCount.objects.exclude(count=0).values_list(*COUNTED, "count")
    counted = {tuple(kind): count for *kind, count in counters}
    assert counted == Counter(Patch.objects.values_list(*COUNTED))
