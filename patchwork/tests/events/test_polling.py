# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that polls with the time of the last event it saw misses nothing and sees nothing twice,
while eight processes deliver to three projects."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import pytest

from patchwork.events.models import Event
from patchwork.ingest.outcome import Fate
from patchwork.models import Patch, Series
from patchwork.projects.models import Project
from patchwork.tests.ingest.conftest import installation, short_path  # noqa: F401 (fixtures)
from patchwork.tests.ingest.installation import ROOT, Installation
from patchwork.tests.letters import LIST_ID, thread

PROCESSES = 8
MAILS_EACH = 12
PICTURE = """
    + [PATCH 0/2] Feature {number}
    +--> [PATCH 1/2] One
    +--> [PATCH 2/2] Two
"""

DELIVER = """
import sys
import django
django.setup()
from patchwork.ingest.receiving import receive
for raw in sys.stdin.buffer.read().split(b"\\0"):
    print(receive(raw).fate.value, flush=True)
"""
POLL = """
import sys
import django
django.setup()
from datetime import datetime, UTC
from patchwork.events.models import Event
last = datetime(1970, 1, 1, tzinfo=UTC)
print("ready", flush=True)
while True:
    done = sys.stdin.readline() == "done\\n"
    new = Event.objects.filter(event_time__gt=last).order_by("event_time")
    for pk, last in new.values_list("pk", "event_time"):
        print(pk, last.isoformat(), flush=True)
    print("polled", flush=True)
    if done:
        break
"""


def mails(process: int) -> bytes:
    """A third of the processes deliver to each project, in an order of their own."""
    raws = [
        raw.replace(LIST_ID.encode(), f"p{process % 3}.example.org".encode())
        for number in range(MAILS_EACH // 3)
        for raw in thread(PICTURE.format(number=f"{process} {number}"), f"{process}-{number}-")
    ]
    return b"\0".join(raws[process:] + raws[:process])


@pytest.mark.django_db(transaction=True)
def test_a_poller_sees_every_event_once(installation: Installation) -> None:  # noqa: F811
    for number in range(3):
        Project.objects.create(
            linkname=f"p{number}",
            name=f"P{number}",
            listid=f"p{number}.example.org",
            listemail=f"p{number}@example.org",
        )
    installation.publish()

    def start(script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=installation.environment,
            cwd=ROOT,
            text=True,
        )

    poller = start(POLL)
    assert poller.stdin and poller.stdout and poller.stdout.readline() == "ready\n"
    senders = [start(DELIVER) for _ in range(PROCESSES)]
    for number, sender in enumerate(senders):
        assert sender.stdin
        sender.stdin.write(mails(number).decode())
        sender.stdin.close()
    seen: list[tuple[int, datetime]] = []
    while any(sender.poll() is None for sender in senders):
        seen += poll(poller, "again")
    seen += poll(poller, "done")
    fates = [
        line.strip() for sender in senders if sender.stdout for line in sender.stdout.readlines()
    ]
    for process in (poller, *senders):
        assert process.wait() == 0
    installation.fetch()
    assert sorted(fates) == [Fate.COVER] * 32 + [Fate.PATCH] * 64
    assert Patch.objects.count() == 64
    assert list(Series.objects.values_list("state", flat=True)) == ["initial"] * 32
    everything = list(Event.objects.order_by("event_time").values_list("pk", flat=True))
    assert [pk for pk, _ in seen] == everything
    assert Event.objects.filter(kind="series-new-revision").count() == 32


def poll(poller: subprocess.Popen[str], word: str) -> list[tuple[int, datetime]]:
    """One round: what is new since the last event that it saw."""
    assert poller.stdin and poller.stdout
    poller.stdin.write(f"{word}\n")
    poller.stdin.flush()
    found = []
    while (line := poller.stdout.readline()) != "polled\n":
        pk, time = line.split()
        found.append((int(pk), datetime.fromisoformat(time)))
    return found
