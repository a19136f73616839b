# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails and what they turned out to be, by number and by Message-ID."""

from __future__ import annotations

from patchwork.projects.models import Project
from patchwork.tracking.models import Comment, Cover, Mail, Patch, RawMail
from patchwork.tracking.queries.projects import storable


def find_cover(cover_id: int) -> Cover | None:
    return Cover.objects.select_related("mail__posting", "submitter").filter(pk=cover_id).first()


def find_comment(comment_id: int) -> Comment | None:
    related = ("mail", "cover__mail__posting")
    return Comment.objects.select_related(*related).filter(pk=comment_id).first()


def patch_id_of(project: Project, msgid: str) -> int | None:
    """The id of the patch with that Message-ID."""
    patches = Patch.objects.filter(mail__project=project, mail__msgid=bracketed(msgid))
    return patches.values_list("pk", flat=True).first()


def cover_id_of(project: Project, msgid: str) -> int | None:
    """The id of the cover letter with that Message-ID."""
    covers = Cover.objects.filter(mail__project=project, mail__msgid=bracketed(msgid))
    return covers.values_list("pk", flat=True).first()


def bracketed(msgid: str) -> str:
    """A Message-ID as it is stored: addresses of pages leave its brackets out."""
    return f"<{storable(msgid).strip().removeprefix('<').removesuffix('>')}>"


def raw_of(mail: Mail) -> bytes:
    """A mail as it came."""
    return RawMail.objects.get(pk=mail.raw_id).raw
