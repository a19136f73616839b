# SPDX-License-Identifier: GPL-2.0-or-later
"""What was done is not forgotten, whatever the database does meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from django.db import DataError, Error, IntegrityError

from patchwork.databases import throw_connection_away, until_it_passes
from patchwork.jobs.leasing import Ended
from patchwork.jobs.models import JobState

PATIENCE_SECONDS = 1.0
"""Between two attempts to reach a database that does not answer."""

Answer = TypeVar("Answer")

logger = logging.getLogger("patchwork.jobs")


def persist(step: Callable[[], Answer]) -> Answer:
    """Until the database answers, however long that takes."""
    while True:
        try:
            return until_it_passes(step)
        except (DataError, IntegrityError):
            raise
        except Error:
            logger.exception("the database is asked again in %.0f s", PATIENCE_SECONDS)
            throw_connection_away()
            time.sleep(PATIENCE_SECONDS)


def persist_end(step: Callable[[Ended | None], Answer], ended: Ended | None) -> Answer:
    """A step that records an end, or that the job is dead if that end cannot be stored."""
    try:
        return persist(lambda: step(ended))
    except Exception as error:
        # Not the database's absence: that is waited for.
        if ended is None:
            raise
        logger.exception("%s: how it ended cannot be stored", ended.held)
        words = f"How it ended cannot be stored: {error}"
        dead = replace(ended, state=JobState.DEAD, error=words, traceback="", result=None)
        return persist(lambda: step(dead))
