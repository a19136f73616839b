# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from patchwork.api.counting import count, count_patches
from patchwork.api.getpatchwork import asking
from patchwork.api.getpatchwork.faces import Conflict, Face, Listing, allow
from patchwork.api.getpatchwork.sent import Sent
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
    list_of,
    nullable,
    text,
)
from patchwork.api.getpatchwork.wording import (
    ACCOUNT,
    CHECK_STATES,
    CHECK_WORDS,
    PATCH,
    PERSON,
    PROJECT,
    SERIES,
    Said,
    Wording,
    written,
)
from patchwork.api.parameters import Asked, wrong
from patchwork.checks.queries import states_of_patches
from patchwork.mail import subject
from patchwork.people.queries import accounts
from patchwork.projects.models import Tag
from patchwork.tracking import permissions
from patchwork.tracking.changes import AlreadyRelated, PatchEdit, edit_patch
from patchwork.tracking.models import Patch, PatchCount, RevisionPatch
from patchwork.tracking.queries.records import (
    Mention,
    PatchRecord,
    holders_of,
    long_texts_of_patch,
    patch_records,
    related_to,
    tags_of,
)
from patchwork.tracking.queries.texts import naming, saying

Row = TypeVar("Row", bound=Model)

LISTED = Shape(
    "Patch",
    {
        "id": ID,
        "url": ADDRESS,
        "web_url": Since(1, ADDRESS),
        "project": PROJECT,
        "msgid": TEXT,
        "list_archive_url": Since(2, nullable(TEXT)),
        "date": TIME,
        "name": TEXT,
        "commit_ref": nullable(TEXT),
        "pull_url": nullable(TEXT),
        "state": TEXT,
        "archived": FLAG,
        "hash": nullable(TEXT),
        "submitter": PERSON,
        "delegate": nullable(ACCOUNT),
        "mbox": ADDRESS,
        "series": list_of(SERIES),
        "comments": Since(1, ADDRESS),
        "check": CHECK_WORDS,
        "checks": ADDRESS,
        "tags": TEXTS_BY_NAME,
        "related": Since(2, list_of(PATCH)),
    },
)
IN_FULL = Shape(
    "PatchInFull",
    {
        **LISTED.fields,
        "headers": TEXTS_BY_NAME,
        "content": TEXT,
        "diff": nullable(TEXT),
        "prefixes": list_of(TEXT),
    },
)
EDIT = Body(
    "PatchEdit",
    {
        "state": TEXT,
        "delegate": nullable(ID),
        "archived": FLAG,
        "commit_ref": text(255),
        "pull_url": text(255),
        "related": Since(2, list_of(ID)),
    },
)
COUNTED = ("project", "state", "archived")
"""Filters under which the number of patches is known."""
REPOSITORY_SCHEMES = ("git", "ssh")


class Patches(Listing):
    """``/patches/``"""

    told = LISTED
    filters: ClassVar[dict[str, Any]] = {
        **asking.PERIOD,
        "series": asking.IDS,
        **dict.fromkeys(("submitter", "delegate"), asking.NAMED),
        "state": asking.WORDS,
        "archived": FLAG,
        **dict.fromkeys(("hash", "msgid"), asking.WORDS),
    }
    orders: ClassVar[dict[str, str]] = {
        "id": "pk",
        "name": "name",
        "project": "project_id",
        "date": "date",
        "state": "state_id",
        "archived": "archived",
        "submitter": "submitter_id",
    }
    searched = ("name",)
    has_texts = True

    def select(self, asked: Asked) -> QuerySet[Any]:
        rows = _standing(asked, Patch.objects.all())
        rows = asking.submitters(asked, rows)
        rows = asking.accounts(asked, "delegate", asking.period(asked, rows))
        if series := asking.series(asked):
            held = RevisionPatch.objects.filter(revision_id__in=series)
            rows = rows.filter(pk__in=held.values("patch_id"))
        if digests := asked.texts("hash"):
            rows = rows.filter(hash__in=[digest.lower() for digest in digests])
        return asking.with_msgid(asked, rows)

    def having(self, word: str) -> Q:
        named = naming(Patch, word)
        return named | saying(Patch, word) if self.minor >= 5 else named

    def total(self, asked: Asked, selected: QuerySet[Any]) -> int:
        if any(asked.every(name) for name in ("q", *self.filters) if name not in COUNTED):
            return count(selected)
        return count_patches(_standing(asked, PatchCount.objects.all()))

    def say(self, ids: list[int]) -> list[Said]:
        return say_patches(self, patch_records(ids))


def _standing(asked: Asked, rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those that are asked for by what patches, and the counters of patches, have."""
    rows = asking.states(asked, asking.projects(asked, rows))
    archived = asked.flag("archived")
    return rows if archived is None else rows.filter(archived=archived)


class OnePatch(Face):
    """``/patches/5/``"""

    told = IN_FULL
    body = EDIT
    refusals = (Conflict,)

    def get(self, request: Request, **_: str) -> Response:
        return Response(self.say(self.number("patch_id")))

    def patch(self, request: Request, **_: str) -> Response:
        patch = _find(self.number("patch_id"))
        user = _allow_editing(request, patch)
        sent = self.sent(self.say(patch.pk))
        try:
            edit_patch(patch, _edit(request, patch, sent), user)
        except AlreadyRelated as error:
            raise Conflict(str(error)) from error
        return Response(self.say(patch.pk))

    put = patch

    def say(self, patch_id: int) -> Said:
        records = patch_records([patch_id])
        if not records:
            raise Http404
        said = say_patches(self, records)[0]
        texts = long_texts_of_patch(patch_id)
        said["headers"] = texts.headers
        said["content"] = texts.content
        said["diff"] = texts.diff
        said["prefixes"] = list(subject.parse(records[0].name).prefixes)
        return said


def _find(patch_id: int) -> Patch:
    patches = Patch.objects.select_related("project").defer("content", "diff")
    patch = patches.filter(pk=patch_id).first()
    if patch is None:
        raise Http404
    return patch


def _allow_editing(request: Request, patch: Patch) -> AbstractBaseUser:
    may = partial(permissions.may_edit_patch, patch=patch)
    return allow(request, OnePatch.scope, patch.project_id, may)


def _edit(request: Request, patch: Patch, sent: Sent) -> PatchEdit:
    """What is to become of the patch; nothing is changed before all of it is understood."""
    edit = PatchEdit()
    if "state" in sent:
        edit["state"] = asking.states_called([sent.text("state")])[0]
    if "delegate" in sent:
        edit["delegate"] = _delegate(patch, sent.id_or_nothing("delegate"))
    if "archived" in sent:
        edit["archived"] = sent.flag("archived")
    if "commit_ref" in sent:
        edit["commit_ref"] = sent.line("commit_ref")
    if "pull_url" in sent:
        edit["pull_url"] = sent.address("pull_url", REPOSITORY_SCHEMES)
    if "related" in sent:
        edit["related"] = _related(request, sent.ids("related"))
    return edit


def _delegate(patch: Patch, user_id: int | None) -> AbstractBaseUser | None:
    if user_id is None:
        return None
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    if user is None or not permissions.may_delegate_to(user, patch.project):
        raise wrong("delegate", f"{user_id} is nobody who looks after the project.")
    return user


def _related(request: Request, ids: Sequence[int]) -> list[Patch]:
    """Who relates patches may change each of them."""
    others = list(Patch.objects.filter(pk__in=ids))
    if missing := set(ids) - {other.pk for other in others}:
        raise wrong("related", f"There is no patch {min(missing)} here.")
    for other in others:
        _allow_editing(request, other)
    return others


def say_patches(face: Face, patches: Sequence[PatchRecord]) -> list[Said]:
    """What a list tells of patches."""
    ids = [patch.id for patch in patches]
    holders = holders_of({patch.id: patch.posting_id for patch in patches})
    states = states_of_patches({pk: held.newest_id for pk, held in holders.items()})
    delegates = accounts({patch.delegate_id for patch in patches if patch.delegate_id})
    related = related_to(patches) if face.minor >= 2 else {}
    elsewhere = {other.project_id for others in related.values() for other in others}
    wording = face.wording({patch.project_id for patch in patches} | elsewhere)
    tags = _tags_of(wording, ids)
    said = []
    for patch in patches:
        others = _others(related.get(patch.relation_id or 0, ()), patch.id)
        one = _say_patch(wording, patch)
        one["state"] = patch.state
        one["archived"] = bool(patch.archived)
        one["hash"] = patch.hash or None
        one["submitter"] = wording.person(
            patch.submitter_id, patch.submitter_name, patch.submitter_email
        )
        one["delegate"] = wording.account(delegates.get(patch.delegate_id or 0))
        one["mbox"] = f"{wording.site}/patch/{patch.id}/mbox/"
        one["series"] = wording.all_series(holders[patch.id].mentions)
        if wording.minor >= 1:
            one["comments"] = f"{one['url']}comments/"
        one["check"] = CHECK_STATES[states[patch.id]]
        one["checks"] = f"{one['url']}checks/"
        one["tags"] = tags[patch.id] if wording.projects[patch.project_id].use_tags else {}
        if wording.minor >= 2:
            one["related"] = wording.patches(others)
        said.append(one)
    return said


def _say_patch(wording: Wording, patch: PatchRecord) -> Said:
    """What stands before the state."""
    said: Said = {"id": patch.id, "url": f"{wording.api}/patches/{patch.id}/"}
    if wording.minor >= 1:
        said["web_url"] = f"{wording.site}/patch/{patch.id}/"
    said["project"] = wording.project(patch.project_id)
    said["msgid"] = patch.msgid
    if wording.minor >= 2:
        said["list_archive_url"] = wording.archived(patch.project_id, patch.msgid)
    said["date"] = written(patch.date)
    said["name"] = patch.name
    said["commit_ref"] = patch.commit_ref or None
    said["pull_url"] = patch.pull_url or None
    return said


def _others(related: Collection[Mention], patch_id: int) -> list[Mention]:
    return [mention for mention in related if mention.id != patch_id]


def _tags_of(wording: Wording, patch_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Patch id -> how often each tag was given; the contract has the counts as texts."""
    if not any(project.use_tags for project in wording.projects.values()):
        return {}
    none = dict.fromkeys(Tag.objects.values_list("name", flat=True), "0")
    given = tags_of(patch_ids)
    return {
        pk: none | {tag: str(count) for tag, count in given.get(pk, {}).items()} for pk in patch_ids
    }
