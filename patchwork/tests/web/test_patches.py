# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a patch, its downloads, and the ways to it by Message-ID."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patchwork.tests import factories
from patchwork.tests.factories import NOON


@pytest.fixture
def patch(project):
    series = factories.make_series(project, patches=["one", "two", "three"])
    return factories.patches_of(series)[1]


def test_message_headers_diff_and_neighbours(client, patch):
    page = client.get(f"/patch/{patch.pk}/").text
    assert "<h1>[2/3] two</h1>" in page
    assert "Why two." in page
    assert "From: Ada Byte" in page
    assert '<td data-n="2"></td><td data-n=""></td><td>-second</td>' in page
    assert '<td data-n=""></td><td data-n="2"></td><td>+2nd</td>' in page
    assert 'rel="prev"' in page
    assert 'rel="next"' in page
    assert "revision 1, patch 2 of 3" in page
    assert ">New</span>" in page


def test_it_stands_in_every_revision_that_holds_it(client, project):
    series = factories.make_series(project, patches=["one", "two"])
    one, two = factories.patches_of(series)
    resent = factories.make_revision(series, [one, "two"])
    again = resent.slots.get(number=2).patch
    old = client.get(f"/patch/{two.pk}/").text
    assert f'<a href="/patch/{again.pk}/" title="[v2,2/2] two">2</a>' in old
    assert "<strong>1</strong>" in old
    carried = client.get(f"/patch/{one.pk}/").text
    assert "<strong>1</strong> <strong>2</strong>" in carried
    assert f"/series/{series.pk}/rev/2/" in carried


def test_delegate_commit_pull_request_and_archive(client, project, patch):
    project.list_archive_url_format = "https://lists.example.com/{}"
    project.commit_url_format = "javascript:{}"
    project.save()
    patch.delegate = User.objects.create(username="maren")
    patch.commit_ref = "abc123"
    patch.pull_url = "https://git.example.com/x.git main"
    patch.archived = True
    patch.save()
    page = client.get(f"/patch/{patch.pk}/").text
    assert "<dd>maren</dd>" in page
    assert "<code>abc123</code>" in page
    assert "https://git.example.com/x.git main" in page
    assert ">Archived</span>" in page
    assert f'<a href="https://lists.example.com/{patch.mail.msgid[1:-1]}"' in page


def test_trailers_are_those_that_others_gave(client, patch):
    comment = factories.make_comment(patch)
    factories.give_trailer(comment, "Reviewed-by: Rita <rita@example.org>")
    page = client.get(f"/patch/{patch.pk}/").text
    assert "<code>Reviewed-by: Rita &lt;rita@example.org&gt;</code>" in page


def test_comments_read_as_a_discussion(client, patch):
    first = factories.make_comment(patch, "first", date=NOON + timedelta(hours=1))
    factories.make_comment(patch, "third", date=NOON + timedelta(hours=2))
    factories.make_comment(patch, "second", answers=first, date=NOON + timedelta(hours=3))
    page = client.get(f"/patch/{patch.pk}/").text
    assert page.index("first</pre>") < page.index("second</pre>") < page.index("third</pre>")


def test_whatever_a_mail_says_is_text(client, project, patch):
    hostile = "<script>alert(1)</script>"
    patch.name = f"[1/1] {hostile}"
    patch.content = f"{hostile} http://x/?a=1&b='onmouseover=alert(1) javascript:alert(1)"
    patch.diff = (
        f"diff --git a/{hostile} b/{hostile}\n--- a/{hostile}\n+++ b/{hostile}\n"
        f"@@ -1 +1 @@ {hostile}\n-{hostile}\n+{hostile}\n\\ {hostile}\n"
    )
    patch.save()
    comment = factories.make_comment(patch, f"> {hostile}\n{hostile}\nAcked-by: {hostile}")
    factories.give_trailer(comment, f"Acked-by: {hostile}")
    page = client.get(f"/patch/{patch.pk}/").text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 10
    assert 'href="javascript' not in page
    assert '<a href="http://x/?a=1&amp;b=" rel="nofollow noopener">' in page


def test_pull_requests_have_no_diff(client, project):
    patch = factories.make_patch(project, factories.make_person(), diff=None, pull_url="https://x")
    page = client.get(f"/patch/{patch.pk}/").text
    assert "Raw diff" not in page
    assert client.get(f"/patch/{patch.pk}/raw/").content == b""


def test_a_patch_that_stands_in_no_series_yet(client, project):
    patch = factories.make_patch(project, factories.make_person())
    response = client.get(f"/patch/{patch.pk}/")
    assert response.status_code == 200
    assert "Patches of this series" not in response.text


def test_raw_is_the_diff_and_no_page(client, patch):
    response = client.get(f"/patch/{patch.pk}/raw/")
    assert response.text == factories.DIFF
    assert response["Content-Type"].startswith("text/plain")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_mbox(client, patch):
    response = client.get(f"/patch/{patch.pk}/mbox/")
    assert response["Content-Disposition"] == "attachment; filename=2-3-two.patch"
    assert f"X-Patchwork-Id: {patch.pk}" in response.text


@pytest.mark.parametrize("address", ["", "mbox/", "raw/"])
def test_no_such_patch(client, db, address):
    response = client.get(f"/patch/77/{address}")
    assert response.status_code == 404
    assert "There is no patch 77 here." in response.text


@pytest.mark.parametrize(
    "inner",
    [
        "plain@example.org",
        "with/a/slash@example.org",
        "a+b%2Fc=d&e?f#g@example.org",
        "../../admin@example.org",
        "quote'\"<script>@example.org",
        "ümlaut@example.org",
        "mbox/raw@example.org",
    ],
)
@pytest.mark.parametrize("address", ["", "mbox/", "raw/"])
def test_a_patch_is_found_by_any_message_id(client, project, inner, address):
    patch = factories.make_patch(project, factories.make_person(), msgid=f"<{inner}>")
    response = client.get(f"/project/lamps/patch/{quote(inner, safe='')}/{address}")
    assert (response.status_code, response.url) == (302, f"/patch/{patch.pk}/{address}")


@pytest.mark.parametrize("kind", ["patch", "cover"])
@pytest.mark.parametrize(
    "inner", ["%00", "x%0d%0aSet-Cookie: a=b", "%3Cscript%3E", "%ff", "a" * 3000]
)
def test_a_message_id_that_is_not_there(client, project, kind, inner):
    response = client.get(f"/project/lamps/{kind}/{inner}/")
    assert response.status_code == 404
    assert "<script" not in response.text
    assert "Message-ID" in response.text or "There is no page" in response.text


def test_the_same_message_id_in_another_project(client, project):
    factories.make_project("radios")
    factories.make_patch(project, factories.make_person(), msgid="<a@b>")
    assert client.get("/project/radios/patch/a@b/").status_code == 404


class TestLetters:
    def test_a_cover_leads_to_its_revision(self, client, project):
        series = factories.make_series(project, letter="Hello")
        cover = factories.cover_of(series)
        for path in (f"/cover/{cover.pk}/", f"/project/lamps/cover/{cover.mail.msgid[1:-1]}/"):
            response = client.get(path)
            assert (response.status_code, response.url) == (302, f"/series/{series.pk}/rev/1/")
        assert client.get("/cover/999/").status_code == 404

    def test_a_comment_leads_to_its_place(self, client, project, patch):
        comment = factories.make_comment(patch, "all of it")
        response = client.get(f"/comment/{comment.pk}/")
        assert response.url == f"/patch/{patch.pk}/#comment-{comment.pk}"
        assert client.get(f"/comment/{comment.pk}/raw/").text == "all of it"
        series = factories.make_series(project, letter="Hello")
        on_cover = factories.make_comment(factories.cover_of(series))
        response = client.get(f"/comment/{on_cover.pk}/")
        assert response.url == f"/series/{series.pk}/rev/1/#comment-{on_cover.pk}"
        assert client.get("/comment/999/").status_code == 404
        assert client.get("/comment/999/raw/").status_code == 404


def test_queries_do_not_grow(client, project):
    def count(patch) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/patch/{patch.pk}/")
        return len(captured)

    def made(size: int):
        series = factories.make_series(project, patches=[f"patch {n}" for n in range(size)])
        for _ in range(size):
            factories.make_revision(series, ["again"] * 1)
        patch = series.revisions.get(number=1).slots.get(number=1).patch
        for _ in range(size):
            factories.give_trailer(factories.make_comment(patch), "Acked-by: R <r@example.org>")
        return patch

    assert count(made(3)) == count(made(30)) <= 12
