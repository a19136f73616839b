# SPDX-License-Identifier: GPL-2.0-or-later
"""What people say about postings and series goes before every rule, and stays said."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.events.models import Event, EventKind
from patchwork.ingest.receiving import receive_many
from patchwork.models import Mail, Pin, Project, Revision, Series, SeriesMetadata
from patchwork.tests.letters import mail as letter
from patchwork.tests.letters import thread
from patchwork.tracking import changes

APART = """
    + [PATCH 0/1] Feature            #a0
    +--> [PATCH 1/1] One             #a1
    + [PATCH v2 0/1] Other words     #b0  @1d
    +--> [PATCH v2 1/1] One          #b1
"""
TOGETHER = """
    + [PATCH 0/1] Feature            #a0
    +--> [PATCH 1/1] One             #a1
    + [PATCH v2 0/1] Feature         #b0  @1d
    +--> [PATCH v2 1/1] One          #b1
"""


def found(name: str) -> Mail:
    return Mail.objects.get(msgid=f"<{name}@example.org>")


def home(name: str) -> tuple[int, int]:
    """Series and number of the revision that a mail was sent for."""
    revision = found(name).posting
    assert revision is not None and revision.series_id is not None
    return revision.series_id, revision.number


def take_in(picture: str) -> None:
    for raw in thread(picture):
        receive_many([raw])


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create(username="admin")


class TestJoiningSeries:
    def test_ids_numbers_and_what_hangs_on_them(self, project: Project, admin: User) -> None:
        take_in(APART)
        (first, _), (second, _) = home("a0"), home("b0")
        assert first != second
        Series.objects.filter(pk=second).update(reviewer=admin)
        SeriesMetadata.objects.create(series_id=second, name="pull", value="7")
        told = Event.objects.filter(series_id=second).count()
        before = Event.objects.count()
        changes.pin_series(found("b0"), found("a0"), admin)
        series = Series.objects.get()
        assert series.pk == first
        assert [home(name) for name in ("a0", "a1", "b0", "b1")] == [
            (first, 1),
            (first, 1),
            (first, 2),
            (first, 2),
        ]
        assert (series.version, series.newest_id, series.reviewer) == (2, second, admin)
        assert series.metadata.get().value == "7"
        assert not Series.objects.filter(pk=second).exists()
        assert Revision.objects.get(pk=second).series_id == first, "the old id leads there"
        assert Event.objects.filter(series_id=first, revision_id=second).count() == told
        superseded = Event.objects.get(kind=EventKind.PATCH_STATE_CHANGED)
        assert superseded.patch == found("a1").patch
        assert superseded.actor == admin
        assert Event.objects.count() == before + 1

    def test_it_stays_said_when_more_mails_come(self, project: Project, admin: User) -> None:
        take_in(APART)
        changes.pin_series(found("b0"), found("a0"), admin)
        take_in("+ [PATCH v3] Feature  #c @2d")
        take_in("+ [PATCH v4] Other words  #d @3d")
        assert Series.objects.count() == 1
        assert home("d")[1] == 4

    def test_a_later_one_may_be_pinned_to_an_earlier_and_the_other_way_round(
        self, project: Project, admin: User
    ) -> None:
        take_in(APART)
        first, _ = home("a0")
        changes.pin_series(found("a1"), found("b1"), admin)
        assert Series.objects.get().pk == first


class TestSplittingSeries:
    def test_ids_numbers_and_events(self, project: Project, admin: User) -> None:
        take_in(TOGETHER)
        first, _ = home("a0")
        second = found("b0").posting_id
        assert second is not None
        assert home("b0") == (first, 2)
        changes.pin_series(found("b0"), None, admin)
        assert home("a0") == (first, 1)
        assert home("b0") == (second, 2), "a number that was announced stays"
        earlier, later = Series.objects.order_by("pk")
        assert (earlier.pk, earlier.version, earlier.newest_id) == (first, 1, first)
        assert (later.pk, later.version, later.newest_id) == (second, 2, second)
        assert set(Event.objects.filter(revision_id=second).values_list("series_id")) == {(second,)}

    def test_joining_again(self, project: Project, admin: User) -> None:
        take_in(TOGETHER)
        first, _ = home("a0")
        changes.pin_series(found("b0"), None, admin)
        changes.unpin(found("b0"), admin)
        assert not Pin.objects.exists()
        assert home("b0") == (first, 2)
        assert Series.objects.get().pk == first

    def test_the_last_word_counts_whichever_mail_it_was_said_of(
        self, project: Project, admin: User
    ) -> None:
        take_in(TOGETHER)
        changes.pin_series(found("b0"), None, admin)
        changes.pin_series(found("b1"), found("a0"), admin)
        assert Series.objects.count() == 1


class TestPostings:
    def test_a_patch_that_was_sent_apart_joins_and_completes(
        self, project: Project, admin: User
    ) -> None:
        take_in(
            """
            + [PATCH 0/2] Feature     #cover
            +--> [PATCH 1/2] One      #one
            + [PATCH 2/2] Two         #two @2d
            """
        )
        assert Series.objects.count() == 2
        changes.pin_posting(found("two"), found("cover"), admin)
        series = Series.objects.get()
        assert (series.state, series.n_patches) == ("initial", 2)
        completed = Event.objects.get(kind=EventKind.SERIES_COMPLETED)
        assert (completed.series, completed.actor) == (series, admin)

    def test_a_patch_that_does_not_belong_is_parted(self, project: Project, admin: User) -> None:
        take_in(
            """
            + [PATCH 0/3] Feature     #cover
            +--> [PATCH 1/3] One      #one
            +--> [PATCH 2/3] Two      #two
            """
        )
        changes.pin_posting(found("two"), None, admin)
        assert found("two").posting_id != found("one").posting_id
        first = found("one").posting
        assert first is not None
        assert [slot.patch.mail.msgid for slot in first.slots.all()] == ["<one@example.org>"]


class TestGuesses:
    @pytest.fixture
    def guessed(self, project: Project) -> Series:
        take_in(
            """
            + [PATCH] Fix typo               #a
            +--> bob: [PATCH v2] Fix typo    #b @1d
            """
        )
        series = Series.objects.get(possibly_continues__isnull=False)
        assert series.pk == home("b")[0]
        return series

    def test_confirmed(self, guessed: Series, admin: User) -> None:
        changes.confirm_continuation(guessed, admin)
        series = Series.objects.get()
        assert home("b") == (series.pk, 2)
        assert series.possibly_continues is None
        assert series.submitter.name == "Alice"

    def test_denied(self, guessed: Series, admin: User) -> None:
        changes.deny_continuation(guessed, admin)
        guessed.refresh_from_db()
        assert guessed.possibly_continues is None
        take_in("+ bob: [PATCH v3] Fix typo  #c @2d")
        guessed.refresh_from_db()
        assert home("c") == (guessed.pk, 2)
        assert guessed.possibly_continues is None

    def test_without_a_guess(self, guessed: Series, admin: User) -> None:
        with pytest.raises(changes.CannotPin, match="no such guess"):
            changes.confirm_continuation(Series.objects.exclude(pk=guessed.pk).get(), admin)


class TestRefusals:
    def test_comments_and_other_projects(self, project: Project, admin: User) -> None:
        take_in("+ [PATCH] One  #one\n+--> bob: Re: [PATCH] One  #re")
        with pytest.raises(changes.CannotPin, match="no patch"):
            changes.pin_series(found("re"), None, admin)
        other = Project.objects.create(linkname="o", name="O", listid="o.org", listemail="o@o.org")
        raw = letter(
            "[PATCH 0/1] There", msgid="<there@example.org>", headers={"List-Id": "<o.org>"}
        )
        receive_many([raw])
        assert found("there").project == other
        with pytest.raises(changes.CannotPin, match="another project"):
            changes.pin_posting(found("one"), found("there"), admin)


def test_a_patch_that_had_no_place_gets_one(project: Project) -> None:
    """A second 1/2 has no place in its posting; by itself it is an older posting, superseded."""
    receive_many(
        thread(
            """
            + [PATCH 0/2] Feature        #a0
            +--> [PATCH 1/2] One         #a1
            +--> [PATCH 2/2] Two         #a2
            +--> [PATCH 1/2] Once more   #a3
            + [PATCH v2 0/2] Feature     #b0  @1d
            +--> [PATCH v2 1/2] One      #b1
            +--> [PATCH v2 2/2] Two      #b2
            """
        )
    )
    assert found("a3").patch.state.slug == "new"
    changes.pin_posting(found("a3"), None, None)
    changes.pin_series(found("a3"), found("a0"), None)
    series, number = home("a3")
    assert (series, number) == (home("a0")[0], 3)
    assert Revision.objects.get(series=series, number=3).is_late
    assert found("a3").patch.state.slug == "superseded"
    assert Series.objects.get(pk=series).version == 2
