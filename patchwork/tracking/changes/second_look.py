# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored mails are looked at again: by today's rules, and with what stands above them today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from patchwork.events.log import Happening
from patchwork.mail.facts import MailFacts
from patchwork.projects.models import Project
from patchwork.tracking import threads, touched
from patchwork.tracking.changes import asked_for
from patchwork.tracking.changes.arrival import Arrival
from patchwork.tracking.drafts import Draft
from patchwork.tracking.letters import Fate
from patchwork.tracking.models import Comment, MailKind, MailTrailer
from patchwork.tracking.touched import Known


class SecondLook(Arrival):
    """An arrival at which nothing arrives.

    A mail that was kept may be a patch, a cover letter or a comment by now; a comment whose patch
    is gone is about the next one above it, or kept. A patch stays a patch. The patches and cover
    letters among the mails are grouped and chained anew.
    """

    def __init__(
        self,
        project: Project,
        msgids: Collection[str],
        *,
        now: datetime,
        historical: bool,
        actor_id: int | None = None,
        facts: Mapping[str, MailFacts] | None = None,
    ) -> None:
        """``facts``: what the kept ones among the mails say, where the caller has read them."""
        super().__init__(project, (), now=now, historical=historical)
        self.msgids = set(msgids)
        self.actor_id = actor_id
        self.facts = facts or {}

    def run(self) -> dict[int, Fate]:
        self.recognise()
        if self.again:
            self.conclude()
        return self.fates

    def recognise(self) -> None:
        """Load the mails, and those that they refer to."""
        known = touched.by_msgid(self.project.pk, self.msgids)
        referred = {reference for each in known.values() for reference in each.references}
        self.known = known | touched.by_msgid(self.project.pk, referred - known.keys())
        self.again = {
            msgid: self.drafted(each) for msgid, each in known.items() if each.kind != MailKind.GONE
        }

    def drafted(self, known: Known) -> Draft:
        draft = Draft.of_known(known)
        if known.kind == MailKind.KEPT:
            draft.facts = self.facts.get(known.msgid)
        return draft

    def place_one(self, draft: Draft) -> None:
        draft.answers = threads.nearest(draft.references, self.piece_at) or ""
        if draft.kind == MailKind.KEPT:
            draft.kind = self.told_kind(draft)
        elif draft.kind == MailKind.COMMENT and not draft.answers:
            draft.kind = MailKind.KEPT

    def is_moved(self, draft: Draft) -> bool:
        return draft.known is not None and draft.known.is_piece

    def write_words(self, wishes: asked_for.Wishes) -> None:
        super().write_words(wishes)
        silent = [draft.mail_id for draft in self.changed() if draft.kind == MailKind.KEPT]
        if silent:
            Comment.objects.filter(mail_id__in=silent).delete()
            MailTrailer.objects.filter(mail_id__in=silent).delete()

    def tell(self, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            happening.actor_id = self.actor_id
        super().tell(happenings)
