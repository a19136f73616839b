# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches as an mbox that ``git am`` takes as it is, with what reviewers said put into it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from django.db.models import QuerySet

from patchwork.mail import addresses, reading, senders
from patchwork.mail import headers as header_block
from patchwork.mail.facts import Address, Trailer
from patchwork.mail.mbox import PatchMail, patch_mbox
from patchwork.tracking.models import MailTrailer, Patch, Revision

Link = Callable[[Patch], Trailer]
"""What to add to a commit message so that it says where the patch was discussed."""


def of_patch(patch: Patch, link: Link | None = None) -> bytes:
    return _of_patches(Patch.objects.filter(pk=patch.pk), link)


def of_patches(patch_ids: Sequence[int], link: Link | None = None) -> bytes:
    """Patches in the order of these ids."""
    place = {patch_id: at for at, patch_id in enumerate(patch_ids)}
    mails = _mails_of(Patch.objects.filter(pk__in=patch_ids), link)
    return b"".join(mails[patch_id] for patch_id in sorted(mails, key=place.__getitem__))


def of_revision(revision: Revision, link: Link | None = None) -> bytes:
    """All patches of a revision, in the order in which they apply."""
    held = Patch.objects.filter(places__revision=revision)
    return _of_patches(held.order_by("places__number", "pk"), link)


def file_name(name: str) -> str:
    """What to call the file that holds something of that name."""
    kept = (letter if letter.isascii() and letter.isalnum() else " " for letter in name)
    return "-".join("".join(kept).split())[:80].rstrip("-") or "patches"


def _of_patches(patches: QuerySet[Patch], link: Link | None) -> bytes:
    return b"".join(_mails_of(patches, link).values())


def _mails_of(patches: QuerySet[Patch], link: Link | None) -> dict[int, bytes]:
    """Patch id -> the patch, in the order in which they were asked for."""
    found = list(patches.select_related("mail__raw", "delegate", "submitter"))
    said = _said_in_replies(found)
    return {patch.pk: patch_mbox(_mail(patch, said[patch.mail.msgid], link)) for patch in found}


def _said_in_replies(patches: Sequence[Patch]) -> defaultdict[str, list[Trailer]]:
    """Message-ID of a patch -> the trailers that others gave it, oldest first."""
    said: defaultdict[str, list[Trailer]] = defaultdict(list)
    if not patches:
        return said
    rows = MailTrailer.objects.filter(
        project_id=patches[0].project_id, target__in=[patch.mail.msgid for patch in patches]
    )
    rows = rows.exclude(mail__in=[patch.mail_id for patch in patches])
    for target, line in rows.order_by("mail__date", "pk").values_list("target", "line"):
        token, _, value = line.partition(":")
        said[target].append(Trailer(token.strip(), value.strip()))
    return said


def _author(patch: Patch, written: Address) -> Address:
    """As the mail writes it, unless it is filed as somebody else's."""
    submitter = patch.submitter
    if written.email.lower() == submitter.email_key:
        return written
    return Address(submitter.name, submitter.email)


def _diff_as_sent(raw: bytes, diff: str) -> bytes | None:
    """Its bytes, where they are others than UTF-8 has; most mails need not be read again."""
    if diff.isascii() or diff.encode() in raw:
        return None
    return reading.diff_as_sent(raw, diff)


def _mail(patch: Patch, said: Sequence[Trailer], link: Link | None) -> PatchMail:
    raw = patch.mail.raw.raw
    headers, _ = header_block.split(raw)
    sender = _author(patch, senders.sender(headers)[0])
    further = [("X-Patchwork-Id", str(patch.pk))]
    if patch.delegate:
        further.append(("X-Patchwork-Delegate", patch.delegate.email or patch.delegate.username))
    return PatchMail(
        msgid=patch.mail.msgid,
        sender=sender,
        date=patch.date,
        subject=patch.name,
        message=patch.content,
        diff=patch.diff,
        to=addresses.every(headers, "to"),
        cc=addresses.every(headers, "cc"),
        trailers=(*said, *([link(patch)] if link else [])),
        headers=tuple(further),
        diff_as_sent=_diff_as_sent(raw, patch.diff or ""),
    )
