# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked about full databases, inside of a process with Django."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402

from benchmarks.api.stock import (  # noqa: E402
    BUNDLE_PATCHES,
    BUNDLES,
    PEOPLE,
    PROJECTS,
    Posting,
    Stock,
    hash_of,
)
from benchmarks.inside import answer  # noqa: E402
from patchwork.bundles.models import Bundle, BundlePatch  # noqa: E402
from patchwork.checks.models import CheckResult, ResultState  # noqa: E402
from patchwork.databases import insert  # noqa: E402
from patchwork.events.models import Event, EventKind  # noqa: E402
from patchwork.people.models import Person  # noqa: E402
from patchwork.projects.models import Project, State, Tag  # noqa: E402
from patchwork.tracking.changes import recount_patches  # noqa: E402
from patchwork.tracking.models import (  # noqa: E402
    Comment,
    Cover,
    Mail,
    MailKind,
    MailTrailer,
    Patch,
    PatchTag,
    RawMail,
    Revision,
    RevisionPatch,
    Series,
    SeriesState,
)

_BATCH = 1000
_BEGAN = datetime(2015, 1, 1, tzinfo=UTC)
_WORDS = ("bridge", "cache", "driver", "filter", "handle", "parser", "queue", "timer", "window")
_TEXT = "This changes how the driver of the bridge waits for its queue.\n" * 6
_DIFF_LINE = (
    "-\treturn queue->first;\n+\treturn queue->last;\n \tthe window of the timer is what it was\n"
)
_CONTEXTS = ("build", "checkpatch")

_MAIL = (
    *("id", "project", "msgid", "in_reply_to", "references", "thread_root", "answers", "kind"),
    *("submitter", "date", "received", "subject", "raw", "went_to", "posting", "name", "key"),
    *("number", "total", "version", "has_claims"),
)
_PATCH = (
    *("id", "mail", "project", "submitter", "date", "name", "content", "diff", "hash"),
    *("pull_url", "commit_ref", "state", "state_set_by_human", "archived", "last_updated"),
)
_COVER = ("id", "mail", "project", "submitter", "date", "name", "content")
_COMMENT = ("id", "mail", "project", "patch", "submitter", "date", "content")
_SERIES = (
    *("id", "project", "name", "submitter", "submitted", "last_updated", "newest", "version"),
    *("n_patches", "state"),
)
_REVISION = (
    *("id", "series", "project", "number", "name", "submitter", "date", "marker", "total"),
    *("is_complete", "is_late", "is_resend", "announced", "strange"),
)
_RESULT = (
    *("id", "project", "patch", "revision", "context", "test_name", "state", "date", "url"),
    *("summary", "is_latest"),
)
_EVENT = (
    *("kind", "event_time", "project", "series", "revision", "patch", "cover", "comment"),
    *("parameters", "historical"),
)


def fill(patches: int) -> None:
    """The tables and their rows. Nothing is taken in: that would take hours."""
    call_command("migrate", verbosity=0)
    call_command("loaddata", "default_states", "default_tags", verbosity=0)
    _people()
    stock = Stock(patches)
    postings = stock.postings()
    rows = _Rows()
    while batch := list(islice(postings, _BATCH)):
        for posting in batch:
            rows.add(posting)
        # Series and revisions refer to each other.
        with connection.constraint_checks_disabled(), transaction.atomic():
            rows.insert()
    _bundles(stock)
    for project in Project.objects.all():
        recount_patches(project)
    if connection.vendor != "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _people() -> None:
    for number in range(1, PROJECTS + 1):
        Project.objects.create(
            pk=number,
            linkname=f"project{number}",
            name=f"Project {number}",
            listid=f"list{number}.example.com",
            listemail=f"list{number}@example.com",
            list_archive_url_format="https://lore.example.com/{}",
        )
    insert(
        Person,
        ("id", "email", "email_key", "name"),
        [
            (pk, f"dev{pk}@example.net", f"dev{pk}@example.net", f"Dev {pk}")
            for pk in range(1, PEOPLE + 1)
        ],
    )
    User.objects.create_user("benchmark", password="benchmark")


def _bundles(stock: Stock) -> None:
    owner = User.objects.get()
    for number in range(1, BUNDLES + 1):
        bundle = Bundle.objects.create(
            pk=number, owner=owner, project_id=1, name=f"bundle{number}", public=True
        )
        step = max(1, stock.patches // (BUNDLES * BUNDLE_PATCHES))
        ids = range(number, stock.patches + 1, step * BUNDLES)
        insert(
            BundlePatch,
            ("bundle", "patch", "order"),
            [(bundle.pk, pk, at) for at, pk in enumerate(ids[:BUNDLE_PATCHES])],
        )


class _Rows:
    """The rows of some postings, by their tables, until they are inserted."""

    def __init__(self) -> None:
        self._states = list(State.objects.order_by("ordering").values_list("pk", flat=True))
        self._tag = Tag.objects.order_by("pk").values_list("pk", flat=True)[0]
        self._mail_ids, self._cover_ids, self._comment_ids, self._result_ids = (
            count(1) for _ in range(4)
        )
        self._event_times = count()
        self._tables: dict[type[Model], tuple[Sequence[str], list[Sequence[Any]]]] = {
            RawMail: (("id", "sha256", "size", "compressed"), []),
            Mail: (_MAIL, []),
            Revision: (_REVISION, []),
            Series: (_SERIES, []),
            Patch: (_PATCH, []),
            RevisionPatch: (("revision", "patch", "number"), []),
            Cover: (_COVER, []),
            Comment: (_COMMENT, []),
            MailTrailer: (("mail", "project", "target", "line"), []),
            PatchTag: (("patch", "tag", "count"), []),
            CheckResult: (_RESULT, []),
            Event: (_EVENT, []),
        }
        self._raws = dict(_raws())

    def insert(self) -> None:
        for model, (names, rows) in self._tables.items():
            insert(model, names, rows)
            rows.clear()

    def add(self, posting: Posting) -> None:
        """A posting whose mails came one after the other, and what followed."""
        date = _BEGAN + timedelta(minutes=5 * posting.id)
        cover = self._cover(posting, date) if posting.size > 1 else None
        name = f"{posting.subject} {_words(posting.id)}" if cover else ""
        self._posting(posting, date, name)
        for number, patch_id in enumerate(posting.patch_ids, 1):
            self._patch(posting, patch_id, number, date)
        if posting.id % 5 == 0:
            self._results(posting, date)
        self._event(posting, EventKind.SERIES_CREATED)
        self._event(posting, EventKind.SERIES_COMPLETED)
        self._event(posting, EventKind.SERIES_NEW_REVISION, parameters={"revision": posting.number})

    def _row(self, model: type[Model], *values: Any) -> None:
        self._tables[model][1].append(values)

    def _posting(self, posting: Posting, date: datetime, name: str) -> None:
        number = posting.number
        self._row(
            Revision,
            *(posting.id, posting.series_id, posting.project_id, number, name),
            *(posting.person_id, date, number, posting.size, True, False, False, True, ""),
        )
        if number > 1:
            return
        has_second = (posting.id + 1) % 4 == 0
        newest = posting.id + 1 if has_second else posting.id
        self._row(
            Series,
            *(posting.id, posting.project_id, name, posting.person_id, date, date, newest),
            *(1 + has_second, posting.size + has_second, SeriesState.INITIAL.value),
        )

    def _mail(
        self, posting: Posting, kind: MailKind, msgid: str, root: str, date: datetime, name: str
    ) -> int:
        pk = next(self._mail_ids)
        size, compressed = self._raws[pk % len(self._raws)]
        self._row(RawMail, pk, hashlib.sha256(str(pk).encode()).hexdigest(), size, compressed)
        answered = "" if msgid == root else root
        placed = None if kind == MailKind.COMMENT else posting.id
        self._row(
            Mail,
            *(pk, posting.project_id, msgid, answered, answered, root, answered, kind.value),
            *(posting.person_id, date, date, name, pk, "", placed, name, "", 1, posting.size),
            *(1, False),
        )
        return pk

    def _cover(self, posting: Posting, date: datetime) -> int:
        pk = next(self._cover_ids)
        name = f"[0/{posting.size}] {posting.subject} {_words(posting.id)}"
        root = posting.msgid(0)
        mail_id = self._mail(posting, MailKind.COVER, root, root, date, name)
        self._row(Cover, pk, mail_id, posting.project_id, posting.person_id, date, name, _TEXT)
        self._event(posting, EventKind.COVER_CREATED, cover=pk)
        return pk

    def _patch(self, posting: Posting, patch_id: int, number: int, date: datetime) -> None:
        date += timedelta(seconds=number)
        msgid = posting.msgid(number)
        root = posting.msgid(0) if posting.size > 1 else msgid
        prefix = f"[{number}/{posting.size}] " if posting.size > 1 else ""
        name = f"{prefix}{posting.subject} {_words(patch_id)}"
        mail_id = self._mail(posting, MailKind.PATCH, msgid, root, date, name)
        self._row(
            Patch,
            *(patch_id, mail_id, posting.project_id, posting.person_id, date, name, _TEXT),
            *(_diff(patch_id), hash_of(patch_id), "", "", self._states[patch_id % 5], False),
            *(patch_id % 7 == 0, date),
        )
        self._row(RevisionPatch, posting.id, patch_id, number)
        self._event(posting, EventKind.PATCH_CREATED, patch=patch_id)
        self._event(posting, EventKind.PATCH_COMPLETED, patch=patch_id)
        if patch_id % 2:
            self._comment(posting, patch_id, msgid, root, date)
        if patch_id % 3 == 0:
            self._results(posting, date, patch_id)

    def _comment(
        self, posting: Posting, patch_id: int, target: str, root: str, date: datetime
    ) -> None:
        pk = next(self._comment_ids)
        msgid = f"<reply-{pk}@example.net>"
        mail_id = self._mail(
            posting, MailKind.COMMENT, msgid, root, date + timedelta(hours=3), "Re: a patch"
        )
        self._row(
            Comment,
            *(pk, mail_id, posting.project_id, patch_id, posting.person_id, date, _TEXT),
        )
        line = f"Reviewed-by: Dev {pk % PEOPLE} <dev{pk % PEOPLE}@example.net>"
        self._row(MailTrailer, mail_id, posting.project_id, target, line)
        self._row(PatchTag, patch_id, self._tag, 1)
        self._event(posting, EventKind.PATCH_COMMENT_CREATED, patch=patch_id, comment=pk)

    def _results(self, posting: Posting, date: datetime, patch_id: int | None = None) -> None:
        """On a patch, or else on the whole revision."""
        revision_id, kind = (
            (posting.id, EventKind.REVISION_TESTED)
            if patch_id is None
            else (None, EventKind.CHECK_CREATED)
        )
        for context in _CONTEXTS:
            pk = next(self._result_ids)
            self._row(
                CheckResult,
                *(pk, posting.project_id, patch_id, revision_id, context, context),
                *(ResultState.SUCCESS.value, date, "https://ci.example.com/1", "fine", True),
            )
            self._event(posting, kind, patch=patch_id, parameters={"check": pk})

    def _event(
        self,
        posting: Posting,
        kind: EventKind,
        *,
        patch: int | None = None,
        cover: int | None = None,
        comment: int | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        time = _BEGAN + timedelta(seconds=next(self._event_times))
        self._row(
            Event,
            *(kind.value, time, posting.project_id, posting.series_id, posting.id, patch, cover),
            *(comment, parameters or {}, False),
        )


def _words(number: int) -> str:
    size = len(_WORDS)
    return " ".join(_WORDS[number // size**place % size] for place in range(4)) + f" {number}"


def _diff(number: int) -> str:
    old, new = (f"{side}/file{number}.c" for side in "ab")
    head = f"diff --git {old} {new}\n--- {old}\n+++ {new}\n"
    lines = 1 + number % 20
    return f"{head}@@ -1,{2 * lines} +1,{2 * lines} @@\n{_DIFF_LINE * lines}"


def _raws() -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Some mails for all rows, which have a digest each."""
    for number in range(64):
        head = (
            f"From: Dev {number} <dev{number}@example.net>\nTo: list1@example.com\n"
            f"Cc: Dev {number + 1} <dev{number + 1}@example.net>\n"
            + "".join(f"Received: from mx{hop}.example.net by mx.example.com\n" for hop in range(6))
            + f"Subject: [PATCH] {_words(number)}\nMessage-ID: <{number}@example.net>\n"
            "Date: Thu, 1 Jan 2015 00:00:00 +0000\nList-Id: <list1.example.com>\n\n"
        )
        raw = f"{head}{_TEXT}---\n{_diff(number)}".encode()
        yield number, (len(raw), zlib.compress(raw))


if __name__ == "__main__":
    answer(fill)
