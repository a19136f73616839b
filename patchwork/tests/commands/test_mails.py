# SPDX-License-Identifier: GPL-2.0-or-later
"""manage.py mails"""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from patchwork import correlation
from patchwork.jobs.worker import drain
from patchwork.outbox.models import Bounce, Kind, OutgoingMail
from patchwork.outbox.queueing import queue_series
from patchwork.tests.outbox.conftest import post_office
from patchwork.tests.outbox.drafts import (
    LIST,
    deliver_all,
    draft,
    queued,
    recipients,
    state,
)
from patchwork.tests.outbox.postoffice import KEEP_AND_HANG_UP, PostOffice

__all__ = ["post_office"]

pytestmark = pytest.mark.django_db


def mails(*words: object) -> str:
    out = io.StringIO()
    call_command("mails", *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def refused(*words: object) -> tuple[str, str]:
    """What it says, and its last words."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("mails", *map(str, words), stdout=out, stderr=out)
    assert error.value.returncode == 1
    return out.getvalue(), str(error.value)


@pytest.fixture
def dead(db: None, post_office: PostOffice) -> OutgoingMail:
    """A cover that the list refused, with two patches that wait for it; and a notice, sent."""
    queued("notice", "carol@example.org", kind=Kind.NOTICE)
    deliver_all()
    with correlation.carried("c0ffee"):
        cover, *_ = queue_series(
            [draft("cover", LIST, "Bob@example.org"), draft("one"), draft("two")]
        )
    post_office.then("RCPT", "550 5.7.1 Subscribers only")
    deliver_all()
    return cover


def states() -> dict[str, str]:
    return {mail.subject.split()[-1]: mail.state for mail in OutgoingMail.objects.order_by("id")}


class TestList:
    def test_what_is_open_the_newest_last(self, dead):
        lines = mails("list").splitlines()
        assert lines[0].split()[:6] == ["id", "state", "kind", "attempts", "written", "to"]
        assert [line.split()[1] for line in lines[1:]] == ["dead", "held", "held"]
        assert f"{LIST} +1" in lines[1]
        assert lines[1].endswith(f"Subject of cover; {LIST}: 550 5.7.1 Subscribers only")

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            (["--state", "sent"], ["notice"]),
            (["--state", "all", "--to", "BOB@"], ["cover"]),
            (["--state", "all", "--kind", "notice"], ["notice"]),
            (["--subject", "OF ONE"], ["one"]),
            (["--correlation", "c0ffee"], ["cover", "one", "two"]),
            (["--limit", "1"], ["two"]),
        ],
    )
    def test_filters(self, dead, filters, found, django_assert_num_queries):
        with django_assert_num_queries(2):
            told = json.loads(mails("list", "--format", "json", *filters))
        assert [mail["subject"].split()[-1] for mail in told] == found

    def test_for_programs(self, dead):
        told = json.loads(mails("list", "--format", "json", "--state", "dead"))[0]
        assert told["msgid"] == "<cover@example.org>"
        assert told["recipients"] == [
            {"address": LIST, "state": "refused", "words": "550 5.7.1 Subscribers only"},
            {"address": "Bob@example.org", "state": "sent", "words": ""},
        ]
        assert "packed" not in told

    def test_more_than_are_shown(self, dead):
        assert "There are more than these 2: see --limit." in mails("list", "--limit", 2)
        assert "more than" not in mails("list", "--limit", 3)
        assert refused("list", "--limit", 0)[1] == "--limit takes a number from 1 up."

    def test_what_strangers_say_does_not_command_the_terminal(self, dead):
        OutgoingMail.objects.update(words="\x1b[2Jgone")
        for said in (mails("list"), mails("show", dead.pk)):
            assert "?[2Jgone" in said
            assert "\x1b" not in said


class TestShow:
    def test_everything(self, dead):
        Bounce.objects.create(mail=dead, sha256="1", said="550 unknown", secret=False)
        said = mails("show", dead.pk)
        for words in (
            "message-id:  <cover@example.org>\n",
            "state:       not sent\n",
            f"recipients:\n  {LIST} (refused) 550 5.7.1 Subscribers only\n",
            "  Bob@example.org (sent)\n",
            "waits for it:\n  <one@example.org> Subject of one\n",
            " UTC 550 unknown\n",
            "text:\n  ",
            "  Text of cover, mit Grüßen.\n",
        ):
            assert words in said
        assert mails("show", "<cover@example.org>") == said
        waiting = mails("show", "<one@example.org>")
        assert "waits for:\n  <cover@example.org> Subject of cover (not sent)\n" in waiting

    def test_secrets_are_not_shown(self, db):
        mail = queued("reset", "ann@example.org", kind=Kind.ACCOUNT)
        said = mails("show", mail.pk)
        assert "Nobody but its recipients may read it" in said
        assert "Text of reset" not in said

    @pytest.mark.parametrize("name", ["9", "<no@example.org>", "9" * 400])
    def test_one_that_there_is_not(self, db, name):
        assert "There is no mail" in refused("show", name)[1]


class TestActing:
    def test_retry(self, dead):
        assert mails("retry", dead.pk).splitlines() == [
            "<cover@example.org> Subject of cover: will be sent",
            "1 will be sent",
        ]
        deliver_all()
        assert set(states().values()) == {"sent"}

    def test_what_cannot_be_done_is_said_and_the_rest_is_done(self, dead):
        said, last = refused("retry", "<notice@example.org>", dead.pk)
        assert "there is nothing to try again" in said
        assert "1 will be sent" in said
        assert last == "1 could not be done."
        assert states()["cover"] == "queued"

    def test_by_filters(self, dead, post_office):
        queued("another")
        post_office.then("RCPT", "550 No")
        deliver_all()
        assert "More than one is found" in refused("retry", "--to", "list@")[1]
        assert "1 will be sent" in mails("retry", "--subject", "another")
        assert "1 will be sent" in mails("retry", "--all")
        assert "0 will be sent" in mails("retry", "--all")

    @pytest.mark.parametrize("what", ["retry", "drop", "assume-sent"])
    def test_it_takes_saying_which(self, dead, what):
        assert "Which ones?" in refused(what)[1]
        assert "not both" in refused(what, dead.pk, "--to", "list")[1]
        assert states()["cover"] == "dead"

    def test_assume_sent(self, db, post_office):
        mail = queued("lost")
        post_office.then("END", KEEP_AND_HANG_UP)
        drain()
        assert state(mail) == "unknown"
        assert "1 taken for sent" in mails("assume-sent", "--all")
        assert state(mail) == "sent"

    def test_drop_lets_the_others_go(self, dead):
        assert "1 dropped\n" in mails("drop", dead.pk)
        deliver_all()
        assert (states()["one"], states()["two"]) == ("sent", "sent")

    def test_drop_with_followers(self, dead):
        assert "1 dropped with what waited for it\n" in mails("drop", dead.pk, "--followers")
        assert (states()["one"], states()["two"]) == ("dropped", "dropped")

    def test_a_whole_series_is_dropped_without_sending_any(self, dead, post_office):
        before = len(post_office.kept)
        assert "3 dropped" in mails("drop", "--correlation", "c0ffee", "--state", "open", "--all")
        deliver_all()
        assert len(post_office.kept) == before

    def test_another_address(self, dead):
        said = mails("readdress", dead.pk, LIST, "new@example.org")
        assert said.endswith(f": goes to new@example.org instead of {LIST}\n")
        deliver_all()
        assert recipients(dead) == {"new@example.org": "sent", "Bob@example.org": "sent"}

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("nobody@example.org", "new@example.org", "is not for nobody@example.org"),
            (LIST, "no address", "no address that mail can be sent to"),
            ("Bob@example.org", "new@example.org", "has got the mail"),
        ],
    )
    def test_addresses_that_make_no_sense(self, dead, old, new, words):
        assert words in refused("readdress", dead.pk, old, new)[1]


def test_stats(dead, django_assert_num_queries):
    with django_assert_num_queries(1):
        rows = [line.split() for line in mails("stats").splitlines()]
    assert rows[0] == ["kind", "state", "mails", "oldest"]
    assert [row[:3] for row in rows[1:]] == [["list", "dead", "1"], ["list", "held", "2"]]


def test_help_gives_examples(capsys):
    with pytest.raises(SystemExit):
        call_command("mails", "--help")
    assert "\n  mails drop 17 --followers\n" in capsys.readouterr().out
