# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about series, revisions and patches: the doors ask here, and nothing changes.

Each answer takes a fixed number of statements, however many rows it is about.
"""

from patchwork.tracking.queries.lists import (
    COUNT_LIMIT,
    Archived,
    PatchRow,
    PatchSelection,
    SeriesRow,
    SeriesSelection,
    StateCount,
    count_up_to_limit,
    patch_rows,
    select_patches,
    select_series,
    series_rows,
)
from patchwork.tracking.queries.mails import (
    cover_id_of,
    find_comment,
    find_cover,
    patch_id_of,
    raw_of,
)
from patchwork.tracking.queries.patch import PatchView, Version, find_patch, view_patch
from patchwork.tracking.queries.places import Change, Place, pair
from patchwork.tracking.queries.projects import (
    count_open_series,
    find_person,
    find_project,
    list_projects,
    shown_tags,
    states_of,
)
from patchwork.tracking.queries.said import Result, TagCount
from patchwork.tracking.queries.series import (
    Dependency,
    SeriesView,
    find_revision,
    find_series,
    revision_of,
    view_series,
)
from patchwork.tracking.queries.titles import INCOMPLETE_TITLE, title_of, titles_of

__all__ = [
    "COUNT_LIMIT",
    "INCOMPLETE_TITLE",
    "Archived",
    "Change",
    "Dependency",
    "PatchRow",
    "PatchSelection",
    "PatchView",
    "Place",
    "Result",
    "SeriesRow",
    "SeriesSelection",
    "SeriesView",
    "StateCount",
    "TagCount",
    "Version",
    "count_open_series",
    "count_up_to_limit",
    "cover_id_of",
    "find_comment",
    "find_cover",
    "find_patch",
    "find_person",
    "find_project",
    "find_revision",
    "find_series",
    "list_projects",
    "pair",
    "patch_id_of",
    "patch_rows",
    "raw_of",
    "revision_of",
    "select_patches",
    "select_series",
    "series_rows",
    "shown_tags",
    "states_of",
    "title_of",
    "titles_of",
    "view_patch",
    "view_series",
]
