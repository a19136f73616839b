# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a series and its revisions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.checks.models import CheckResult
from patchwork.tests import factories
from patchwork.tests.factories import NOON
from patchwork.tracking.models import Revision, SeriesDependency, SeriesMetadata


def add_result(target, test_name: str, state: str, **fields: object) -> None:
    field = "revision" if isinstance(target, Revision) else "patch"
    CheckResult.objects.create(
        project=target.project,
        test_name=test_name,
        context=test_name,
        state=state,
        date=NOON,
        **{field: target, **fields},
    )


def test_cover_patches_and_comments(client, project):
    series = factories.make_series(project, patches=["dim", "brighten"], letter="Dear list,")
    cover = factories.cover_of(series)
    comment = factories.make_comment(cover, "> Dear list,\nDear you,")
    answer = factories.make_comment(cover, "Dear all,", answers=comment)
    page = client.get(f"/series/{series.pk}/").text
    assert "<h1>Light every lamp</h1>" in page
    assert "Dear list," in page
    assert '<span class="q1">&gt; Dear list,</span>\nDear you,' in page
    assert f'class="comment depth-0" id="comment-{comment.pk}"' in page
    assert f'class="comment depth-1" id="comment-{answer.pk}"' in page
    assert "in answer to Rita Reviewer" in page
    assert "[1/2] dim</a>" in page
    assert f"/series/{series.pk}/rev/1/mbox/" in page


def test_the_newest_complete_revision_is_shown_and_the_others_are_a_click_away(client, project):
    series = factories.make_series(project, patches=["first"])
    factories.make_revision(series, ["second"])
    third = factories.make_revision(series, [])
    Revision.objects.filter(pk=third.pk).update(total=1, is_complete=False)
    series.refresh_from_db()
    series.newest = series.revisions.get(number=2)
    series.save()
    page = client.get(f"/series/{series.pk}/").text
    assert "second" in page
    for number in (1, 2, 3):
        assert f'href="/series/{series.pk}/rev/{number}/"' in page
    assert "first" in client.get(f"/series/{series.pk}/rev/1/").text
    third_page = client.get(f"/series/{series.pk}/rev/3/").text
    assert "0 of 1 patches are here. Missing: 1." in third_page


def test_revisions_can_be_asked_for_in_two_ways(client, project):
    series = factories.make_series(project)
    response = client.get(f"/series/{series.pk}/?rev=1")
    assert (response.status_code, response.url) == (302, f"/series/{series.pk}/rev/1/")
    for nonsense in ("x", "²", "-1", "9" * 30):
        assert client.get(f"/series/{series.pk}/", {"rev": nonsense}).status_code == 404
    missing = client.get(f"/series/{series.pk}/rev/7/")
    assert missing.status_code == 404
    assert f"Series {series.pk} has no revision 7." in missing.text


@pytest.mark.parametrize(
    ("address", "leads_to"), [("", "rev/2/"), ("mbox/", "rev/2/mbox/")], ids=["page", "mbox"]
)
def test_a_revisions_id_leads_to_its_series(client, project, address, leads_to):
    series = factories.make_series(project)
    revision = factories.make_revision(series, ["again"])
    response = client.get(f"/series/{revision.pk}/{address}")
    assert (response.status_code, response.url) == (302, f"/series/{series.pk}/{leads_to}")


def test_no_such_series(client, db):
    for number in (1, 10**17):
        response = client.get(f"/series/{number}/")
        assert response.status_code == 404
        assert f"There is no series {number} here." in response.text
    assert client.get(f"/series/{10**30}/").status_code == 404


def test_a_resend_says_what_is_carried_and_what_is_replaced(client, project):
    series = factories.make_series(project, patches=["one", "two", "three"], letter="Hello")
    one, two, three = factories.patches_of(series)
    factories.make_revision(series, [one, "two", three], is_resend=True)
    page = client.get(f"/series/{series.pk}/").text
    assert "Sent again in part; the rest stays as it was: 2 carried over, 1 replaced." in page
    assert f'<a href="/patch/{two.pk}/">replaced</a>' in page
    assert "cover letter of revision 1</a>" in page


def test_a_new_posting_says_what_is_new_and_what_was_dropped(client, project):
    series = factories.make_series(project, patches=["one", "two", "three"])
    factories.make_revision(series, ["zero", "one"])
    page = client.get(f"/series/{series.pk}/").text
    assert "1 replaced, 1 new, 2 dropped." in page
    assert "[2/3] two</a>, " in page
    assert "[3/3] three</a>." in page


def test_what_does_not_fit_is_said_in_words(client, project):
    earlier = factories.make_series(project, name="Earlier work")
    series = factories.make_series(project)
    series.possibly_continues = earlier
    series.save()
    factories.make_revision(series, ["again"], is_late=True, strange="4/3: more than <announced>")
    page = client.get(f"/series/{series.pk}/rev/2/").text
    assert "came after something newer" in page
    assert "4/3: more than &lt;announced&gt;" in page
    assert f'possibly a new revision of <a href="/series/{earlier.pk}/">Earlier work</a>' in page


def test_metadata_and_dependencies(client, project):
    other = factories.make_series(project, name="Wires first")
    series = factories.make_series(project)
    SeriesMetadata.objects.create(
        series=series, name="github_pr", value="https://github.com/lamps/lamps/pull/7"
    )
    SeriesMetadata.objects.create(series=series, name="branch", value="javascript:alert(1)")
    msgid = factories.patches_of(other)[0].mail.msgid
    for value in (msgid, "<not@here.yet>"):
        SeriesDependency.objects.create(series=series, value=value)
    page = client.get(f"/series/{series.pk}/").text
    assert '<a href="https://github.com/lamps/lamps/pull/7"' in page
    assert "<code>javascript:alert(1)</code>" in page
    assert f'<a href="/series/{other.pk}/">Wires first</a>' in page
    assert "&lt;not@here.yet&gt;" in page
    project.show_dependencies = False
    project.save()
    assert "Wires first" not in client.get(f"/series/{series.pk}/").text


def test_the_latest_result_of_each_test(client, project):
    series = factories.make_series(project)
    add_result(factories.newest(series), "build", "failure", is_latest=False)
    add_result(
        factories.newest(series),
        "build",
        "success",
        url="https://ci.example.com/1",
        summary="<b>all</b>",
    )
    add_result(factories.newest(series), "style", "warning", url="javascript:alert(1)")
    add_result(factories.patches_of(series)[0], "spelling", "failure")
    page = client.get(f"/series/{series.pk}/").text
    results = page[page.index('id="results"') :]
    assert "failure" not in results
    assert '<a href="https://ci.example.com/1"' in results
    assert "&lt;b&gt;all&lt;/b&gt;" in results
    assert 'href="javascript' not in page
    assert '<span class="result failure" title="spelling">' in page


def test_millions_of_missing_patches_are_not_listed(client, project):
    series = factories.make_series(project, name="", patches=["one"], total=2_000_000_000)
    page = client.get(f"/series/{series.pk}/").text
    assert "1 of 2000000000 patches are here. Missing: 2, 3, 4" in page
    assert "20, 21 …." in page


def test_a_reviewer_is_called_by_name(client, project):
    series = factories.make_series(project)
    series.reviewer = User.objects.create(username="mh", first_name="Maren", last_name="Holt")
    series.save()
    assert "<dd>Maren Holt</dd>" in client.get(f"/series/{series.pk}/").text


def test_queries_do_not_grow(client, project):
    def count(series) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/series/{series.pk}/")
        return len(captured)

    def made(size: int):
        names = [f"patch {number}" for number in range(size)]
        series = factories.make_series(project, patches=names, letter="Hello")
        cover = factories.cover_of(series)
        for number in range(size):
            factories.make_comment(cover, f"comment {number}")
        factories.make_revision(series, [f"{name} again" for name in names])
        revision = factories.make_revision(series, names)
        for place in revision.slots.all():
            factories.make_comment(place.patch)
            add_result(place.patch, "build", "success")
        return series

    assert count(made(3)) == count(made(30)) <= 16


def test_a_cover_letter_alone_is_no_mailbox(client, project):
    series = factories.make_series(project, name="Dim the hall", patches=[], total=2)
    page = client.get(f"/series/{series.pk}/rev/1/mbox/")
    assert page.status_code == 404
    assert "No patch of revision 1 has come yet." in page.text


@pytest.mark.parametrize("address", ["mbox/", "rev/1/mbox/"])
def test_mbox_is_a_file_to_keep(client, project, address):
    series = factories.make_series(project, name='Dim "the\r\n hall" ☃', patches=["one", "two"])
    response = client.get(f"/series/{series.pk}/{address}")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == "attachment; filename=Dim-the-hall-rev1.mbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.content.count(b"\nSubject: ") == 2
    assert client.get(f"/series/{series.pk}/rev/2/mbox/").status_code == 404
