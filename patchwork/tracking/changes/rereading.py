# SPDX-License-Identifier: GPL-2.0-or-later
"""What grouping knows of a stored patch or cover letter, told anew from the mail.

The rules for subjects may have changed, or the project's name, which subjects leave out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from patchwork.databases import insert
from patchwork.mail import subject as subjects
from patchwork.mail.facts import MailFacts
from patchwork.projects.models import Project
from patchwork.tracking import touched
from patchwork.tracking.changes.placement import naming_key, subject_names
from patchwork.tracking.models import Cover, Mail, MailKind, Patch, Pin, PostingClaim
from patchwork.tracking.pieces import Claim

Claims = tuple[tuple[Claim, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a patch or cover letter says about its place."""

    display: str
    name: str
    key: str
    number: int | None
    total: int | None
    version: int | None
    claims: Claims

    @classmethod
    def by(cls, facts: MailFacts, kind: str, project: Project) -> Said:
        subject = subjects.parse(facts.subject, subject_names(project))
        claims = [(Claim.SUPERSEDES, msgid) for msgid in facts.supersedes]
        if facts.change_id:
            claims.append((Claim.CHANGE_ID, facts.change_id[:255]))
        return cls(
            display=subject.display,
            name=subject.name[:255],
            key=naming_key(subject, MailKind(kind)),
            number=subject.index,
            total=subject.total,
            version=subject.version,
            claims=tuple(dict.fromkeys(claims)),
        )


def reread(project: Project, said: Mapping[str, Said]) -> int:
    """Within the caller's transaction: store what differs; answers in how many mails."""
    known = touched.by_msgid(project.pk, said.keys())
    claims = touched.claims_of([each.pk for each in known.values() if each.has_claims])
    shown = _shown([each.pk for each in known.values()])
    differ = 0
    for msgid, each in known.items():
        if not each.is_piece:
            continue
        new = said[msgid]
        is_marked = (new.display, new.name, new.key, new.number, new.total, new.version) == (
            shown.get(each.pk),
            each.name,
            each.key,
            each.number,
            each.total,
            each.version,
        )
        before = claims.get(each.pk, ())
        after = _with_pull_request(new.claims, before)
        if is_marked and before == after:
            continue
        differ += 1
        _mark(each.pk, new)
        if before != after:
            _claim(project, each.pk, after)
    return differ


def _shown(mail_ids: Collection[int]) -> dict[int, str]:
    """What patches and covers are called on pages, by mail."""
    patches = Patch.objects.filter(mail_id__in=mail_ids).values_list("mail_id", "name")
    covers = Cover.objects.filter(mail_id__in=mail_ids).values_list("mail_id", "name")
    return dict(patches) | dict(covers)


def _with_pull_request(claims: Claims, before: Claims) -> Claims:
    """Where a mail was made from is nothing that the mail says."""
    return (*claims, *(each for each in before if each[0] is Claim.PULL_REQUEST))


def _mark(mail_id: int, said: Said) -> None:
    Mail.objects.filter(pk=mail_id).update(
        name=said.name,
        key=said.key,
        number=said.number,
        total=said.total,
        version=said.version,
    )
    Patch.objects.filter(mail_id=mail_id).update(name=said.display)
    Cover.objects.filter(mail_id=mail_id).update(name=said.display)


def _claim(project: Project, mail_id: int, claims: Claims) -> None:
    PostingClaim.objects.filter(mail_id=mail_id).delete()
    insert(
        PostingClaim,
        ("mail", "project", "kind", "value"),
        [(mail_id, project.pk, claim.value, value) for claim, value in claims],
    )
    has_claims = bool(claims) or Pin.objects.filter(mail_id=mail_id).exists()
    Mail.objects.filter(pk=mail_id).update(has_claims=has_claims)
