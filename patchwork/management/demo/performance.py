# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo, performed: projects and accounts are made, mails come in, people decide.

Mails go the way of all mails and decisions the way of all decisions, so what the pages show
is what real use would have led to. A second performance finds everything done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Max, Q, QuerySet

from patchwork.checks.changes import record_result
from patchwork.checks.models import CheckResult
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import receive_many
from patchwork.management.demo import lanternd, wicker
from patchwork.management.demo.cast import MAREN, TADEO
from patchwork.management.demo.decisions import (
    Decision,
    Decisions,
    Report,
    SetArchived,
    SetCommit,
    SetDelegate,
    SetReviewer,
    SetState,
)
from patchwork.management.demo.lists import Author, MailingList, Sent
from patchwork.people.models import Person, UserProfile, email_key
from patchwork.projects.models import Project, State
from patchwork.tracking import changes
from patchwork.tracking.models import Comment, Mail, Patch, Revision, Series

ADMIN = "admin"
ADMIN_PASSWORD = "pass"  # noqa: S105 (everybody knows it; development settings only)


@dataclass(frozen=True, slots=True)
class Play:
    """A project of the demo and what is told about it."""

    linkname: str
    name: str
    web_url: str
    scm_url: str
    tell: Callable[[MailingList, Decisions], None]


PLAYS = (
    Play(
        "lanternd",
        "Lanternd",
        "https://lanternd.example.com/",
        "https://git.example.com/lanternd.git",
        lanternd.tell,
    ),
    Play(
        "wicker",
        "Wicker",
        "https://wicker.example.org/",
        "https://git.example.org/wicker.git",
        wicker.tell,
    ),
)
REVIEWERS = (("maren", MAREN, "lanternd"), ("tadeo", TADEO, "wicker"))


@dataclass(frozen=True, slots=True)
class Performance:
    """What a performance has changed."""

    mails: int
    decisions: int


def perform(now: datetime) -> Performance:
    """Bring everything about that is not there yet."""
    lists = {play.linkname: MailingList(play.linkname, now) for play in PLAYS}
    projects = {play.linkname: _project(play, lists[play.linkname]) for play in PLAYS}
    accounts = _accounts(projects)
    mails = decided = 0
    for play in PLAYS:
        decisions = Decisions()
        play.tell(lists[play.linkname], decisions)
        fresh = _deliver(lists[play.linkname].sent)
        _link_people(accounts)
        decided += sum(
            _carry_out(decision, projects[play.linkname], accounts) for decision in decisions.made
        )
        if fresh:
            _turn_the_clock_back(projects[play.linkname])
        mails += fresh
    return Performance(mails, decided)


def _project(play: Play, ml: MailingList) -> Project:
    project, _ = Project.objects.get_or_create(
        linkname=play.linkname,
        defaults={
            "name": play.name,
            "listid": ml.listid,
            "listemail": ml.address,
            "web_url": play.web_url,
            "scm_url": play.scm_url,
        },
    )
    return project


def _accounts(projects: dict[str, Project]) -> dict[str, User]:
    """The administrator, and a reviewer for each project who cannot log in."""
    accounts = {ADMIN: _administrator()}
    maintains = {ADMIN: list(projects.values())}
    for username, author, linkname in REVIEWERS:
        accounts[username] = _reviewer(username, author)
        maintains[username] = [projects[linkname]]
    for username, account in accounts.items():
        profile, is_new = UserProfile.objects.get_or_create(user=account)
        if is_new:
            profile.maintainer_projects.set(maintains[username])
    return accounts


def _administrator() -> User:
    existing = User.objects.filter(username=ADMIN).first()
    return existing or User.objects.create_superuser(ADMIN, f"{ADMIN}@localhost", ADMIN_PASSWORD)


def _reviewer(username: str, author: Author) -> User:
    existing = User.objects.filter(username=username).first()
    first_name, _, last_name = author.name.partition(" ")
    return existing or User.objects.create_user(
        username, author.email, first_name=first_name, last_name=last_name
    )


def _deliver(sent: Sequence[Sent]) -> int:
    """Receive the mails in the order of their dates; answers how many were new."""
    ordered = sorted(sent, key=lambda mail: (mail.date, mail.msgid))
    outcomes = receive_many([mail.raw for mail in ordered], historical=False)
    lost = [
        f"{mail.subject}: {outcome.fate.value} {outcome.detail}"
        for mail, outcome in zip(ordered, outcomes, strict=True)
        if outcome.fate in (Fate.NO_PROJECT, Fate.QUARANTINED, Fate.IGNORED, Fate.KEPT)
    ]
    if lost:
        raise RuntimeError("mails of the demo were not taken in:\n" + "\n".join(lost))
    return sum(outcome.fate is not Fate.DUPLICATE for outcome in outcomes)


def _link_people(accounts: dict[str, User]) -> None:
    """Reviewers are the people who write under their address."""
    for account in accounts.values():
        for person in Person.objects.filter(email_key=email_key(account.email), user=None):
            person.user = account
            person.save()


def _carry_out(decision: Decision, project: Project, accounts: dict[str, User]) -> int:
    """Do what was decided, unless it is done or somebody has decided otherwise since."""
    admin = accounts[ADMIN]
    if isinstance(decision, SetState):
        state = State.objects.get(name=decision.state)
        undecided = _patches(project, decision.msgids).filter(state_set_by_human=False)
        return changes.set_state(undecided, state, admin)
    if isinstance(decision, SetDelegate):
        free = _patches(project, decision.msgids).filter(delegate=None)
        return changes.set_delegate(free, accounts[decision.username], admin)
    if isinstance(decision, SetArchived):
        return changes.set_archived(_patches(project, decision.msgids), True, admin)
    if isinstance(decision, SetCommit):
        (patch,) = _patches(project, (decision.msgid,))
        return changes.set_commit(patch, decision.commit, admin)
    if isinstance(decision, SetReviewer):
        return _set_reviewer(decision, project, accounts)
    return _report(decision, project, admin)


def _set_reviewer(decision: SetReviewer, project: Project, accounts: dict[str, User]) -> int:
    series = _revision(project, decision.msgid).series
    if series is None or series.reviewer_id is not None:
        return 0
    changes.set_reviewer(series, accounts[decision.username], accounts[ADMIN])
    return 1


def _report(report: Report, project: Project, user: User) -> int:
    target: Patch | Revision
    if report.on_patch:
        target = _patches(project, (report.msgid,)).get()
        known = CheckResult.objects.filter(patch=target)
    else:
        target = _revision(project, report.msgid)
        known = CheckResult.objects.filter(revision=target)
    if known.filter(test_name=report.test_name).exists():
        return 0
    record_result(
        target=target,
        test_name=report.test_name,
        state=report.state,
        user=user,
        url=report.url,
        summary=report.summary,
    )
    return 1


def _patches(project: Project, msgids: Iterable[str]) -> QuerySet[Patch]:
    return Patch.objects.filter(mail__project=project, mail__msgid__in=list(msgids))


def _revision(project: Project, msgid: str) -> Revision:
    """What the mail was sent for; a patch that was sent again made a revision of its own."""
    posting = Mail.objects.select_related("posting__series").get(project=project, msgid=msgid)
    if posting.posting is None:
        raise RuntimeError(f"the demo's mail {msgid} belongs to no series")
    return posting.posting


def _turn_the_clock_back(project: Project) -> None:
    """Let series look as if their mails had come on their dates.

    All of it has come within a second; the order of the list would mean nothing. No other code
    may write this column for a past that was not.
    """
    latest = Revision.objects.filter(project=project).values_list("series_id")
    for series_id, posted in latest.annotate(posted=Max("date")).order_by():
        answered = Comment.objects.filter(
            Q(patch__revisions__series=series_id) | Q(cover__mail__posting__series=series_id)
        ).aggregate(latest=Max("date"))["latest"]
        moment = max(filter(None, (posted, answered)))
        Series.objects.filter(pk=series_id).update(last_updated=moment)
