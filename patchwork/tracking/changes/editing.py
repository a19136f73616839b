# SPDX-License-Identifier: GPL-2.0-or-later
"""Several decisions about one thing, taken together or not at all; and what is said of comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from patchwork.databases import until_it_passes
from patchwork.projects.lock import lock
from patchwork.projects.models import State
from patchwork.tracking.changes.decisions import (
    Actor,
    refresh_series,
    relate,
    set_archived,
    set_commit,
    set_delegate,
    set_pull_url,
    set_state,
    unrelate,
)
from patchwork.tracking.models import Comment, Patch, Series


class AlreadyRelated(Exception):
    """The patches belong to several sets, and nobody said that these are one."""


class PatchEdit(TypedDict, total=False):
    """What is to become of a patch; what is not named stays."""

    state: State
    delegate: AbstractBaseUser | None
    archived: bool
    commit_ref: str
    pull_url: str
    related: Sequence[Patch]
    """Patches that are about the same thing; none takes the patch out of its set."""


def edit_patch(patch: Patch, edit: PatchEdit, actor: Actor) -> None:
    """Raises AlreadyRelated, and then nothing has changed."""

    def write() -> None:
        with transaction.atomic():
            if "related" in edit:
                _set_related(patch, edit["related"], actor)
            if "state" in edit:
                set_state([patch], edit["state"], actor)
            if "delegate" in edit:
                set_delegate([patch], edit["delegate"], actor)
            if "archived" in edit:
                set_archived([patch], edit["archived"], actor)
            if "commit_ref" in edit:
                set_commit(patch, edit["commit_ref"], actor)
            if "pull_url" in edit:
                set_pull_url(patch, edit["pull_url"], actor)

    until_it_passes(write)


def _set_related(patch: Patch, others: Sequence[Patch], actor: Actor) -> None:
    if not others:
        unrelate(patch, actor)
        return
    related = {each.pk: each for each in (patch, *others)}
    lock({each.project_id for each in related.values()})
    known = Patch.objects.filter(pk__in=related, relation__isnull=False)
    if known.values("relation").distinct().count() > 1:
        raise AlreadyRelated("These patches belong to different sets of related patches already.")
    if len(related) > 1:
        relate(related.values(), actor)


def set_addressed(comment: Comment, addressed: bool | None) -> None:
    """Say whether what a comment asks for has been done; None: nobody asked for anything."""

    def write() -> None:
        with transaction.atomic():
            lock([comment.project_id])
            changed = Comment.objects.filter(pk=comment.pk).exclude(addressed=addressed)
            if not changed.update(addressed=addressed):
                return
            if comment.patch_id:
                refresh_series([comment.patch_id])
            else:
                Series.objects.filter(revisions__mails__cover=comment.cover_id).update(
                    last_updated=timezone.now()
                )

    until_it_passes(write)
    comment.addressed = addressed
