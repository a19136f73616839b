# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracker's tables."""

from patchwork.tracking.models.mail import (
    Mail,
    MailKind,
    MailReference,
    MailTrailer,
    Pin,
    PostingClaim,
    RawMail,
)
from patchwork.tracking.models.patch import (
    Comment,
    Cover,
    Patch,
    PatchCount,
    PatchRelation,
    PatchTag,
)
from patchwork.tracking.models.series import (
    Revision,
    RevisionPatch,
    Series,
    SeriesDependency,
    SeriesMetadata,
    SeriesState,
)

__all__ = [
    "Comment",
    "Cover",
    "Mail",
    "MailKind",
    "MailReference",
    "MailTrailer",
    "Patch",
    "PatchCount",
    "PatchRelation",
    "PatchTag",
    "Pin",
    "PostingClaim",
    "RawMail",
    "Revision",
    "RevisionPatch",
    "Series",
    "SeriesDependency",
    "SeriesMetadata",
    "SeriesState",
]
