# SPDX-License-Identifier: GPL-2.0-or-later
"""Installations that have many patches already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from benchmarks import site as sites
from benchmarks.servers import Server
from benchmarks.site import installed


@dataclass(frozen=True)
class Site(sites.Site):
    inside: ClassVar[str] = "benchmarks.api.inside"


@contextmanager
def filled(server: Server, patches: int) -> Iterator[Site]:
    """A new installation with so many patches, and what belongs to them."""
    with installed(Site, server) as (made, _):
        made.ask("fill", patches=patches)
        yield made
