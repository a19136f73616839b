# SPDX-License-Identifier: GPL-2.0-or-later
"""From a mail that comes in to the mails that go out, by a crontab alone."""

from __future__ import annotations

import mailbox
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F

from patchwork.checks.changes import record_result
from patchwork.checks.models import TestMail
from patchwork.ingest.receiving import receive_many
from patchwork.jobs.models import PeriodicJob
from patchwork.notifications.models import PatchNotification
from patchwork.outbox import transports
from patchwork.projects.models import Project
from patchwork.tests.letters import thread
from patchwork.tests.notifications.conftest import state
from patchwork.tracking import changes
from patchwork.tracking.models import Patch, Revision

PICTURE = "+ [PATCH 0/1] Feature\n+--> [PATCH 1/1] One"


@pytest.fixture
def sent(settings, tmp_path: Path) -> Path:
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.files.Maildir"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    transports.let_go()
    return tmp_path / "outbox"


def cron() -> None:
    """The next minute of the crontab."""
    PeriodicJob.objects.filter(last_queued__isnull=False).update(due=F("last_queued"))
    call_command("cron", verbosity=0)


def subjects(sent: Path) -> list[str]:
    if not sent.exists():
        return []
    return sorted(str(mail["Subject"]) for mail in mailbox.Maildir(sent, create=False))


@pytest.mark.django_db(transaction=True)
def test_mails_come_out(sent: Path) -> None:
    call_command("loaddata", "default_states", "default_tags", verbosity=0)
    project = Project.objects.create(
        linkname="list",
        name="A list",
        listid="list.example.org",
        listemail="list@example.org",
        send_notifications=True,
    )
    TestMail.objects.create(project=project, test_name="build", recipients="mailing list")
    cron()
    receive_many(thread(PICTURE))
    maria, robot = User.objects.create_user("maria"), User.objects.create_user("robot")
    changes.set_state(Patch.objects.all(), state("Accepted"), maria)
    record_result(target=Revision.objects.get(), test_name="build", state="failure", user=robot)
    cron()
    assert len(subjects(sent)) == 1
    PatchNotification.objects.update(changed=F("changed") - timedelta(minutes=11))
    for _ in range(2):
        cron()
        assert len(subjects(sent)) == 2
    assert "Accepted: [1/1] One" in subjects(sent)


@pytest.mark.django_db(transaction=True)
def test_an_import_tells_nobody(sent: Path, tmp_path: Path) -> None:
    call_command("loaddata", "default_states", "default_tags", verbosity=0)
    Project.objects.create(
        linkname="list",
        name="A list",
        listid="list.example.org",
        listemail="list@example.org",
        send_notifications=True,
    )
    cron()
    archive = mailbox.mbox(tmp_path / "archive.mbox")
    second = "+ [PATCH v2 0/1] Feature  @3d\n+--> bob: [PATCH v2 1/1] One"
    for raw in [*thread(PICTURE), *thread(second, "n")]:
        archive.add(raw)
    archive.close()
    call_command("parsearchive", str(tmp_path / "archive.mbox"), verbosity=0)
    assert Patch.objects.count() == 2
    cron()
    assert not PatchNotification.objects.exists()
    assert subjects(sent) == []
