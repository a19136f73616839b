# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tracker keeps of test results, for its lists."""

from __future__ import annotations

from django.utils import timezone

from patchwork.tracking.models import Revision, Series


def set_test_state(revision: Revision, state: str | None) -> None:
    """How a revision's tests stand, and so its series' when it is the newest."""
    revision.test_state = state
    Revision.objects.filter(pk=revision.pk).update(test_state=state)
    assert revision.series_id is not None
    series = Series.objects.filter(pk=revision.series_id)
    series.update(last_updated=timezone.now())
    series.filter(newest_id=revision.pk).update(test_state=state)
