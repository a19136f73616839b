# SPDX-License-Identifier: GPL-2.0-or-later
"""What a mail is: a patch, a cover letter, a comment, or something to keep until it is known."""

from __future__ import annotations

from patchwork.mail.facts import MailFacts, SubjectFacts
from patchwork.tracking.models import MailKind


def kind_of(
    facts: MailFacts, subject: SubjectFacts, *, answers: bool, answers_own: bool
) -> MailKind:
    """``answers``: a patch or cover letter stands above it; ``answers_own``: of the same sender.

    A reviewer's example diff must not become a patch of the series; so a diff in a reply counts
    only when the subject carries a patch marker of its own or the series is the sender's.
    """
    aside = MailKind.COMMENT if answers else MailKind.KEPT
    if facts.hints.comment:
        return aside
    if subject.index == 0 and not subject.is_reply:
        return MailKind.COVER
    if facts.diff is None and facts.pull_url is None:
        return aside
    if answers_own or (not subject.is_reply and (subject.is_patch or not answers)):
        return MailKind.PATCH
    return aside
