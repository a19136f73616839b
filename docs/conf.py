# SPDX-License-Identifier: GPL-2.0-or-later
"""How the documentation is built: ``venv/bin/sphinx-build -W docs docs/_build/html``."""

from __future__ import annotations

import tomllib
from pathlib import Path

_project = tomllib.loads(
    (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
)["project"]

project = "Patchwork"
author = "the Patchwork developers"
copyright = "the Patchwork developers"
release = version = _project["version"]

exclude_patterns = ["_build", "release-notes/fragments"]
html_theme = "furo"
html_title = f"Patchwork {release}"
html_copy_source = False
html_show_copyright = False
nitpicky = True
