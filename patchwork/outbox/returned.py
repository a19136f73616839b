# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that their lists have sent to us as well: so they were sent.

Whoever takes mail in tells of each one that comes from outside; that a mail is stored proves
nothing, since we may have stored it ourselves.
"""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from patchwork.databases import change
from patchwork.outbox.models import OutgoingMail


def came_back(msgids: Collection[str]) -> None:
    """Note that copies of these mails have come in. Most are none of ours."""
    if not msgids:
        return
    ours = OutgoingMail.objects.filter(msgid__in=msgids, returned=None)
    if ids := list(ours.values_list("pk", flat=True)):
        change(OutgoingMail, ids, returned=timezone.now())
