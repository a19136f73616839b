# SPDX-License-Identifier: GPL-2.0-or-later
"""The index of all tables. Rooms never import this module."""

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.checks.models import CheckResult, TestMail
from patchwork.events.models import Consumer, Event, EventClock
from patchwork.ingest.models import QuarantinedMail
from patchwork.jobs.models import Job, JobKey, JobTally, PeriodicJob, Worker
from patchwork.notifications.models import PatchNotification
from patchwork.outbox.models import Bounce, OutgoingMail, Recipient
from patchwork.people.models import (
    ApiToken,
    EmailConfirmation,
    EmailOptout,
    Person,
    Throttle,
    UserProfile,
)
from patchwork.projects.models import DelegationRule, Project, ProjectLock, State, Tag
from patchwork.tracking.models import (
    Comment,
    Cover,
    Mail,
    MailReference,
    MailTrailer,
    Patch,
    PatchCount,
    PatchRelation,
    PatchTag,
    Pin,
    PostingClaim,
    RawMail,
    Revision,
    RevisionPatch,
    Series,
    SeriesDependency,
    SeriesMetadata,
)

__all__ = [
    "ApiToken",
    "Bounce",
    "Bundle",
    "BundlePatch",
    "CheckResult",
    "Comment",
    "Consumer",
    "Cover",
    "DelegationRule",
    "EmailConfirmation",
    "EmailOptout",
    "Event",
    "EventClock",
    "Job",
    "JobKey",
    "JobTally",
    "Mail",
    "MailReference",
    "MailTrailer",
    "OutgoingMail",
    "Patch",
    "PatchCount",
    "PatchNotification",
    "PatchRelation",
    "PatchTag",
    "PeriodicJob",
    "Person",
    "Pin",
    "PostingClaim",
    "Project",
    "ProjectLock",
    "QuarantinedMail",
    "RawMail",
    "Recipient",
    "Revision",
    "RevisionPatch",
    "Series",
    "SeriesDependency",
    "SeriesMetadata",
    "State",
    "Tag",
    "TestMail",
    "Throttle",
    "UserProfile",
    "Worker",
]
