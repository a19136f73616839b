# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from patchwork.projects.models import Project
from patchwork.tests.ingest.installation import Installation


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose name is short enough for a Unix socket in it."""
    path = Path(tempfile.mkdtemp(prefix="pw-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def installation(transactional_db: None, project: Project, short_path: Path) -> Installation:
    """Child processes on the database of the test, with a project in it."""
    made = Installation(short_path)
    made.publish()
    return made
