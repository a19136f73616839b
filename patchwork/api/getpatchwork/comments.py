# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments on patches and on cover letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Face, Listing, allow
from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    FLAG,
    ID,
    TEXT,
    TEXTS_BY_NAME,
    TIME,
    Body,
    Shape,
    Since,
    nullable,
)
from patchwork.api.getpatchwork.wording import PERSON, Said, written
from patchwork.api.parameters import Asked
from patchwork.databases import containing
from patchwork.tracking import permissions
from patchwork.tracking.changes import set_addressed
from patchwork.tracking.models import Comment, Cover, Patch
from patchwork.tracking.queries.records import CommentRecord, comment_records, headers_of

COMMENT = Shape(
    "Comment",
    {
        "id": ID,
        "url": Since(3, ADDRESS),
        "web_url": Since(1, ADDRESS),
        "msgid": TEXT,
        "list_archive_url": Since(2, nullable(TEXT)),
        "date": TIME,
        "subject": TEXT,
        "submitter": PERSON,
        "content": TEXT,
        "headers": TEXTS_BY_NAME,
        "addressed": Since(3, nullable(FLAG)),
        "in_reply_to": Since(5, nullable(ID)),
    },
)
EDIT = Body("CommentEdit", {"addressed": nullable(FLAG)})


class Commented(Face):
    """What comments are about: a patch or a cover letter, by ``target_id`` in the address."""

    told = COMMENT
    about: ClassVar[str]
    target: ClassVar[type[Model]]

    def rows(self) -> QuerySet[Comment]:
        return Comment.objects.filter(
            **{str(self.target._meta.model_name): self.number("target_id")}
        )

    def say_comments(self, comments: Sequence[CommentRecord]) -> list[Said]:
        about = f"{self.about}/{self.number('target_id')}/comments"
        headers = headers_of({comment.raw_id for comment in comments})
        wording = self.wording({comment.project_id for comment in comments})
        answered = self._answered(comments) if wording.minor >= 5 else {}
        said = []
        for comment in comments:
            one: Said = {"id": comment.id}
            if wording.minor >= 3:
                one["url"] = f"{wording.api}/{about}/{comment.id}/"
            if wording.minor >= 1:
                one["web_url"] = f"{wording.site}/comment/{comment.id}/"
            one["msgid"] = comment.msgid
            if wording.minor >= 2:
                one["list_archive_url"] = wording.archived(comment.project_id, comment.msgid)
            one["date"] = written(comment.date)
            one["subject"] = comment.name
            one["submitter"] = wording.person(
                comment.submitter_id, comment.submitter_name, comment.submitter_email
            )
            one["content"] = comment.content
            one["headers"] = headers[comment.raw_id]
            if wording.minor >= 3:
                addressed = comment.addressed
                one["addressed"] = None if addressed is None else bool(addressed)
            if wording.minor >= 5:
                one["in_reply_to"] = answered.get(comment.in_reply_to)
            said.append(one)
        return said

    def _answered(self, comments: Sequence[CommentRecord]) -> dict[str, int]:
        """Message-ID -> the comment on the same thing that has it."""
        above = {comment.in_reply_to for comment in comments if comment.in_reply_to}
        found = self.rows().filter(mail__msgid__in=above)
        return dict(found.values_list("mail__msgid", "pk"))


class Comments(Commented, Listing):
    """``/patches/5/comments/``"""

    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "subject": "mail__subject",
        "date": "date",
        "submitter": "submitter_id",
    }
    searched = ("mail__subject",)
    has_texts = True

    def select(self, asked: Asked) -> QuerySet[Any]:
        if not self.target._default_manager.filter(pk=self.number("target_id")).exists():
            raise Http404
        asking.known_projects(asked)
        return self.rows()

    def having(self, word: str) -> Q:
        """There are few about one thing: their texts are searched through."""
        named = super().having(word)
        return named | containing("content", word) if self.minor >= 5 else named

    def say(self, ids: list[int]) -> list[Said]:
        return self.say_comments(comment_records(ids))


class OneComment(Commented):
    """``/patches/5/comments/6/``"""

    first_minor = 3
    body = EDIT

    def get(self, request: Request, **_: str) -> Response:
        return Response(self.say())

    def patch(self, request: Request, **_: str) -> Response:
        comment = self.find()
        may = partial(permissions.may_mark_comment, comment=comment)
        allow(request, self.scope, comment.project_id, may)
        sent = self.sent(self.say())
        if "addressed" in sent:
            set_addressed(comment, sent.flag_or_nothing("addressed"))
        return Response(self.say())

    put = patch

    def say(self) -> Said:
        return self.say_comments(comment_records([self.find().pk]))[0]

    def find(self) -> Comment:
        comment = self.rows().filter(pk=self.number("comment_id")).first()
        if comment is None:
            raise Http404
        return comment


class PatchComments(Comments):
    about, target = "patches", Patch


class CoverComments(Comments):
    about, target = "covers", Cover


class PatchComment(OneComment):
    about, target = "patches", Patch


class CoverComment(OneComment):
    about, target = "covers", Cover
