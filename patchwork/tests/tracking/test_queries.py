# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch of one revision stands for which of another."""

from __future__ import annotations

import pytest

from patchwork.tests import factories
from patchwork.tracking import queries
from patchwork.tracking.models import Mail, Patch, RevisionPatch


def slots(*names: str, first: int = 1) -> list[RevisionPatch]:
    """Places in a revision that was never stored; equal names are different mails."""
    made = []
    for number, name in enumerate(names, start=1):
        pk = first + number
        mail = Mail(pk=pk, name=name)
        patch = Patch(pk=pk, mail=mail, name=name)
        made.append(RevisionPatch(patch=patch, number=number))
    return made


@pytest.mark.parametrize(
    ("now", "before", "stands_for"),
    [
        (("a", "b"), ("a", "b"), {"a": "a", "b": "b"}),
        (("b", "a"), ("a", "b"), {"a": "a", "b": "b"}),
        (("new", "a", "b"), ("a", "b"), {"a": "a", "b": "b"}),
        (("a", "c"), ("a", "b"), {"a": "a", "c": "b"}),
        (("a",), ("a", "b"), {"a": "a"}),
        (("x", "x"), ("x", "x"), {"x": "x"}),
        (("a",), (), {}),
    ],
)
def test_pairs(now, before, stands_for):
    here = slots(*now)
    found = queries.pair(here, slots(*before, first=100))
    names = {slot.patch_id: slot.patch.name for slot in here}
    assert {names[pk]: patch.name for pk, patch in found.items()} == stands_for
    assert len({patch.pk for patch in found.values()}) == len(found)


def test_the_same_mail_goes_first():
    (one, two) = slots("same", "same")
    swapped = [
        RevisionPatch(patch=two.patch, number=1),
        RevisionPatch(patch=one.patch, number=2),
    ]
    assert queries.pair(swapped, [one, two]) == {
        two.patch_id: two.patch,
        one.patch_id: one.patch,
    }


def test_long_series_turned_around():
    names = [f"patch {number}" for number in range(5_000)]
    assert len(queries.pair(slots(*names), slots(*reversed(names), first=10_000))) == 5_000


def test_a_patch_that_was_put_in_front_stands_for_nothing_before(project):
    series = factories.make_series(project, patches=["a", "b"])
    revision = factories.make_revision(series, ["new", "a", "b renamed"])
    versions = [
        [version.patch.mail.name for version in queries.view_patch(slot.patch).versions]
        for slot in revision.slots.all()
    ]
    assert versions == [["new"], ["a", "a"], ["b renamed"]]
