# SPDX-License-Identifier: GPL-2.0-or-later
"""What the jobs do that are measured."""

from __future__ import annotations

import time

from patchwork.jobs.tasks import task


@task()
def nothing(number: int) -> None:
    """As little as a job can be."""


@task()
def tell_time() -> float:
    return time.time()
