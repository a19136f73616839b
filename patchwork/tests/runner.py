# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests by dotted name: pytest runs them, Django's way names them.

``manage.py test patchwork.tests.mail.test_subject`` comes here as TEST_RUNNER;
``python -m patchwork.tests.runner`` is pytest with dotted names understood.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def node_id(name: str) -> str:
    """Pytest's name for what a dotted name means: a package, a module, a class or a test.

    Whatever is not a dotted name of something here (a path, an option) stays as it is.
    """
    if name.startswith("-") or "/" in name or "::" in name or name.endswith(".py"):
        return name
    parts = name.split(".")
    place = ROOT
    for count, part in enumerate(parts, start=1):
        if (place / part / "__init__.py").is_file():
            place = place / part
        elif (place / f"{part}.py").is_file():
            module = (place / f"{part}.py").relative_to(ROOT)
            return "::".join([str(module), *parts[count:]])
        else:
            return name
    return str(place.relative_to(ROOT))


class PytestRunner:
    """A TEST_RUNNER that leaves the work to pytest and passes on what it was asked for."""

    def __init__(
        self,
        *,
        verbosity: int = 1,
        failfast: bool = False,
        keepdb: bool = False,
        parallel: int = 0,
        **ignored: Any,
    ) -> None:
        self.verbosity = verbosity
        self.failfast = failfast
        self.keepdb = keepdb
        self.parallel = parallel

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--keepdb", action="store_true", help="Keep the test database.")
        parser.add_argument(
            "--parallel",
            type=int,
            nargs="?",
            const=-1,
            default=0,
            metavar="N",
            help="Run the tests in N processes (without a number: one for each processor).",
        )

    def arguments(self, names: Sequence[str]) -> list[str]:
        """Pytest's command line."""
        arguments = [node_id(name) for name in names]
        if self.verbosity == 0:
            arguments.append("-q")
        elif self.verbosity > 1:
            arguments.append("-" + "v" * (self.verbosity - 1))
        if self.failfast:
            arguments.append("--exitfirst")
        if self.keepdb:
            arguments.append("--reuse-db")
        if self.parallel:
            processes = "auto" if self.parallel < 0 else str(self.parallel)
            arguments.append(f"--numprocesses={processes}")
        return arguments

    def run_tests(self, test_labels: Sequence[str], **ignored: Any) -> int:
        """Django exits with an error when this is not zero."""
        return run_pytest(self.arguments(test_labels))


def run_pytest(arguments: Sequence[str]) -> int:
    if find_spec("pytest") is None:
        sys.exit("pytest is not installed: tools/setup-devel.sh installs what the tests need.")
    import pytest

    os.chdir(ROOT)
    return int(pytest.main(list(arguments)))


if __name__ == "__main__":
    sys.exit(run_pytest([node_id(argument) for argument in sys.argv[1:]]))
