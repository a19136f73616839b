# SPDX-License-Identifier: GPL-2.0-or-later
"""The one path by which mail comes in: a batch of mails, one transaction, an answer for each.

Reading happens before the transaction, so that the project's lock is held for as short a time as
possible. A batch that fails is taken mail by mail; the one that fails alone goes to quarantine with
its bytes and the reason. Receiving the same mail twice changes nothing the second time.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from django.db import InterfaceError, OperationalError, ProgrammingError, transaction
from django.utils import timezone

from patchwork import correlation
from patchwork.databases import until_it_passes
from patchwork.ingest import quarantine
from patchwork.ingest.outcome import Fate, Outcome
from patchwork.ingest.trust import is_authenticated
from patchwork.mail import reading
from patchwork.mail import subject as subjects
from patchwork.mail.facts import MailFacts, Unreadable
from patchwork.outbox import bounces, returned
from patchwork.projects import queries as projects
from patchwork.projects.lock import lock
from patchwork.projects.models import Project
from patchwork.tracking import letters
from patchwork.tracking.changes.arrival import Arrival
from patchwork.tracking.changes.placement import subject_names
from patchwork.tracking.letters import Asked, Letter, Packed, hash_of

logger = logging.getLogger(__name__)

NOT_THE_MAILS_FAULT = (OperationalError, ProgrammingError, InterfaceError)
"""Unreachable, locked, full, not migrated: any other mail would fail as well."""

_FATES = {
    letters.Fate.PATCH: Fate.PATCH,
    letters.Fate.COVER: Fate.COVER,
    letters.Fate.COMMENT: Fate.COMMENT,
    letters.Fate.KEPT: Fate.KEPT,
    letters.Fate.DUPLICATE: Fate.DUPLICATE,
    letters.Fate.USED_TWICE: Fate.QUARANTINED,
}
_MOST_TELLING = (
    Fate.PATCH,
    Fate.COVER,
    Fate.COMMENT,
    Fate.KEPT,
    Fate.QUARANTINED,
    Fate.DUPLICATE,
)


class TryLater(Exception):
    """The database could not be reached or stayed locked: deliver the same mail again later."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How mails came in."""

    list_id: str | None = None
    """The list they were delivered for, whatever their headers say."""
    historical: bool = False
    """Of an archive: nobody is to be told."""
    from_forge: bool = False
    """Made here from a pull request: its hint to be ignored is for the copy that comes back."""
    origin: str = ""
    """That pull request."""
    as_new: bool = False
    """An operator says that it is another mail than the one with its Message-ID."""


@dataclass(slots=True)
class Opened:
    """A mail that was read, or not, and the projects that take it."""

    raw: bytes
    facts: MailFacts | None
    reason: str = ""
    traceback: str = ""
    projects: list[Project] = field(default_factory=list)
    bounce_token: str | None = None
    """Of the mail of ours that has come back; empty for what came to a return address without one,
    and None for all others."""

    @property
    def has_come_back(self) -> bool:
        """It may hold a mail of ours that nobody is to see. What a list sends is none of these,
        whomever it is addressed to."""
        return bool(self.bounce_token) or (self.bounce_token is not None and not self.projects)


def receive(
    raw: bytes,
    *,
    list_id: str | None = None,
    historical: bool = False,
    from_forge: bool = False,
    origin: str = "",
    as_new: bool = False,
) -> Outcome:
    """Take in one mail."""
    delivery = Delivery(list_id, historical, from_forge, origin, as_new)
    with correlation.carried(correlation.current()):
        return _receive([raw], delivery)[0]


def receive_many(
    raws: Sequence[bytes], *, list_id: str | None = None, historical: bool = False
) -> list[Outcome]:
    """Take in a batch; the answer at each place belongs to the mail at that place.

    Raises TryLater when the database could not be written to; the batch can be given again.
    """
    with correlation.carried(correlation.current()):
        return _receive(raws, Delivery(list_id, historical))


def _receive(raws: Sequence[bytes], delivery: Delivery) -> list[Outcome]:
    batch = [open_mail(raw) for raw in raws]
    if delivery.as_new:
        for opened in batch:
            _rename(opened)
    if not delivery.historical:
        for opened in batch:
            opened.bounce_token = _bounce_token(opened)
    try:
        until_it_passes(partial(find_projects, batch, delivery))
        return until_it_passes(partial(_store, batch, delivery))
    except NOT_THE_MAILS_FAULT as error:
        raise TryLater(f"the database does not take mail now: {error}") from error
    except Exception:
        logger.exception("a batch of %s mails failed, taking them one by one", len(batch))
        return _one_by_one(batch, delivery)


def open_mail(raw: bytes) -> Opened:
    """Read a mail; one that cannot be read is kept with the reason."""
    try:
        return Opened(raw, reading.read(raw))
    except Unreadable as error:
        return Opened(raw, None, str(error))
    except Exception as error:
        logger.exception("reading a mail failed")
        return Opened(raw, None, f"reading failed: {error!r}"[:500], traceback.format_exc())


def _bounce_token(opened: Opened) -> str | None:
    token = bounces.token_in(opened.raw)
    is_of_a_list = opened.facts is not None and bool(opened.facts.list_ids)
    return "" if token and is_of_a_list else token


def _rename(opened: Opened) -> None:
    """The same bytes always get the same name, so that once more changes nothing."""
    facts = opened.facts
    if facts is not None:
        msgid = f"<{sha256(opened.raw).hexdigest()}@again>"
        opened.facts = replace(
            facts, msgid=msgid, original_msgid=facts.original_msgid or facts.msgid
        )


def find_projects(batch: Iterable[Opened], delivery: Delivery) -> None:
    """Which projects take each mail: those of its list, else those it is addressed to."""
    all_projects = projects.for_ingest()
    for opened in batch:
        if opened.facts is not None and not opened.bounce_token:
            opened.projects = taking(opened.facts, all_projects, delivery)


def taking(facts: MailFacts, all_projects: list[Project], delivery: Delivery) -> list[Project]:
    """The projects that take a mail: that of its list, else those that it is addressed to."""
    list_ids = (delivery.list_id.lower(),) if delivery.list_id else facts.list_ids
    if project := projects.take_for(all_projects, list_ids, facts.subject):
        return [project]
    if list_ids:
        return []
    addresses = [address.email for address in (*facts.to, *facts.cc)]
    return projects.addressed(all_projects, addresses, facts.subject)


def _one_by_one(batch: Sequence[Opened], delivery: Delivery) -> list[Outcome]:
    """Each mail in a transaction of its own; the one that fails is put into quarantine."""
    outcomes = []
    for opened in batch:
        try:
            outcomes += until_it_passes(partial(_store, [opened], delivery))
        except NOT_THE_MAILS_FAULT as error:
            raise TryLater(f"the database does not take mail now: {error}") from error
        except Exception as error:
            logger.exception("a mail could not be stored")
            opened.reason = f"storing failed: {error!r}"[:500]
            opened.traceback = traceback.format_exc()
            outcomes.append(_put_aside(opened, delivery))
    return outcomes


def _put_aside(opened: Opened, delivery: Delivery) -> Outcome:
    keep = partial(_quarantine, opened, delivery)
    if opened.has_come_back:
        keep = partial(_keep_bounce, opened)
    try:
        return until_it_passes(keep)
    except NOT_THE_MAILS_FAULT as error:
        raise TryLater(f"the database does not take mail now: {error}") from error


def _store(batch: Sequence[Opened], delivery: Delivery) -> list[Outcome]:
    """One transaction: each project's share of the batch, and what goes to quarantine."""
    now = timezone.now()
    shares = _shares(batch, delivery)
    with transaction.atomic():
        lock(project.pk for project, _ in shares)
        fates: dict[int, list[Fate]] = {}
        for project, share in shares:
            arrival = Arrival(project, share, now=now, historical=delivery.historical)
            for position, fate in arrival.run().items():
                fates.setdefault(position, []).append(_FATES[fate])
        outcomes = [
            _conclude(opened, fates.get(position, []), delivery, now)
            for position, opened in enumerate(batch)
        ]
        if not delivery.historical and not delivery.from_forge:
            # Among them are the lists' copies of what we have sent: here before, new to us, or
            # asking to be ignored.
            copies = [each.msgid for each in outcomes if each.fate is not Fate.BOUNCE]
            returned.came_back(list(filter(None, copies)))
        return outcomes


def _shares(batch: Sequence[Opened], delivery: Delivery) -> list[tuple[Project, list[Letter]]]:
    """Each project's letters, the projects in the order of their ids."""
    shares: dict[int, tuple[Project, list[Letter]]] = {}
    for position, opened in enumerate(batch):
        if opened.facts is None or not opened.projects or _is_ignored(opened.facts, delivery):
            continue
        packed = Packed.of(opened.raw)
        for project in opened.projects:
            _, share = shares.setdefault(project.pk, (project, []))
            share.append(letter(packed, opened.facts, project, position, delivery))
    return [shares[project_id] for project_id in sorted(shares)]


def _is_ignored(facts: MailFacts, delivery: Delivery) -> bool:
    return facts.hints.ignore and not delivery.from_forge


def as_sent_to(project: Project, facts: MailFacts) -> MailFacts:
    """Only the project's own list may have rewritten From.

    Anybody can write list headers of a list of his own, and name somebody else as the author.
    """
    written = facts.rewritten_from
    own = {project.listemail.lower(), project.listid.lower().replace(".", "@", 1)}
    if written is None or written.email.lower() in own:
        return facts
    return replace(facts, sender=written, rewritten_from=None)


def letter(
    packed: Packed, facts: MailFacts, project: Project, position: int, delivery: Delivery
) -> Letter:
    """A mail as a project takes it in."""
    facts = as_sent_to(project, facts)
    hints = facts.hints
    asked = Asked()
    if hints.state or hints.delegate:
        is_trusted = project.trust_unauthenticated or is_authenticated(facts)
        asked = Asked(hints.state, hints.delegate, is_trusted)
    subject = subjects.parse(facts.subject, subject_names(project))
    return Letter(facts, subject, packed, hash_of(facts), position, asked, delivery.origin)


def _conclude(opened: Opened, fates: list[Fate], delivery: Delivery, now: datetime) -> Outcome:
    """The most telling fate; what no project has taken is put aside here."""
    facts = opened.facts
    if opened.has_come_back:
        bounce = bounces.take(opened.raw, opened.bounce_token or "")
        return Outcome(Fate.BOUNCE, bounce.mail.msgid if bounce.mail else "", bounce.said)
    if facts is None:
        return _quarantine(opened, delivery)
    if _is_ignored(facts, delivery):
        return Outcome(Fate.IGNORED, facts.msgid)
    if not opened.projects:
        lists = ", ".join(facts.list_ids) or "no list"
        opened.reason = f"no project takes mail of {lists}"[:500]
        if not delivery.historical:
            _quarantine(opened, delivery)
        return Outcome(Fate.NO_PROJECT, facts.msgid, opened.reason)
    fate = next(fate for fate in _MOST_TELLING if fate in fates)
    if Fate.QUARANTINED in fates:
        opened.reason = "Message-ID used twice: another mail has the same one"
        _quarantine(opened, delivery)
    return Outcome(fate, facts.msgid, opened.reason)


def _quarantine(opened: Opened, delivery: Delivery) -> Outcome:
    row = quarantine.keep(
        opened.raw,
        reason=opened.reason,
        traceback=opened.traceback,
        list_id=delivery.list_id or "",
        historical=delivery.historical,
    )
    return Outcome(Fate.QUARANTINED, row.msgid, opened.reason)


def _keep_bounce(opened: Opened) -> Outcome:
    """Not in quarantine, where it could be read."""
    bounce = bounces.put_aside(opened.raw, opened.reason)
    return Outcome(Fate.BOUNCE, "", bounce.said)
