# SPDX-License-Identifier: GPL-2.0-or-later
"""Cover letters and comments: they have no page of their own, each leads to where it is shown."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from patchwork.mail import mbox
from patchwork.tracking import queries
from patchwork.tracking.models import Cover
from patchwork.web import projects
from patchwork.web.downloads import as_mbox, as_text


@require_safe
def cover(request: HttpRequest, cover_id: int) -> HttpResponse:
    """A cover letter stands on the page of the revision that it came with."""
    found = queries.find_cover(cover_id)
    if found is None:
        raise Http404(f"There is no cover letter {cover_id} here.")
    return HttpResponseRedirect(_page_of(found))


@require_safe
def cover_mbox(request: HttpRequest, cover_id: int) -> HttpResponse:
    """The letter as it came, with its headers."""
    found = queries.find_cover(cover_id)
    if found is None:
        raise Http404(f"There is no cover letter {cover_id} here.")
    sender = found.submitter.email
    return as_mbox(mbox.entry(queries.raw_of(found.mail), sender, found.date), found.name)


@require_safe
def cover_by_msgid(request: HttpRequest, linkname: str, msgid: str) -> HttpResponse:
    cover_id = queries.cover_id_of(projects.find(linkname), msgid)
    if cover_id is None:
        raise Http404(f"No cover letter with the Message-ID “{msgid}” has come to this project.")
    return cover(request, cover_id)


@require_safe
def comment(request: HttpRequest, comment_id: int) -> HttpResponse:
    """A comment stands below what it is about."""
    found = queries.find_comment(comment_id)
    if found is None:
        raise Http404(f"There is no comment {comment_id} here.")
    if found.cover is not None:
        return HttpResponseRedirect(f"{_page_of(found.cover)}#comment-{comment_id}")
    return HttpResponseRedirect(f"{reverse('patch', args=[found.patch_id])}#comment-{comment_id}")


@require_safe
def comment_text(request: HttpRequest, comment_id: int) -> HttpResponse:
    """The whole text of a comment that is too long for a page."""
    found = queries.find_comment(comment_id)
    if found is None:
        raise Http404(f"There is no comment {comment_id} here.")
    return as_text(found.content)


def _page_of(cover: Cover) -> str:
    posting = cover.mail.posting
    if posting is None or posting.series_id is None:
        raise Http404(f"Cover letter {cover.pk} belongs to no series yet.")
    return reverse("series-revision", args=[posting.series_id, posting.number])
