# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever a server answers: each mail ends sent once, or dead with its words, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from patchwork.jobs.worker import drain
from patchwork.outbox import transports, upkeep
from patchwork.outbox.models import Kind, OutgoingMail
from patchwork.outbox.queueing import queue, queue_series
from patchwork.outbox.returned import came_back
from patchwork.tests.outbox.drafts import LIST, draft, let_time_pass
from patchwork.tests.outbox.postoffice import (
    GO_AHEAD_AND_HANG_UP,
    HANG_UP,
    KEEP_AND_HANG_UP,
    PostOffice,
)

BOB, EVE = "bob@example.org", "eve@example.org"
KINDLY = ""
LATER, NEVER, GOODBYE = "451 4.3.0 Later", "554 5.7.1 Never", "421 4.3.2 Bye"

ANSWERS = {
    "CONNECT": [KINDLY, GOODBYE, HANG_UP, "554 5.3.2 No service"],
    "MAIL": [KINDLY, LATER, NEVER, GOODBYE, HANG_UP],
    "RCPT": [KINDLY, KINDLY, LATER, NEVER, GOODBYE, HANG_UP],
    "DATA": [KINDLY, LATER, NEVER, GOODBYE, HANG_UP, GO_AHEAD_AND_HANG_UP],
    "END": [KINDLY, LATER, NEVER, GOODBYE, HANG_UP, KEEP_AND_HANG_UP],
    "RSET": [KINDLY, LATER, HANG_UP],
}
SCRIPTS = st.fixed_dictionaries(
    {verb: st.lists(st.sampled_from(answers), max_size=6) for verb, answers in ANSWERS.items()}
)
MAILS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([LIST, BOB, EVE]), min_size=1, max_size=3, unique=True),
        st.integers(min_value=-1, max_value=3),
    ),
    min_size=1,
    max_size=4,
)
"""Whom each is for, and which of the earlier ones it replies to."""


class TestAnyServer(TestCase):
    @pytest.fixture(autouse=True)
    def _server(self, post_office: PostOffice) -> Iterator[None]:
        self.office = post_office
        yield

    def start(self, script: dict[str, list[str]]) -> None:
        transports.let_go()
        self.office.forget()
        for verb, answers in script.items():
            self.office.then(verb, *answers)

    def finish(self) -> None:
        """Let everything come to its end, with lists that send back what they get."""
        for _ in range(60):
            drain()
            came_back([mail.msgid for mail in OutgoingMail.objects.all() if self.has_got(mail)])
            upkeep.resolve_unknown()
            self.check_order_so_far()
            if not OutgoingMail.objects.exclude(due=None).exclude(state="held").exists():
                return
            let_time_pass(hours=2)
        raise AssertionError("it does not come to an end")

    def has_got(self, mail: OutgoingMail) -> bool:
        """Whether the list has it."""
        return mail.read_bytes() in self.office.received(mail.recipients.order_by("id")[0].address)

    def check_order_so_far(self) -> None:
        for mail in OutgoingMail.objects.exclude(depends_on=None).select_related("depends_on"):
            assert mail.depends_on
            for who in mail.recipients.values_list("address", flat=True):
                got = self.office.received(who)
                parent, child = mail.depends_on.read_bytes(), mail.read_bytes()
                if parent in got and child in got:
                    assert got.index(parent) < got.index(child)

    def check(self, contents: dict[str, bytes]) -> None:
        for mail in OutgoingMail.objects.all():
            content = mail.read_bytes()
            assert content == contents[mail.msgid]
            for recipient in mail.recipients.all():
                times = self.office.received(recipient.address).count(content)
                is_in_doubt = mail.state == "unknown" and recipient.state == "waiting"
                assert times in ((0, 1) if is_in_doubt else (recipient.state == "sent",))
            states = {recipient.state for recipient in mail.recipients.all()}
            match mail.state:
                case "sent":
                    assert states == {"sent"}
                case "dead":
                    assert "refused" in states
                    assert states <= {"refused", "sent"}
                    assert mail.words
                case "held":
                    assert mail.depends_on
                    assert mail.depends_on.state in ("dead", "held", "unknown")
                    assert states == {"waiting"}
                case "unknown":
                    assert upkeep.WAITS in mail.words
                case _:
                    raise AssertionError(mail.state)

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(script=SCRIPTS, mails=MAILS)
    def test_mails_that_reply_to_each_other(self, script: Any, mails: Any) -> None:
        self.start(script)
        contents: dict[str, bytes] = {}
        for number, (to, parent) in enumerate(mails):
            replies = {"in_reply_to": f"<n{parent}@example.org>"} if 0 <= parent < number else {}
            mail = queue(draft(f"n{number}", *to, **replies), kind=Kind.LIST)
            contents[mail.msgid] = mail.read_bytes()
        self.finish()
        self.check(contents)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(script=SCRIPTS, count=st.integers(min_value=2, max_value=4))
    def test_a_series(self, script: Any, count: int) -> None:
        self.start(script)
        mails = queue_series([draft(f"n{number}") for number in range(count)])
        self.finish()
        self.check({mail.msgid: mail.read_bytes() for mail in mails})
        order = [mail.read_bytes() for mail in mails]
        received = self.office.received(LIST)
        assert received == order[: len(received)]
