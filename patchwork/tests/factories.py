# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows to look at, made by hand: for tests of what reads, not of how mails come to be rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from patchwork.people.models import Person
from patchwork.projects.models import Project, State
from patchwork.tracking.changes.counting import count_changed, kinds_of
from patchwork.tracking.models import (
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

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DIFF = """\
diff --git a/lamp.c b/lamp.c
index 1111111..2222222 100644
--- a/lamp.c
+++ b/lamp.c
@@ -1,2 +1,2 @@ int main(void)
 first
-second
+2nd
"""

_numbers = count(1)


def make_project(linkname: str = "lamps", **fields: object) -> Project:
    defaults = {
        "name": linkname.title(),
        "listid": f"{linkname}.lists.example.com",
        "listemail": f"{linkname}@lists.example.com",
    }
    return Project.objects.create(linkname=linkname, **(defaults | fields))


def make_person(name: str = "Ada Byte", email: str = "") -> Person:
    email = email or f"person{next(_numbers)}@example.org"
    person, _ = Person.objects.get_or_create(email_key=email.lower(), defaults={"email": email})
    if person.name != name:
        person.name = name
        person.save()
    return person


def make_mail(
    project: Project,
    submitter: Person,
    *,
    kind: MailKind,
    name: str = "a mail",
    msgid: str = "",
    in_reply_to: str = "",
    date: datetime = NOON,
    posting: Revision | None = None,
    number: int | None = None,
) -> Mail:
    msgid = msgid or f"<mail{next(_numbers)}@example.org>"
    raw = (
        f"From: {submitter.name} <{submitter.email}>\nTo: {project.listemail}\n"
        f"Subject: {name}\nMessage-ID: {msgid}\n\ntext\n"
    ).encode()
    return Mail.objects.create(
        project=project,
        msgid=msgid,
        in_reply_to=in_reply_to,
        thread_root=msgid,
        kind=kind,
        submitter=submitter,
        date=date,
        received=date,
        subject=name,
        name=name,
        number=number,
        posting=posting,
        raw=RawMail.objects.create(
            sha256=sha256(raw).hexdigest(), size=len(raw), compressed=zlib.compress(raw)
        ),
    )


def make_patch(
    project: Project,
    submitter: Person,
    name: str = "lamp: a change",
    *,
    posting: Revision | None = None,
    number: int = 1,
    prefix: str = "",
    date: datetime = NOON,
    state: str = "New",
    msgid: str = "",
    **fields: object,
) -> Patch:
    mail = make_mail(
        project,
        submitter,
        kind=MailKind.PATCH,
        name=name,
        date=date,
        posting=posting,
        number=number,
        msgid=msgid,
    )
    defaults = {"content": f"Why {name}.", "diff": DIFF, "last_updated": date}
    patch = Patch.objects.create(
        mail=mail,
        project=project,
        submitter=submitter,
        date=date,
        name=f"{prefix} {name}".strip(),
        state=State.objects.get(name=state),
        **(defaults | fields),
    )
    count_changed(kinds_of([]), kinds_of([patch]))
    return patch


def make_cover(revision: Revision, content: str = "What this is about.") -> Cover:
    mail = make_mail(
        revision.project,
        revision.submitter,
        kind=MailKind.COVER,
        name=revision.name,
        date=revision.date,
        posting=revision,
        number=0,
    )
    return Cover.objects.create(
        mail=mail,
        project=revision.project,
        submitter=revision.submitter,
        date=revision.date,
        name=f"[0/{revision.total}] {revision.name}",
        content=content,
    )


def make_comment(
    target: Patch | Cover,
    content: str = "Fine with me.",
    *,
    submitter: Person | None = None,
    answers: Comment | None = None,
    date: datetime = NOON + timedelta(hours=1),
) -> Comment:
    submitter = submitter or make_person("Rita Reviewer")
    above = (answers or target).mail.msgid
    mail = make_mail(target.project, submitter, kind=MailKind.COMMENT, in_reply_to=above, date=date)
    return Comment.objects.create(
        mail=mail,
        project=target.project,
        patch=target if isinstance(target, Patch) else None,
        cover=target if isinstance(target, Cover) else None,
        submitter=submitter,
        date=date,
        content=content,
    )


def make_series(
    project: Project,
    submitter: Person | None = None,
    name: str = "Light every lamp",
    *,
    patches: Sequence[str] = ("lamp: a change",),
    total: int | None = None,
    state: SeriesState = SeriesState.INITIAL,
    patch_state: str = "New",
    date: datetime = NOON,
    letter: str = "",
) -> Series:
    """A series with one revision; it is complete unless more patches were announced."""
    submitter = submitter or make_person()
    revision = _make_revision(project, submitter, name, 1, total or len(patches), date)
    series = Series.objects.create(
        id=revision.pk,
        project=project,
        name=name,
        submitter=submitter,
        submitted=date,
        last_updated=date,
    )
    revision.series = series
    revision.save()
    made = [
        make_patch(
            project,
            submitter,
            patch,
            posting=revision,
            number=number,
            prefix=f"[{number}/{revision.total}]",
            date=date,
            state=patch_state,
        )
        for number, patch in enumerate(patches, start=1)
    ]
    _fill(revision, made, state)
    if letter:
        make_cover(revision, letter)
    return series


def make_revision(
    series: Series, patches: Sequence[Patch | str], *, name: str = "", **fields: object
) -> Revision:
    """The next revision of a series; patches given as such are carried, names are new ones."""
    number = series.revisions.count() + 1
    date = series.submitted + timedelta(days=number)
    revision = _make_revision(
        series.project, series.submitter, name or series.name, number, len(patches), date
    )
    revision.series = series
    for field, value in fields.items():
        setattr(revision, field, value)
    revision.save()
    made = [
        patch
        if isinstance(patch, Patch)
        else make_patch(
            series.project,
            series.submitter,
            patch,
            posting=revision,
            number=place,
            prefix=f"[v{number},{place}/{len(patches)}]",
            date=date,
        )
        for place, patch in enumerate(patches, start=1)
    ]
    _fill(revision, made, SeriesState.INITIAL)
    return revision


def _make_revision(
    project: Project, submitter: Person, name: str, number: int, total: int, date: datetime
) -> Revision:
    return Revision.objects.create(
        project=project, number=number, name=name, submitter=submitter, date=date, total=total
    )


def _fill(revision: Revision, patches: Sequence[Patch], state: SeriesState) -> None:
    for number, patch in enumerate(patches, start=1):
        RevisionPatch.objects.create(revision=revision, patch=patch, number=number)
    revision.is_complete = len(patches) == revision.total
    revision.save()
    series = revision.series
    if series and revision.is_complete and not revision.is_late:
        series.newest = revision
        series.version = revision.number
        series.n_patches = len(patches)
        series.state = state
        series.save()


def newest(series: Series) -> Revision:
    assert series.newest is not None
    return series.newest


def patches_of(series: Series) -> list[Patch]:
    """The patches of the newest revision, in their order."""
    return [slot.patch for slot in newest(series).slots.order_by("number")]


def cover_of(series: Series) -> Cover:
    return newest(series).mails.get(kind=MailKind.COVER).cover


def give_trailer(comment: Comment, line: str) -> None:
    """As if the comment had said this, counted."""
    target = comment.patch or comment.cover
    assert target is not None
    MailTrailer.objects.create(
        mail=comment.mail, project=comment.project, target=target.mail.msgid, line=line
    )


def count_tag(patch: Patch, tag_id: int, trailers: int) -> None:
    PatchTag.objects.create(patch=patch, tag_id=tag_id, count=trailers)
