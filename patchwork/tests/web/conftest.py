# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from patchwork.projects.models import Project
from patchwork.tests import factories


@pytest.fixture
def project(states: None) -> Project:
    return factories.make_project()
