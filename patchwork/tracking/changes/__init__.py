# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writers of the tracker: mails that arrive, and people who decide about patches."""

from patchwork.tracking.changes.decisions import (
    relate,
    set_archived,
    set_commit,
    set_delegate,
    set_state,
    unrelate,
)
from patchwork.tracking.changes.editing import (
    AlreadyRelated,
    PatchEdit,
    edit_patch,
    set_addressed,
)
from patchwork.tracking.changes.pinning import (
    CannotPin,
    confirm_continuation,
    deny_continuation,
    pin_posting,
    pin_series,
    unpin,
)
from patchwork.tracking.changes.removal import remove_mail, remove_mails
from patchwork.tracking.changes.reruns import NotTheNewest, rerun
from patchwork.tracking.changes.reviewing import set_reviewer, touch
from patchwork.tracking.changes.upkeep import recount_patches, rehash, restate, retag

__all__ = [
    "AlreadyRelated",
    "CannotPin",
    "NotTheNewest",
    "PatchEdit",
    "confirm_continuation",
    "deny_continuation",
    "edit_patch",
    "pin_posting",
    "pin_series",
    "recount_patches",
    "rehash",
    "relate",
    "remove_mail",
    "remove_mails",
    "rerun",
    "restate",
    "retag",
    "set_addressed",
    "set_archived",
    "set_commit",
    "set_delegate",
    "set_reviewer",
    "set_state",
    "touch",
    "unpin",
    "unrelate",
]
