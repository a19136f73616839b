# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may change what of the tracker. Every door asks here; reading is free to everybody.

Mail itself asks for nothing but to be who wrote it: these rules are for people with an account.
"""

from __future__ import annotations

from patchwork.people.permissions import User, is_maintainer
from patchwork.projects.models import Project
from patchwork.tracking.models import Comment, Patch, Series


def may_edit_patch(user: User, patch: Patch) -> bool:
    """Its state, delegate, commit, relations and whether it is archived: for maintainers.

    Neither for who sent it, who would accept it, nor for whom it is delegated to, who need not be
    a maintainer any more.
    """
    return is_maintainer(user, patch.project_id)


def may_delegate_to(user: User, project: Project) -> bool:
    """Patches of a project are given to its maintainers only."""
    return is_maintainer(user, project.pk)


def may_edit_series(user: User, series: Series) -> bool:
    """Its reviewer, and by pins what belongs to it: for the project's maintainers."""
    return is_maintainer(user, series.project_id)


def may_rerun_series(user: User, series: Series) -> bool:
    """Have it tested again: for maintainers, and for who sent it."""
    return _is_submitter(user, series) or is_maintainer(user, series.project_id)


def may_confirm_continuation(user: User, series: Series) -> bool:
    """Say whether it continues the series that it may continue.

    For maintainers, and for who sent the *earlier* one: whoever sends something alike does not
    get hold of somebody else's work by it.
    """
    earlier = series.possibly_continues
    if earlier is None:
        return False
    return _is_submitter(user, earlier) or is_maintainer(user, series.project_id)


def may_mark_comment(user: User, comment: Comment) -> bool:
    """Say that a comment has been addressed: for maintainers."""
    return is_maintainer(user, comment.project_id)


def may_report_results(user: User, project: Project) -> bool:
    """Test results on its patches and revisions: for the project's maintainers."""
    return is_maintainer(user, project.pk)


def _is_submitter(user: User, series: Series) -> bool:
    return bool(user.is_authenticated and user.is_active and user.pk == series.submitter.user_id)
