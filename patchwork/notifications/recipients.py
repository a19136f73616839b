# SPDX-License-Identifier: GPL-2.0-or-later
"""Which results of a test are told, and to whom: what its row in the admin says."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import getaddresses

from patchwork.checks.models import MailCondition, MailRecipients, ResultState, TestMail
from patchwork.mail.compose import Mailbox

_TOLD = {
    MailCondition.ALWAYS: frozenset(ResultState),
    MailCondition.ON_FAILURE: frozenset({ResultState.WARNING, ResultState.FAILURE}),
    MailCondition.ON_FAILURE_ONLY: frozenset({ResultState.FAILURE}),
}


def is_told(test: TestMail, state: str) -> bool:
    return test.recipients != MailRecipients.NONE and state in _TOLD[MailCondition(test.condition)]


def recipients(
    test: TestMail, submitter: Mailbox, mailing_list: Mailbox
) -> tuple[list[Mailbox], list[Mailbox]]:
    """Who stands in To and in Cc."""
    to, cc = mailboxes(test.to), mailboxes(test.cc)
    match test.recipients:
        case MailRecipients.SUBMITTER:
            return _once([submitter, *to], cc)
        case MailRecipients.MAILING_LIST:
            return _once([submitter, *to], [mailing_list, *cc])
    return _once(to, cc)


def mailboxes(written: str) -> list[Mailbox]:
    """Addresses separated by commas, or on lines of their own; what is none has no address."""
    lines = ",".join(filter(None, map(str.strip, written.splitlines())))
    return [Mailbox(*pair) for pair in getaddresses([lines]) if any(pair)]


def _once(to: Sequence[Mailbox], cc: Sequence[Mailbox]) -> tuple[list[Mailbox], list[Mailbox]]:
    """Nobody stands there twice."""
    seen: set[str] = set()
    return _unseen(to, seen), _unseen(cc, seen)


def _unseen(mailboxes: Sequence[Mailbox], seen: set[str]) -> list[Mailbox]:
    found = []
    for mailbox in mailboxes:
        if mailbox.address.lower() not in seen:
            seen.add(mailbox.address.lower())
            found.append(mailbox)
    return found
