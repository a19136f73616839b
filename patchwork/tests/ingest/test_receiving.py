# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of mails: real bytes in, rows and events out."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchwork import correlation
from patchwork.events.models import Event
from patchwork.ingest.models import QuarantinedMail
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import TryLater, receive, receive_many
from patchwork.models import (
    Comment,
    Cover,
    DelegationRule,
    Mail,
    Patch,
    PatchCount,
    Person,
    Project,
    RawMail,
    Revision,
    Series,
    SeriesDependency,
    State,
    UserProfile,
)
from patchwork.tests.ingest.structure import rolled_back, structure, tables
from patchwork.tests.letters import LIST_ID, diff, mail, patch, thread
from patchwork.tests.mail.hostile import HOSTILE
from patchwork.tracking.changes import remove_mails, set_state

SERIES = """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    |  +--> bob: Re: [PATCH 1/2] One   says=Reviewed-by: Bob <bob@example.org>
    +--> [PATCH 2/2] Two
"""
SINGLE = "+ [PATCH] Lone one"


def kinds() -> list[str]:
    return list(Event.objects.order_by("event_time").values_list("kind", flat=True))


class TestSeries:
    def test_a_series_with_cover_patches_and_review(self, project: Project) -> None:
        fates = [outcome.fate for outcome in receive_many(thread(SERIES))]
        assert fates == [Fate.COVER, Fate.PATCH, Fate.COMMENT, Fate.PATCH]
        series = Series.objects.get()
        revision = Revision.objects.get()
        assert series.pk == revision.pk
        assert (series.name, series.version, series.n_patches) == ("Feature", 1, 2)
        assert series.state == "initial"
        assert series.newest == revision
        assert revision.is_complete and revision.announced
        assert [slot.patch.name for slot in revision.slots.select_related("patch")] == [
            "[1/2] One",
            "[2/2] Two",
        ]
        assert Cover.objects.get().name == "[0/2] Feature"
        assert Comment.objects.get().patch == Patch.objects.get(name="[1/2] One")
        assert Patch.objects.get(name="[1/2] One").tag_counts.get().tag.name == "Reviewed-by"

    def test_its_events_one_mail_after_the_other(self, project: Project) -> None:
        for raw in thread(SERIES):
            receive(raw)
        assert kinds() == [
            "series-created",
            "cover-created",
            "patch-created",
            "patch-completed",
            "patch-comment-created",
            "patch-created",
            "patch-completed",
            "series-completed",
            "series-new-revision",
        ]
        last = Event.objects.latest("event_time")
        assert last.parameters == {"revision": 1}
        assert last.series_id == Series.objects.get().pk

    def test_they_carry_what_came_in_together(self, project: Project) -> None:
        receive_many([patch("[PATCH] one", msgid="<1@x>"), patch("[PATCH] two", msgid="<2@x>")])
        [carried] = set(Event.objects.values_list("correlation", flat=True))
        assert carried not in ("", "webhook-7")
        with correlation.carried("webhook-7"):
            receive(patch("[PATCH] three", msgid="<3@x>"))
        assert set(Event.objects.values_list("correlation", flat=True)) == {carried, "webhook-7"}
        assert correlation.current() == ""

    def test_events_of_a_batch_are_the_same_set(self, project: Project) -> None:
        receive_many(thread(SERIES))
        assert sorted(kinds()) == sorted(
            [
                "series-created",
                "cover-created",
                "patch-created",
                "patch-completed",
                "patch-comment-created",
                "patch-created",
                "patch-completed",
                "series-completed",
                "series-new-revision",
            ]
        )

    def test_a_patch_is_completed_when_those_before_it_are_there(self, project: Project) -> None:
        cover, one, _, two = thread(SERIES)
        receive(cover)
        receive(two)
        assert "patch-completed" not in kinds()
        receive(one)
        assert kinds()[-4:] == [
            "patch-completed",
            "patch-completed",
            "series-completed",
            "series-new-revision",
        ]

    def test_a_new_version_supersedes_what_nobody_decided_about(self, project: Project) -> None:
        receive_many(thread(SERIES))
        accepted = State.objects.get(slug="accepted")
        set_state([Patch.objects.get(name="[1/2] One")], accepted, None)
        receive_many(
            thread(
                """
                + [PATCH v2 0/2] Feature  @2d
                +--> [PATCH v2 1/2] One
                +--> [PATCH v2 2/2] Two
                """,
                prefix="v2-",
            )
        )
        series = Series.objects.get()
        assert series.version == 2
        assert {
            patch.name: patch.state.slug for patch in Patch.objects.select_related("state")
        } == {
            "[1/2] One": "accepted",
            "[2/2] Two": "superseded",
            "[v2,1/2] One": "new",
            "[v2,2/2] Two": "new",
        }
        change = Event.objects.filter(kind="patch-state-changed").latest("event_time")
        assert change.actor is None
        assert change.patch is not None and change.patch.name == "[2/2] Two"

    def test_a_project_may_leave_older_patches_alone(self, project: Project) -> None:
        Project.objects.update(supersede_older=False)
        receive_many(thread("+ [PATCH] Name\n+ [PATCH v2] Name  @1d"))
        assert set(Patch.objects.values_list("state__slug", flat=True)) == {"new"}
        assert Series.objects.get().version == 2

    def test_one_patch_sent_again_makes_a_whole_revision(self, project: Project) -> None:
        receive_many(
            thread(
                """
                + [PATCH 0/3] Cover Letter Subject
                +--> [PATCH 1/3] Patch 1
                +--> [PATCH 2/3] Patch 2
                |  +--> bob: Re: [PATCH 2/3] Patch 2
                |     +--> [PATCH v2 2/3] Patch 2
                +--> [PATCH 3/3] Patch 3
                """
            )
        )
        series = Series.objects.get()
        newest = series.newest
        assert newest is not None and newest.number == 2 and newest.is_resend
        assert [slot.patch.name for slot in newest.slots.select_related("patch")] == [
            "[1/3] Patch 1",
            "[v2,2/3] Patch 2",
            "[3/3] Patch 3",
        ]
        assert series.name == newest.name == "Cover Letter Subject"

    def test_what_comes_late_is_never_the_newest_and_has_no_event(self, project: Project) -> None:
        v1, v2 = thread("+ [PATCH] Name\n+ [PATCH v2] Name  @1d")
        receive(v2)
        receive(v1)
        series = Series.objects.get()
        assert series.newest is not None and series.newest.marker == 2
        late = Revision.objects.get(marker=None)
        assert late.is_late and late.number == 2
        assert kinds().count("series-new-revision") == 1

    def test_a_series_says_what_it_builds_on(self, project: Project) -> None:
        receive(patch("[PATCH] Later", text="Why.\n\nDepends-on: <base@example.org>\n"))
        dependency = SeriesDependency.objects.get()
        assert (dependency.series_id, dependency.value) == (
            Series.objects.get().pk,
            "<base@example.org>",
        )


class TestTwice:
    @pytest.mark.parametrize("together", [True, False])
    def test_the_same_mails_again_change_nothing(self, project: Project, together: bool) -> None:
        raws = thread(SERIES)
        receive_many(raws)
        before = tables()
        again = receive_many(raws) if together else [receive(raw) for raw in raws]
        assert {outcome.fate for outcome in again} == {Fate.DUPLICATE}
        assert tables() == before

    def test_twice_in_one_batch_is_once(self, project: Project) -> None:
        raw = thread(SINGLE)[0]
        assert [each.fate for each in receive_many([raw, raw])] == [Fate.PATCH, Fate.DUPLICATE]
        assert Patch.objects.count() == 1

    def test_a_list_may_change_its_copy(self, project: Project) -> None:
        receive(patch("[PATCH] Name"))
        copy = patch("[list] [PATCH] Name", headers={"X-Loop": "1"}, text="Footer\n")
        assert receive(copy).fate == Fate.DUPLICATE

    @pytest.mark.parametrize("other", [{"who": "mallory"}, {"subject": "[PATCH] Other"}])
    def test_another_mail_with_the_same_id_is_kept_aside(
        self, project: Project, other: dict[str, str]
    ) -> None:
        receive(patch("[PATCH] Name"))
        outcome = receive(
            patch(other.get("subject", "[PATCH] Name"), who=other.get("who", "alice"))
        )
        assert outcome.fate == Fate.QUARANTINED
        assert "used twice" in QuarantinedMail.objects.get().reason
        assert Patch.objects.get().submitter.email == "alice@example.org"

    def test_a_deleted_mail_does_not_come_back(self, project: Project) -> None:
        raw = thread(SINGLE)[0]
        receive(raw)
        remove_mails(Mail.objects.all(), None)
        assert receive(raw).fate == Fate.DUPLICATE
        assert not Patch.objects.exists()


ATTACKS = {
    "another sender, the same subject": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        + mallory: [PATCH v2 0/2] Feature  @1d #evil
        +--> mallory: [PATCH v2 1/2] One   #evil1
        +--> mallory: [PATCH v2 2/2] Two   #evil2
        """,
    "a forged reply with a higher version": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        |  +--> mallory: [PATCH v2 1/2] One  #evil @1d
        +--> [PATCH 2/2] Two  @2m
        """,
    "a reviewer's example diff": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        |  +--> mallory: Re: [PATCH 1/2] One  diff #evil @1d
        +--> [PATCH 2/2] Two  @2m
        """,
    "a reviewer's example diff under a subject of its own": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        |  +--> mallory: Do it like this  diff #evil @1d
        +--> [PATCH 2/2] Two  @2m
        """,
    "a stranger's patch in a place that is still free": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        +--> mallory: [PATCH 2/2] Two  #evil
        +--> [PATCH 2/2] Two
        """,
    "a stranger's cover letter": """
        + [PATCH 1/2] One
        +--> [PATCH 2/2] Two
        + mallory: [PATCH 0/2] Mine now  @5m #evil
        """,
    "a mail that refers to two threads": """
        + [PATCH 0/2] Feature
        +--> [PATCH 1/2] One
        |  +--> mallory: Re: everything  #evil
        |     +--> mallory: [PATCH v3 0/2] Feature  #evil2
        +--> [PATCH 2/2] Two
        """,
}


class TestStrangers:
    @pytest.mark.parametrize("picture", ATTACKS.values(), ids=ATTACKS)
    def test_a_stranger_changes_nobody_elses_series(self, project: Project, picture: str) -> None:
        """Alice's series is the same with and without the stranger's mails, in every batching."""
        raws = thread(picture)
        honest = [raw for raw in raws if b"From: Mallory" not in raw]
        with rolled_back():
            receive_many(honest)
            expected = structure(who="alice@example.org")
        for together in (True, False):
            with rolled_back():
                if together:
                    receive_many(raws)
                else:
                    for raw in raws:
                        receive(raw)
                assert structure(who="alice@example.org") == expected

    @pytest.mark.parametrize("together", [True, False])
    def test_what_a_stranger_may_continue_is_a_link_for_people(
        self, project: Project, together: bool
    ) -> None:
        raws = thread(ATTACKS["another sender, the same subject"])
        for batch in [raws] if together else [[raw] for raw in raws]:
            receive_many(batch)
        mine, theirs = Series.objects.order_by("pk")
        assert theirs.possibly_continues == mine
        assert mine.possibly_continues is None

    def test_an_account_with_two_addresses_is_one_submitter(self, project: Project) -> None:
        first, second = thread("+ [PATCH] Name\n+ work: [PATCH v2] Name  @1d")
        receive(first)
        user = User.objects.create_user("alice")
        Person.objects.update(user=user)
        Person.objects.create(email="work@example.org", name="Alice", user=user)
        receive(second)
        assert Series.objects.get().version == 2

    def test_a_maintainer_may_say_that_it_continues_a_series(self, project: Project) -> None:
        receive(patch("[PATCH] Name", msgid="<v1@example.org>"))
        maintainer = User.objects.create_user("maria")
        UserProfile.objects.create(user=maintainer).maintainer_projects.add(project)
        Person.objects.create(email="maria@example.org", user=maintainer)
        text = "Why.\n\nSupersedes: <v1@example.org>\n"
        receive(patch("[PATCH] Other name", who="maria", msgid="<v2@example.org>", text=text))
        receive(patch("[PATCH] Third name", who="mallory", msgid="<v3@example.org>", text=text))
        assert sorted(Series.objects.values_list("version", flat=True)) == [1, 2]


class TestProjects:
    def test_mail_of_an_unknown_list_is_kept_and_said_so(self, project: Project) -> None:
        raw = patch("[PATCH] Name", headers={"List-Id": "<other.example.org>"})
        outcome = receive(raw)
        assert outcome.fate == Fate.NO_PROJECT
        assert "other.example.org" in outcome.detail
        kept = QuarantinedMail.objects.get()
        assert kept.read_bytes() == raw

    def test_an_archive_of_an_unknown_list_fills_no_quarantine(self, project: Project) -> None:
        raw = patch("[PATCH] Name", headers={"List-Id": "<other.example.org>"})
        assert receive_many([raw], historical=True)[0].fate == Fate.NO_PROJECT
        assert not QuarantinedMail.objects.exists()

    def test_the_list_may_be_told_from_outside(self, project: Project) -> None:
        raw = patch("[PATCH] Name", headers={"List-Id": "<other.example.org>"})
        assert receive(raw, list_id=LIST_ID).fate == Fate.PATCH

    def test_without_list_headers_the_addresses_decide(self, project: Project) -> None:
        second = Project.objects.create(
            linkname="two", name="Two", listid="two.example.org", listemail="two@example.org"
        )
        raw = patch("[PATCH] Name").replace(b"List-Id: <list.example.org>\n", b"")
        raw = raw.replace(b"To: <list@example.org>", b"To: <list@example.org>, two@example.org")
        assert receive(raw).fate == Fate.PATCH
        assert set(Patch.objects.values_list("project", flat=True)) == {project.pk, second.pk}
        assert RawMail.objects.count() == 1

    def test_projects_on_one_list_are_told_apart_by_subject(self, project: Project) -> None:
        second = Project.objects.create(
            linkname="tool",
            name="Tool",
            listid=LIST_ID,
            listemail="list@example.org",
            subject_match=r"\[[^]]*\btool\b",
        )
        receive(patch("[PATCH tool v2] Name", msgid="<1@x>"))
        receive(patch("[PATCH] Name", msgid="<2@x>"))
        assert Patch.objects.get(project=second).name == "[v2] Name"
        assert Patch.objects.get(project=project).name == "Name"


class TestHints:
    def test_ignore(self, project: Project) -> None:
        raw = patch("[PATCH] Name", headers={"X-Patchwork-Hint": "ignore"})
        assert receive(raw).fate == Fate.IGNORED
        assert not Mail.objects.exists()
        assert receive(raw, from_forge=True).fate == Fate.PATCH

    def test_comment(self, project: Project) -> None:
        raws = thread("+ [PATCH] Name\n+--> [PATCH] Example")
        raws[1] = raws[1].replace(b"Subject:", b"X-Patchwork-Hint: comment\nSubject:")
        assert [each.fate for each in receive_many(raws)] == [Fate.PATCH, Fate.COMMENT]
        assert "+[PATCH] Example" in Comment.objects.get().content

    def test_a_comment_may_ask_for_an_answer(self, project: Project) -> None:
        raws = thread("+ [PATCH] Name\n+--> bob: Re: [PATCH] Name")
        raws[1] = raws[1].replace(b"Subject:", b"X-Patchwork-Action-Required: yes\nSubject:")
        receive_many(raws)
        assert Comment.objects.get().addressed is False

    WISH = {"X-Patchwork-State": "under review", "X-Patchwork-Delegate": "Maria@example.org"}

    @pytest.fixture
    def maria(self, project: Project) -> User:
        user = User.objects.create_user("maria", email="maria@example.org")
        UserProfile.objects.create(user=user).maintainer_projects.add(project)
        return user

    def test_nobody_is_obeyed_without_proof(self, project: Project, maria: User) -> None:
        receive(patch("[PATCH] Name", headers=self.WISH))
        row = Patch.objects.get()
        assert (row.state.slug, row.delegate) == ("new", None)
        assert Event.objects.get(kind="patch-created").parameters == {
            "asked_for_state": "under review",
            "asked_for_delegate": "Maria@example.org",
        }

    def test_a_project_may_trust_everybody(self, project: Project, maria: User) -> None:
        Project.objects.update(trust_unauthenticated=True)
        receive(patch("[PATCH] Name", headers=self.WISH))
        row = Patch.objects.get()
        assert (row.state.slug, row.delegate) == ("under-review", maria)
        assert row.state_set_by_human

    @pytest.mark.parametrize(
        ("verdict", "obeyed"),
        [
            ("mx.example.net; dmarc=pass header.from=example.org", True),
            ("mx.example.net; dkim=pass header.d=example.org", True),
            ("mx.example.net; dkim=pass header.d=evil.example", False),
            ("mx.example.net; dmarc=fail header.from=example.org", False),
            ("mx.evil.example; dmarc=pass header.from=example.org", False),
            ("mx.example.net; spf=pass smtp.mailfrom=example.org", False),
            ("no verdict at all; ;;", False),
        ],
    )
    def test_our_own_server_may_prove_it(
        self, project: Project, maria: User, settings, verdict: str, obeyed: bool
    ) -> None:
        settings.AUTHSERV_ID = "mx.example.net"
        headers = {"Authentication-Results": verdict, **self.WISH}
        receive(patch("[PATCH] Name", headers=headers))
        assert (Patch.objects.get().state.slug == "under-review") is obeyed

    def test_only_a_maintainer_can_be_asked_for(self, project: Project) -> None:
        User.objects.create_user("maria", email="maria@example.org")
        Project.objects.update(trust_unauthenticated=True)
        receive(patch("[PATCH] Name", headers=self.WISH))
        assert Patch.objects.get().delegate is None

    def test_delegation_rules_look_at_the_files(self, project: Project, maria: User) -> None:
        DelegationRule.objects.create(project=project, user=maria, path="net/*.c")
        receive(mail("[PATCH] Net", text=f"Why.\n---\n{diff('net/core/dev.c')}", msgid="<1@x>"))
        receive(mail("[PATCH] Fs", text=f"Why.\n---\n{diff('fs/inode.c')}", msgid="<2@x>"))
        assert Patch.objects.get(name="Net").delegate == maria
        assert Patch.objects.get(name="Fs").delegate is None


class TestOrder:
    """Whatever the order and the batches, the same mails make the same thing."""

    def test_a_comment_waits_for_its_patch(self, project: Project) -> None:
        root, comment = thread("+ [PATCH] Name\n+--> bob: Re: [PATCH] Name")
        assert receive(comment).fate == Fate.KEPT
        assert receive(root).fate == Fate.PATCH
        assert Comment.objects.get().patch == Patch.objects.get()
        assert kinds()[-1] == "patch-comment-created" or "patch-comment-created" in kinds()

    def test_a_comment_moves_to_the_nearer_patch(self, project: Project) -> None:
        cover, one, comment, _ = thread(SERIES)
        receive(cover)
        receive(comment)
        assert Comment.objects.get().cover == Cover.objects.get()
        receive(one)
        assert Comment.objects.get().patch == Patch.objects.get()
        assert Patch.objects.get().tag_counts.get().count == 1

    PICTURES = {
        "two versions and a review": SERIES
        + """
    + [PATCH v2 0/2] Feature  @2d
    +--> [PATCH v2 1/2] One
    +--> [PATCH v2 2/2] Two
    """,
        "re-sent patches": """
    + [PATCH 0/3] Feature
    +--> [PATCH 1/3] One
    +--> [PATCH 2/3] Two
    |  +--> bob: Re: [PATCH 2/3] Two
    |     +--> [PATCH v2 2/3] Two    @1d
    +--> [PATCH 3/3] Three           @3m
       +--> [PATCH v2 3/3] Three     @2d
    """,
        "two series of one hour, and patches sent again": """
    + [PATCH 0/2] Feature
    +--> [PATCH 1/2] One
    |  +--> [PATCH v2 1/2] One
    +--> [PATCH 2/2] Two
    + [PATCH 0/2] Other
    +--> [PATCH 1/2] First
    +--> [PATCH 2/2] Second
    |  +--> [PATCH v2 2/2] Second
    """,
        "no cover, a reply with a diff": """
    + [PATCH 1/2] One
    +--> [PATCH 2/2] Two
    |  +--> bob: Re: [PATCH 2/2] Two  diff
    |  +--> Re: [PATCH 2/2] Two       diff @1d
    """,
    }

    @pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
    def test_every_order_and_batching_agrees(self, project: Project, picture: str) -> None:
        raws = thread(picture)
        with rolled_back():
            receive_many(raws)
            expected = structure()

        @settings(
            max_examples=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            order=st.permutations(range(len(raws))),
            again=st.lists(st.integers(0, len(raws) - 1), max_size=3),
            sizes=st.lists(st.integers(1, 4), min_size=len(raws) + 3, max_size=len(raws) + 3),
        )
        def agrees(order: list[int], again: list[int], sizes: list[int]) -> None:
            sequence = [raws[number] for number in (*order, *again)]
            with rolled_back():
                start = 0
                for size in sizes:
                    if batch := sequence[start : start + size]:
                        receive_many(batch)
                    start += size
                assert structure() == expected

        agrees()


class TestBadInput:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_nothing_raises_and_nothing_is_lost(
        self, project: Project, kind: str, tmp_path, settings
    ) -> None:
        """Whatever it is: its bytes are in the database or on disk, and it has a fate."""
        settings.SPOOL_DIR = tmp_path
        raw = HOSTILE[kind]()
        good = patch("[PATCH] Between", msgid="<good@example.org>")
        before, outcome, after = receive_many([good, raw, thread(SINGLE)[0]], list_id=LIST_ID)
        assert (before.fate, after.fate) == (Fate.PATCH, Fate.PATCH)
        stored = {row.raw for row in RawMail.objects.all()}
        spooled = {path.read_bytes() for path in tmp_path.iterdir()}
        assert raw in stored | spooled or outcome.fate == Fate.IGNORED

    def test_a_mail_that_cannot_be_stored_holds_up_no_other(self, project: Project) -> None:
        """Without states no patch can be stored; comments and the patch's bytes are."""
        receive(thread(SINGLE)[0])
        Event.objects.all().delete()
        Revision.objects.update(series=None)
        Series.objects.all().delete()
        Patch.objects.all().delete()
        PatchCount.objects.all().delete()
        State.objects.all().delete()
        raw = patch("[PATCH] Name", msgid="<new@example.org>")
        talk = mail("Hello", msgid="<talk@example.org>")
        first, second = receive_many([raw, talk])
        assert (first.fate, second.fate) == (Fate.QUARANTINED, Fate.KEPT)
        row = QuarantinedMail.objects.get()
        assert "loaddata default_states" in row.reason
        assert "Traceback" in row.traceback
        assert row.read_bytes() == raw

    @pytest.mark.django_db(transaction=True)
    def test_a_database_without_tables_is_not_the_mails_fault(self, project: Project) -> None:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Comment, "patchwork_comment", "patchwork_comment_away")
        try:
            with pytest.raises(TryLater):
                receive_many(thread(SERIES))
            assert not QuarantinedMail.objects.exists()
            assert not Mail.objects.exists()
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(Comment, "patchwork_comment_away", "patchwork_comment")
        assert receive_many(thread(SERIES))[0].fate == Fate.COVER


class TestStatements:
    """Statements a mail; one that is added shows here.

    What frames and serialises transactions (BEGIN, savepoints, the project's lock) is not counted.
    """

    def count(self, raws: list[bytes]) -> int:
        with CaptureQueriesContext(connection) as captured:
            receive_many(raws)
        framing = re.compile("SAVEPOINT|RELEASE|BEGIN|.*(advisory_xact_lock|projectlock)", re.S)
        return sum(not framing.match(query["sql"]) for query in captured)

    def test_one_mail_alone(self, project: Project) -> None:
        receive_many(thread("+ [PATCH 0/2] Warm  @30d", "before"))
        cover, one, review, two = thread(SERIES.replace("Feature", "Other"))
        remark = mail("Re: One", who="bob", msgid="<r@x>", references=["<m0@example.org>"])
        assert self.count([cover]) <= 13
        assert self.count([one]) <= 16
        assert self.count([remark]) <= 11
        assert self.count([review]) <= 15
        assert self.count([two]) <= 17

    def test_a_batch(self, project: Project) -> None:
        raws = [
            raw
            for number in range(50)
            for raw in thread(SERIES.replace("Feature", f"F{number}"), f"{number}-")
        ]
        assert self.count(raws) <= 0.15 * len(raws)
        assert Series.objects.count() == 50


class TestAuthors:
    """Whoever has a list of his own can rewrite From there; ours is the only one believed."""

    FORGED = {
        "via, and an original From": {
            "From": "Evil via anything <evil@evil.example>",
            "X-Original-From": "Alice <alice@example.org>",
        },
        "a list of his own": {
            "From": "Evil <evil@evil.example>",
            "X-Mailing-List": "evil@evil.example",
            "Reply-To": "alice@example.org",
        },
        "a list id of his own": {
            "From": "Evil <evil@evil.example>",
            "List-Post": "<mailto:evil@evil.example>",
            "X-Original-From": "alice@example.org",
        },
        "our list rewrote From, and he wrote the original": {
            "From": "Evil via List <list@example.org>",
            "Reply-To": "evil@evil.example",
            "X-Original-From": "Alice <alice@example.org>",
        },
    }

    @pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
    def test_nobody_is_filed_as_somebody_else(
        self, project: Project, headers: dict[str, str]
    ) -> None:
        receive(patch("[PATCH] Name", msgid="<1@x>"))
        receive(patch("[PATCH v2] Name", msgid="<2@x>", headers=headers))
        forged = Patch.objects.get(mail__msgid="<2@x>")
        assert forged.submitter.email != "alice@example.org"
        assert Series.objects.count() == 2
        assert Patch.objects.get(mail__msgid="<1@x>").state.slug == "new"

    def test_our_own_list_may_rewrite_from(self, project: Project) -> None:
        headers = {"From": "Alice via List <list@example.org>", "Reply-To": "alice@example.org"}
        receive(patch("[PATCH] Name", headers=headers))
        assert Patch.objects.get().submitter.email == "alice@example.org"


def test_a_pattern_that_explodes_stops_nobodys_mail(project: Project) -> None:
    Project.objects.create(
        linkname="slow", name="Slow", listid=LIST_ID, listemail="l@x.org", subject_match="(a+)+$"
    )
    assert receive(patch(f"[PATCH] {'a' * 60}! x")).fate == Fate.PATCH
    assert Patch.objects.get().project == project


def test_a_list_id_may_be_written_as_in_the_header(states: None) -> None:
    Project.objects.create(
        linkname="l", name="L", listid=f"The list <{LIST_ID}>", listemail="list@example.org"
    )
    assert receive(patch("[PATCH] Name")).fate == Fate.PATCH
