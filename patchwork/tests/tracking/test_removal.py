# SPDX-License-Identifier: GPL-2.0-or-later
"""Deleted mails leave a tombstone and nothing else that points to them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.checks.changes import record_result
from patchwork.events.models import Event
from patchwork.ingest.outcome import Fate
from patchwork.ingest.receiving import receive, receive_many
from patchwork.models import (
    Comment,
    Cover,
    Mail,
    MailTrailer,
    Patch,
    PatchTag,
    Project,
    RawMail,
    Revision,
    Series,
    State,
)
from patchwork.tests.ingest.structure import structure
from patchwork.tests.letters import thread
from patchwork.tracking import changes

THREAD = """
    + [PATCH 0/2] Feature                  #cover
    +--> bob: Re: [PATCH 0/2] Feature      #oncover
    +--> [PATCH 1/2] One                   #one
    |  +--> bob: Re: [PATCH 1/2] One       #review   says=Reviewed-by: Bob <bob@example.org>
    |     +--> carol: Re: [PATCH 1/2] One  #more     says=Acked-by: Carol <carol@example.org>
    +--> [PATCH 2/2] Two                   #two
"""


def found(name: str) -> Mail:
    return Mail.objects.get(msgid=f"<{name}@example.org>")


def kinds() -> dict[str, str]:
    return {
        msgid.split("@")[0][1:]: kind for msgid, kind in Mail.objects.values_list("msgid", "kind")
    }


@pytest.fixture
def stored(project: Project) -> list[bytes]:
    mails = thread(THREAD)
    receive_many(mails)
    return mails


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create(username="admin")


class TestAPatch:
    def test_its_place_is_empty_and_its_comments_go_to_what_is_above(
        self, stored: list[bytes], admin: User
    ) -> None:
        raws = RawMail.objects.count()
        changes.remove_mail(found("one"), admin)
        assert kinds() == {
            **dict.fromkeys(("review", "more", "oncover"), "comment"),
            "cover": "cover",
            "one": "gone",
            "two": "patch",
        }
        assert Comment.objects.filter(cover=Cover.objects.get()).count() == 3
        assert set(MailTrailer.objects.filter(line__contains="-by").values_list("target")) == {
            ("<cover@example.org>",),
            ("<two@example.org>",),
        }
        assert not PatchTag.objects.filter(patch__name="[1/2] One").exists()
        series = Series.objects.get()
        assert (series.state, series.newest) == ("incomplete", None)
        assert [slot.patch.name for slot in series.revisions.get().slots.all()] == ["[2/2] Two"]
        assert RawMail.objects.count() == raws

    def test_what_hangs_on_it_goes_along(self, stored: list[bytes], admin: User) -> None:
        one = found("one").patch
        record_result(target=one, test_name="build", state="success", user=admin)
        bundle = Bundle.objects.create(owner=admin, project=one.project, name="b")
        BundlePatch.objects.create(bundle=bundle, patch=one, order=1)
        changes.relate([one, found("two").patch], admin)
        changes.remove_mail(found("one"), admin)
        assert not Event.objects.filter(patch=one.pk).exists()
        assert not bundle.entries.exists()
        assert found("two").patch.relation is None

    def test_another_one_in_its_place_completes_the_series_without_telling_again(
        self, stored: list[bytes], admin: User
    ) -> None:
        number = Revision.objects.get().number
        changes.remove_mail(found("one"), admin)
        receive(thread(THREAD.replace("#one", "#instead"))[2])
        series = Series.objects.get()
        assert (series.state, series.n_patches) == ("initial", 2)
        assert series.newest is not None
        assert series.newest.number == number
        assert Event.objects.filter(kind="series-completed").count() == 1

    def test_it_stays_away_when_it_comes_again(self, stored: list[bytes], admin: User) -> None:
        changes.remove_mail(found("one"), admin)
        before = structure()
        assert {outcome.fate for outcome in receive_many(stored)} == {Fate.DUPLICATE}
        assert structure() == before
        assert not Patch.objects.filter(name="[1/2] One").exists()

    def test_answers_that_come_later_are_about_what_is_above(
        self, stored: list[bytes], admin: User
    ) -> None:
        changes.remove_mail(found("one"), admin)
        later = thread(THREAD.replace("#more", "#later"))[4]
        assert receive(later).fate is Fate.COMMENT
        assert found("later").comment.cover == Cover.objects.get()

    def test_twice_is_once(self, stored: list[bytes], admin: User) -> None:
        assert changes.remove_mails([found("one"), found("one")], admin) == 1
        assert changes.remove_mails([found("one")], admin) == 0


class TestWithoutAnythingAbove:
    def test_comments_on_a_deleted_patch_are_kept_and_nothing_is_left(
        self, project: Project, admin: User
    ) -> None:
        receive_many(
            thread(
                """
                + [PATCH] Lone       #lone
                +--> bob: Re: Lone   #review   says=Reviewed-by: Bob <bob@example.org>
                """
            )
        )
        changes.remove_mail(found("lone"), admin)
        assert kinds() == {"lone": "gone", "review": "kept"}
        assert not Series.objects.exists()
        assert not Revision.objects.exists()
        assert not Comment.objects.exists()
        assert not MailTrailer.objects.exists()
        assert not Event.objects.exists()


class TestACover:
    def test_the_series_has_no_name_any_more(self, stored: list[bytes], admin: User) -> None:
        changes.remove_mail(found("cover"), admin)
        series = Series.objects.get()
        assert (series.name, series.n_patches) == ("", 2)
        assert kinds()["oncover"] == "kept"


class TestAComment:
    def test_its_trailers_do_not_count_any_more(self, stored: list[bytes], admin: User) -> None:
        changes.remove_mail(found("review"), admin)
        assert kinds()["more"] == "comment"
        names = PatchTag.objects.filter(patch__name="[1/2] One").values_list("tag__name", flat=True)
        assert set(names) == {"Acked-by"}


class TestRevisions:
    TWO = """
        + [PATCH 0/1] Feature       #cover
        +--> [PATCH 1/1] One        #one
        + [PATCH v2 0/1] Feature    #cover2 @1d
        +--> [PATCH v2 1/1] One     #one2
    """

    def test_the_newest_goes_and_the_one_before_is_the_newest(
        self, project: Project, admin: User
    ) -> None:
        receive_many(thread(self.TWO))
        changes.remove_mails([found("cover2"), found("one2")], admin)
        series = Series.objects.get()
        assert series.newest == series.revisions.get()
        assert (series.pk, series.version, series.newest.number) == (series.newest.pk, 1, 1)
        assert found("one").patch.state.slug == "new", "nothing supersedes it any more"
        assert series.state == "initial"
        assert Event.objects.filter(kind="patch-state-changed").count() == 2

    def test_what_a_person_superseded_stays_so(self, project: Project, admin: User) -> None:
        receive_many(thread(self.TWO))
        changes.set_state([found("one").patch], State.objects.get(slug="new"), admin)
        changes.set_state([found("one").patch], State.objects.get(slug="superseded"), admin)
        changes.remove_mails([found("cover2"), found("one2")], admin)
        assert found("one").patch.state.slug == "superseded"

    def test_the_first_goes_and_the_series_keeps_its_id(
        self, project: Project, admin: User
    ) -> None:
        receive_many(thread(self.TWO))
        before = Series.objects.get()
        changes.remove_mails([found("cover"), found("one")], admin)
        after = Series.objects.get()
        assert after.pk == before.pk
        revision = after.revisions.get()
        assert (revision.number, after.newest, after.version) == (2, revision, 2)
        receive_many(thread("+ [PATCH v3] Feature  #three @2d"))
        assert Series.objects.get().version == 3

    def test_a_patch_sent_again_goes_and_the_first_one_is_back(
        self, project: Project, admin: User
    ) -> None:
        receive_many(
            thread(
                """
                + [PATCH 0/2] Feature       #cover
                +--> [PATCH 1/2] One        #one
                |  +--> [PATCH v2 1/2] One  #again @1d
                +--> [PATCH 2/2] Two        #two  @1m
                """
            )
        )
        assert Revision.objects.count() == 2
        changes.remove_mail(found("again"), admin)
        newest = Series.objects.get().newest
        assert newest is not None
        assert [slot.patch.mail.msgid for slot in newest.slots.all()] == [
            "<one@example.org>",
            "<two@example.org>",
        ]
