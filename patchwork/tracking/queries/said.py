# SPDX-License-Identifier: GPL-2.0-or-later
"""What was said about patches and cover letters: comments, trailers, test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from patchwork.projects.models import Tag
from patchwork.tracking.models import Comment, Cover, Mail, MailTrailer, Patch, PatchTag, Revision
from patchwork.tracking.queries.projects import shown_tags


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many trailers of a kind there are, and on how many of how many patches."""

    tag: Tag
    trailers: int
    patches: int
    of: int

    @property
    def is_everywhere(self) -> bool:
        return 0 < self.of <= self.patches


@dataclass(frozen=True, slots=True)
class Result:
    """The latest result of a test."""

    test_name: str
    reporter: str
    """The account's name; empty when it is gone."""
    state: str
    url: str
    summary: str
    date: datetime


def tags_on(patch_ids: Collection[int]) -> dict[int, tuple[TagCount, ...]]:
    """Patch id -> its count for each tag that has a column."""
    tags = shown_tags()
    counts = {
        (patch_id, tag_id): count
        for patch_id, tag_id, count in PatchTag.objects.filter(patch_id__in=patch_ids).values_list(
            "patch_id", "tag_id", "count"
        )
    }
    return {
        patch_id: tuple(
            TagCount(tag, count, int(count > 0), 1)
            for tag in tags
            for count in [counts.get((patch_id, tag.pk), 0)]
        )
        for patch_id in patch_ids
    }


def sum_up(tags: Sequence[Sequence[TagCount]]) -> tuple[TagCount, ...]:
    """What the patches of a revision have together."""
    return tuple(
        TagCount(
            of_one_kind[0].tag,
            trailers=sum(one.trailers for one in of_one_kind),
            patches=sum(one.patches for one in of_one_kind),
            of=len(of_one_kind),
        )
        for of_one_kind in zip(*tags, strict=True)
    )


def results_on(
    model: type[Patch] | type[Revision], ids: Collection[int]
) -> defaultdict[int, tuple[Result, ...]]:
    """Id -> the latest results, by the names of their tests.

    On a revision the last one of each test counts, on a patch that of each account.
    """
    rows = model._default_manager.filter(pk__in=ids, results__is_latest=True).values_list(
        "pk",
        "results__test_name",
        "results__user__username",
        "results__state",
        "results__url",
        "results__summary",
        "results__date",
    )
    latest: defaultdict[int, dict[tuple[str, str], Result]] = defaultdict(dict)
    for pk, name, user, state, url, summary, date in rows.order_by("results__pk"):
        reporter = user or ""
        key = name, reporter if model is Patch else ""
        latest[pk][key] = Result(name, reporter, state, url, summary, date)
    found: defaultdict[int, tuple[Result, ...]] = defaultdict(tuple)
    for pk, by_name in latest.items():
        found[pk] = tuple(sorted(by_name.values(), key=_by_test))
    return found


def _by_test(result: Result) -> tuple[str, str]:
    return result.test_name.lower(), result.reporter


def comments_on(target: Patch | Cover | None) -> tuple[Comment, ...]:
    if target is None:
        return ()
    comments = Comment.objects.filter(**{"patch" if isinstance(target, Patch) else "cover": target})
    return tuple(comments.select_related("mail", "submitter").order_by("date", "pk"))


def count_comments(patch_ids: Collection[int]) -> dict[int, int]:
    counts = Comment.objects.filter(patch_id__in=patch_ids).values_list("patch_id")
    return dict(counts.annotate(count=Count("pk")).order_by())


def trailers_for(mail: Mail) -> tuple[MailTrailer, ...]:
    """What others said; its own trailers stand in the mail."""
    trailers = MailTrailer.objects.filter(project_id=mail.project_id, target=mail.msgid)
    return tuple(trailers.exclude(mail=mail).select_related("mail").order_by("mail__date", "pk"))
