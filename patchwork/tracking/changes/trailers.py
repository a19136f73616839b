# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting trailers: different lines of a kind that a patch and its comments carry."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from patchwork.databases import column, create, load, places, select, table, upsert
from patchwork.projects.models import Project, Tag
from patchwork.tracking.models import MailTrailer, PatchTag


def recount(project: Project, patches: Mapping[str, int | None]) -> None:
    """Count anew for these patches (Message-ID -> id); mails that are no patch have no count."""
    wanted = {msgid: patch_id for msgid, patch_id in patches.items() if patch_id is not None}
    if not wanted:
        return
    lines: dict[int, list[str]] = defaultdict(list)
    rows = select(
        f"SELECT {column(MailTrailer, 'target')}, {column(MailTrailer, 'line')}"  # noqa: S608 (names)
        f" FROM {table(MailTrailer)} WHERE {column(MailTrailer, 'project')} = %s"
        f" AND {column(MailTrailer, 'target')} IN {places(wanted)}",
        [project.pk, *wanted],
    )
    for target, line in rows:
        lines[wanted[target]].append(line)
    counts = _counts(lines)
    _drop_others(set(wanted.values()), counts)
    upsert(counts, unique=["patch", "tag"], update=["count"])


def count_first(lines: Mapping[int, Iterable[str]]) -> None:
    """Count for patches (id -> lines) that nothing has been counted for yet."""
    if lines:
        create(_counts(lines))


def _counts(lines: Mapping[int, Iterable[str]]) -> list[PatchTag]:
    """A line that stands twice, differing in blanks or case, counts once."""
    tags = [(tag.pk, re.compile(tag.pattern, re.IGNORECASE)) for tag in load(Tag)]
    counts = []
    for patch_id, said in lines.items():
        different = {" ".join(line.split()).casefold() for line in said}
        for tag_id, pattern in tags:
            if count := sum(1 for line in different if pattern.match(line)):
                counts.append(PatchTag(patch_id=patch_id, tag_id=tag_id, count=count))
    return counts


def _drop_others(patch_ids: set[int], counts: list[PatchTag]) -> None:
    """A trailer that moved to another patch leaves no count behind."""
    kept = {(count.patch_id, count.tag_id) for count in counts}
    stored = load(PatchTag, f"{column(PatchTag, 'patch')} IN {places(patch_ids)}", list(patch_ids))
    gone = [count.pk for count in stored if (count.patch_id, count.tag_id) not in kept]
    if gone:
        PatchTag.objects.filter(pk__in=gone).delete()
