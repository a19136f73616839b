# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of bundles. Who may is asked of ``permissions`` by the doors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.databases import until_it_passes
from patchwork.tracking.models import Patch

NAME_LIMIT = 50


class CannotBundle(Exception):
    """What is asked for is no bundle: which part of it, and why."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(reason)
        self.part = part


class BundleEdit(TypedDict, total=False):
    """What is to become of a bundle; what is not named stays."""

    name: str
    patches: Sequence[Patch]
    public: bool


def create_bundle(
    owner: AbstractBaseUser, name: str, patches: Sequence[Patch], *, public: bool = False
) -> Bundle:
    """Raises CannotBundle."""
    bundle = Bundle(owner_id=owner.pk)
    _write(bundle, {"name": name, "patches": patches, "public": public})
    return bundle


def edit_bundle(bundle: Bundle, edit: BundleEdit) -> None:
    """Raises CannotBundle, and then nothing has changed."""
    _write(bundle, edit)


def delete_bundle(bundle: Bundle) -> None:
    """The patches stay."""
    bundle.delete()


def _write(bundle: Bundle, edit: BundleEdit) -> None:
    if "name" in edit:
        bundle.name = _name(edit["name"])
    if "public" in edit:
        bundle.public = edit["public"]
    if "patches" in edit:
        bundle.project_id = _project_of(edit["patches"], bundle.project_id)

    def write() -> None:
        with transaction.atomic():
            bundle.save()
            if "patches" in edit:
                bundle.entries.all().delete()
                BundlePatch.objects.bulk_create(
                    BundlePatch(bundle=bundle, patch=patch, order=order)
                    for order, patch in enumerate(edit["patches"], start=1)
                )

    try:
        until_it_passes(write)
    except IntegrityError as error:
        raise CannotBundle("name", "You have a bundle of this name already.") from error


def _name(written: str) -> str:
    name = written.strip()
    if not 0 < len(name) <= NAME_LIMIT:
        raise CannotBundle("name", f"A name has one to {NAME_LIMIT} letters.")
    if "/" in name:
        raise CannotBundle("name", "The name stands in an address: it can have no slash.")
    if name in (".", ".."):
        raise CannotBundle("name", "The name stands in an address: it cannot be made of dots.")
    return name


def _project_of(patches: Sequence[Patch], known: int | None) -> int:
    if not patches:
        raise CannotBundle("patches", "Bundles cannot be empty.")
    projects = {patch.project_id for patch in patches}
    if known is not None:
        projects.add(known)
    if len(projects) != 1:
        raise CannotBundle("patches", "All patches of a bundle belong to one project.")
    if len({patch.pk for patch in patches}) < len(patches):
        raise CannotBundle("patches", "A patch stands in a bundle once.")
    return projects.pop()
