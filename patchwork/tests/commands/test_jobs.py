# SPDX-License-Identifier: GPL-2.0-or-later
"""manage.py jobs"""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from patchwork import correlation
from patchwork.jobs.attendance import Presence
from patchwork.jobs.leasing import Grip
from patchwork.jobs.models import Job, JobState, JobTally, Worker
from patchwork.jobs.worker import drain
from patchwork.management.showing import spelled, table
from patchwork.tests.jobs import chores
from patchwork.tests.jobs.chores import written

pytestmark = pytest.mark.django_db


def jobs(*words: object) -> str:
    out = io.StringIO()
    call_command("jobs", *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def refused(*words: object) -> tuple[str, str]:
    """What it says, and its last words."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("jobs", *map(str, words), stdout=out, stderr=out)
    assert error.value.returncode == 1
    return out.getvalue(), str(error.value)


def ids(state: JobState) -> list[int]:
    return list(Job.objects.filter(state=state).order_by("id").values_list("id", flat=True))


@pytest.fixture
def dead(db) -> Job:
    """Dead, with two others that wait for it; one is done, one to be tried again."""
    with correlation.carried("c0ffee"):
        chores.give_up_in_line.enqueue("pr:7")
    chores.note.enqueue("done")
    chores.fail.enqueue()
    drain()
    for line in ("one", "two"):
        chores.note_in_line.enqueue("pr:7", line)
    return Job.objects.get(state=JobState.DEAD)


class TestList:
    def test_what_is_open_the_newest_last(self, dead):
        lines = jobs("list").splitlines()
        assert lines[0].split() == ["id", "state", "attempts", "queued", "task", "key", "error"]
        assert [line.split()[1] for line in lines[1:]] == ["dead", "retry", "blocked", "blocked"]
        assert lines[1].startswith(str(dead.pk))
        assert lines[1].endswith("give_up_in_line  pr:7  550 no such user")

    @pytest.mark.parametrize(
        ("filters", "states"),
        [
            (["--state", "done"], ["done"]),
            (["--state", "all", "--task", "note"], ["done"]),
            (["--key", "pr:7"], ["dead", "blocked", "blocked"]),
            (["--correlation", "c0ffee"], ["dead"]),
            (["--error", "DISK"], ["retry"]),
            (["--queue", "mail"], []),
            (["--limit", "1"], ["blocked"]),
        ],
    )
    def test_filters(self, dead, filters, states):
        found = json.loads(jobs("list", "--format", "json", *filters))
        assert [job["state"] for job in found] == states

    def test_for_programs(self, dead):
        found = json.loads(jobs("list", "--format", "json"))
        assert found[0] == {
            "id": dead.pk,
            "name": "patchwork.tests.jobs.chores.give_up_in_line",
            "queue": "default",
            "state": "dead",
            "key": "pr:7",
            "correlation": "c0ffee",
            "idempotency_key": None,
            "arguments": {"args": ["pr:7"], "kwargs": {}},
            "attempts": 1,
            "worker": found[0]["worker"],
            "created": found[0]["created"],
            "run_after": None,
            "due": None,
            "started": found[0]["started"],
            "finished": found[0]["finished"],
            "error": "550 no such user",
        }

    def test_more_than_are_shown(self, dead):
        shown = jobs("list", "--limit", 3).splitlines()
        assert len(shown) == 5
        assert shown[-1] == "There are more than these 3: see --limit."
        assert "more than" not in jobs("list", "--limit", 4)
        assert refused("list", "--limit", 0)[1] == "--limit takes a number from 1 up."

    def test_nothing(self, db):
        assert jobs("list").split() == ["id", "state", "attempts", "queued", "task", "key", "error"]

    def test_errors_do_not_command_the_terminal(self, dead):
        Job.objects.update(error="\x1b[2Jgone\nsecond line", traceback="\x1b]0;x\x07")
        for said in (jobs("list"), jobs("show", dead.pk)):
            assert "\x1b" not in said
            assert "?[2Jgone" in said


class TestShow:
    def test_everything(self, dead):
        Job.objects.filter(pk=dead.pk).update(traceback="Traceback\n  line", result={"n": 1})
        said = jobs("show", dead.pk)
        for words in (
            "state:        dead\n",
            "key:          pr:7\n",
            "correlation:  c0ffee\n",
            "attempts:     1\n",
            'arguments:\n  {\n    "args": [\n      "pr:7"\n',
            'result:\n  {\n    "n": 1\n',
            "error:\n  550 no such user\n",
            "traceback:\n  Traceback\n    line\n",
            "The first one is dead, and holds up the others.\n",
        ):
            assert words in said
        line = said.partition("line of its key:\n")[2].splitlines()[:3]
        assert line[0] == f"  {dead} (dead)"
        assert all(one.endswith("note_in_line (blocked)") for one in line[1:])

    def test_a_long_line(self, dead):
        for number in range(25):
            chores.note_in_line.enqueue("pr:7", str(number))
        assert "and 7 more" in jobs("show", dead.pk)

    def test_one_that_is_alone(self, db):
        chores.nothing.enqueue()
        said = jobs("show", Job.objects.get().pk)
        assert "line of its key" not in said
        assert "traceback" not in said

    def test_one_that_there_is_not(self, db):
        assert refused("show", 9)[1] == "There is no job 9: see jobs list --state all."


class TestActing:
    def test_retry(self, dead):
        assert jobs("retry", dead.pk).splitlines() == [
            f"{dead}: will be run again",
            "1 will be run again",
        ]
        assert ids(JobState.QUEUED) == [dead.pk]

    def test_drop_lets_the_others_go(self, dead):
        assert "1 dropped" in jobs("drop", dead.pk)
        drain()
        assert written() == ["done", "one", "two"]

    def test_what_cannot_be_done_is_said_and_the_rest_is_done(self, dead):
        [done] = ids(JobState.DONE)
        said, last = refused("retry", done, dead.pk, 999999)
        assert "is done; there is nothing to try again." in said
        assert "There is no job 999999." in said
        assert "1 will be run again" in said
        assert last == "2 could not be done."
        assert ids(JobState.QUEUED) == [dead.pk]

    def test_by_filters(self, db):
        for _ in range(3):
            chores.give_up.enqueue()
        chores.give_up_in_line.enqueue("pr:7")
        drain()
        assert "More than one is found" in refused("retry", "--task", "give_up")[1]
        assert len(ids(JobState.DEAD)) == 4
        assert "3 will be run again" in jobs("retry", "--task", "give_up", "--all")
        assert "1 will be run again" in jobs("retry", "--error", "no such user")
        assert "0 will be run again" in jobs("retry", "--all")

    def test_a_whole_line_is_dropped_without_beginning_any(self, dead, monkeypatch):
        begun = []
        monkeypatch.setattr("patchwork.jobs.changes.announce", lambda _, ids: begun.append(ids))
        assert "3 dropped" in jobs("drop", "--key", "pr:7", "--state", "open", "--all")
        assert begun == []
        assert Job.objects.filter(state=JobState.CANCELLED).count() == 3

    @pytest.mark.parametrize("what", ["retry", "drop"])
    def test_it_takes_saying_which(self, dead, what):
        assert "Which ones?" in refused(what)[1]
        assert "Which ones?" in refused(what, "--state", "open")[1]
        assert "not both" in refused(what, dead.pk, "--task", "note")[1]
        assert "not both" in refused(what, dead.pk, "--all")[1]
        assert ids(JobState.DEAD) == [dead.pk]


class TestStats:
    def test_by_queue_and_task(self, dead, django_assert_num_queries):
        chores.note.using(queue_name="mail").enqueue("")
        Job.objects.filter(queue="mail").update(
            created=Now() - timedelta(hours=5), due=Now() - timedelta(hours=4)
        )
        Grip("us", ["default"]).move_on(None, 1)
        tallied = {"name": "patchwork.tests.jobs.chores.note", "outcome": "done"}
        JobTally.objects.create(**tallied, bucket=5, count=1000, seconds=1)
        JobTally.objects.create(**tallied, bucket=25, count=1000, seconds=7)
        JobTally.objects.create(name="a.task", outcome="done", bucket=5, count=1, seconds=2.5)
        JobTally.objects.create(name="b.task", outcome="dead", bucket=5, count=1, seconds=2.5)
        with django_assert_num_queries(3):
            rows = [line.split() for line in jobs("stats").splitlines()]
        assert rows[0] == [
            *("queue", "task", "queued", "blocked", "running", "retry", "dead"),
            *("oldest", "late", "done", "average"),
        ]
        found = {(row[0], row[1]): row[2:] for row in rows[1:] if row}
        note = ("mail", "patchwork.tests.jobs.chores.note")
        assert found[note] == ["1", "0", "0", "0", "0", "5", "h", "4", "h", "2,000", "4", "ms"]
        assert found["-", "a.task"][-3:] == ["1", "2.5", "s"]
        assert ("-", "b.task") not in found
        line = ("default", "patchwork.tests.jobs.chores.note_in_line")
        assert found[line][:5] == ["0", "2", "0", "0", "0"]

    def test_who_works(self, db):
        assert "No worker is there" in jobs("stats")
        Presence("busy", "worker", ["mail"], concurrency=4).be_seen()
        Presence("gone", "celery").be_seen()
        Worker.objects.filter(name="gone").update(seen=Now() - timedelta(hours=1))
        lines = {line.split()[0]: line for line in jobs("stats").splitlines() if line}
        assert lines["busy"].split()[:4] == ["busy", "worker", "mail", "4"]
        assert "not heard of since" in lines["gone"]
        assert "not heard of since" not in lines["busy"]


def test_help_gives_examples(capsys):
    with pytest.raises(SystemExit):
        call_command("jobs", "--help")
    assert "\n  jobs retry --state dead --task deliver --all\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0149, "15 ms"),
        (1.25, "1.2 s"),
        (119, "119.0 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (3 * 86400, "3 d"),
    ],
)
def test_durations(seconds, words):
    assert spelled(seconds) == words


def test_numbers_stand_at_the_right():
    assert list(table(("a", "number"), [("x", 1), ("long", 12345)])) == [
        "a     number",
        "x          1",
        "long  12,345",
    ]
    assert list(table(("a", "b"), [])) == ["a  b"]
