# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what tests have said, and writes the mails that their rows in the admin ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.urls import reverse

from patchwork import correlation
from patchwork.checks.models import CheckResult, MailRecipients, ResultState, TestMail
from patchwork.events.models import Event
from patchwork.mail.compose import Mailbox
from patchwork.notifications import letters
from patchwork.notifications.letters import Result, Tested
from patchwork.notifications.recipients import is_told, recipients
from patchwork.people.models import Person
from patchwork.people.notices import msgid_for, notice, send, wanted_by, whole_address
from patchwork.tracking.models import Mail, MailKind, Revision
from patchwork.tracking.queries.titles import title_of


def tell(events: Sequence[Event]) -> None:
    """Results, in order."""
    tests = _told_tests({event.project_id for event in events})
    if not tests:
        return
    results = _results([event.parameters["check"] for event in events])
    for event in events:
        result = results.get(event.parameters["check"])
        test = tests.get((result.project_id, result.test_name)) if result else None
        if result and test and is_told(test, result.state):
            with correlation.carried(event.correlation):
                _write(result, test)


def _told_tests(project_ids: Collection[int]) -> Mapping[tuple[int, str], TestMail]:
    """By project and name, those that somebody is told of."""
    rows = TestMail.objects.filter(project_id__in=project_ids)
    told = rows.exclude(recipients=MailRecipients.NONE)
    return {(test.project_id, test.test_name): test for test in told}


def _results(ids: Collection[int]) -> Mapping[int, CheckResult]:
    """Those that are still there, with what a mail says of them."""
    return CheckResult.objects.select_related(
        "project",
        *("patch__submitter", "patch__mail"),
        *("revision__submitter", "revision__series", "revision__rerun_of"),
    ).in_bulk(ids)


def _write(result: CheckResult, test: TestMail) -> None:
    submitter, project = _submitter(result), result.project
    mailing_list = Mailbox("", project.listemail)
    to, cc = recipients(test, Mailbox(submitter.name, submitter.email), mailing_list)
    wanted = set(wanted_by([*to, *cc]))
    to, cc = [each for each in to if each in wanted], [each for each in cc if each in wanted]
    if not wanted:
        return
    said = Result(result.test_name, ResultState(result.state), result.summary, result.url)
    subject, body = letters.about_result(said, _tested(result))
    send(
        notice(
            to,
            subject,
            body,
            cc=cc,
            reply_to=[mailing_list],
            in_reply_to=_root(result),
            msgid=msgid_for("result", result.pk, result.date.isoformat()),
        )
    )


def _submitter(result: CheckResult) -> Person:
    about = result.patch or result.revision
    assert about is not None
    return about.submitter


def _tested(result: CheckResult) -> Tested:
    if result.patch:
        page = reverse("patch", args=[result.patch.pk])
        return Tested("Patch", result.patch.name, whole_address(page))
    revision = result.revision
    assert revision is not None
    assert revision.series is not None
    page = reverse("series-revision", args=[revision.series.pk, revision.number])
    return Tested("Series", title_of(revision.series), whole_address(page), revision.number)


def _root(result: CheckResult) -> str:
    """The mail that the result is an answer to: of a revision, the one that it began with."""
    if result.patch:
        return result.patch.mail.msgid
    assert result.revision is not None
    posting: Revision = result.revision.rerun_of or result.revision
    mails = Mail.objects.filter(posting=posting, kind__in=(MailKind.COVER, MailKind.PATCH))
    first = mails.order_by("kind", "number", "date").values_list("msgid", flat=True).first()
    return first or ""
