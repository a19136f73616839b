# SPDX-License-Identifier: GPL-2.0-or-later
"""How this dialect says things: each in every version with the fields that the version has.

Fields come in versions: 1.1 has addresses of pages, 1.2 those of the list's archive, 1.3 comments
that can be asked for one by one, 1.4 dependencies. 1.5 is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from patchwork.api.getpatchwork.shapes import (
    ADDRESS,
    ID,
    TEXT,
    TIME,
    Shape,
    Since,
    Words,
    nullable,
)
from patchwork.checks.models import ResultState
from patchwork.people.queries import Account
from patchwork.projects.models import Project
from patchwork.tracking.queries.records import Mention, RevisionMention

Said = dict[str, Any]
"""What stands between two braces of JSON."""

CHECK_STATES: Mapping[str, str] = {
    ResultState.PENDING: "pending",
    ResultState.INFO: "success",
    ResultState.SUCCESS: "success",
    ResultState.WARNING: "warning",
    ResultState.FAILURE: "fail",
}
"""Our states in the words of this dialect, which has fewer."""
CHECK_WORDS = Words(dict.fromkeys(sorted(set(CHECK_STATES.values())), 0))

PROJECT = Shape(
    "EmbeddedProject",
    {
        "id": ID,
        "url": ADDRESS,
        **dict.fromkeys(("name", "link_name", "list_id", "list_email"), TEXT),
        **dict.fromkeys(("web_url", "scm_url", "webscm_url"), TEXT),
        **dict.fromkeys(("list_archive_url", "list_archive_url_format"), Since(2, nullable(TEXT))),
        "commit_url_format": Since(2, TEXT),
    },
)
PERSON = Shape("EmbeddedPerson", {"id": ID, "url": ADDRESS, "name": TEXT, "email": TEXT})
ACCOUNT = Shape(
    "EmbeddedUser",
    {
        "id": ID,
        "url": ADDRESS,
        **dict.fromkeys(("username", "first_name", "last_name", "email"), TEXT),
    },
)
_MENTIONED = {
    "web_url": Since(1, ADDRESS),
    "msgid": TEXT,
    "list_archive_url": Since(2, nullable(TEXT)),
    "date": TIME,
    "name": TEXT,
}
PATCH = Shape("EmbeddedPatch", {"id": ID, "url": ADDRESS, **_MENTIONED, "mbox": ADDRESS})
COVER = Shape("EmbeddedCover", {"id": ID, "url": ADDRESS, **_MENTIONED, "mbox": ADDRESS})
COMMENT = Shape("EmbeddedComment", {"id": ID, "url": Since(3, ADDRESS), **_MENTIONED})
SERIES = Shape(
    "EmbeddedSeries",
    {
        "id": ID,
        "url": ADDRESS,
        "web_url": Since(1, ADDRESS),
        "name": nullable(TEXT),
        "date": TIME,
        "version": ID,
        "mbox": ADDRESS,
    },
)


class Wording:
    """Says things in one version to somebody who knows this site by one address."""

    def __init__(self, minor: int, site: str, projects: Mapping[int, Project]) -> None:
        """``site``: scheme and host; ``projects``: all that will be spoken of."""
        self.minor = minor
        self.site = site
        self.api = f"{site}/api/1.{minor}"
        self.projects = projects
        self._embedded = {pk: self._embedded_project(each) for pk, each in projects.items()}

    def project(self, project_id: int) -> Said:
        return self._embedded[project_id]

    def _embedded_project(self, project: Project) -> Said:
        said: Said = {
            "id": project.pk,
            "url": f"{self.api}/projects/{project.pk}/",
            "name": project.name,
            "link_name": project.linkname,
            "list_id": project.listid,
            "list_email": project.listemail,
            "web_url": project.web_url,
            "scm_url": project.scm_url,
            "webscm_url": project.webscm_url,
        }
        if self.minor >= 2:
            said["list_archive_url"] = project.list_archive_url or None
            said["list_archive_url_format"] = project.list_archive_url_format or None
            said["commit_url_format"] = project.commit_url_format
        return said

    def person(self, person_id: int, name: str, email: str) -> Said:
        """Who came without a name is called by the address, as on the pages."""
        return {
            "id": person_id,
            "url": f"{self.api}/people/{person_id}/",
            "name": name or email,
            "email": email,
        }

    def account(self, account: Account | None) -> Said | None:
        if account is None:
            return None
        return {
            "id": account.id,
            "url": f"{self.api}/users/{account.id}/",
            "username": account.username,
            "first_name": account.first_name,
            "last_name": account.last_name,
            "email": account.email,
        }

    def archived(self, project_id: int, msgid: str) -> str | None:
        """Where the list's archive has a mail."""
        pattern = self.projects[project_id].list_archive_url_format
        return pattern.replace("{}", quote(msgid.strip("<>"), safe="@")) if pattern else None

    def patch(self, patch: Mention) -> Said:
        page = f"{self.site}/patch/{patch.id}/"
        said: Said = {"id": patch.id, "url": f"{self.api}/patches/{patch.id}/"}
        return self._mentioned(said, patch, page) | {"mbox": f"{page}mbox/"}

    def cover(self, cover: Mention) -> Said:
        page = f"{self.site}/cover/{cover.id}/"
        said: Said = {"id": cover.id, "url": f"{self.api}/covers/{cover.id}/"}
        return self._mentioned(said, cover, page) | {"mbox": f"{page}mbox/"}

    def comment(self, comment: Mention, about: str) -> Said:
        """``about``: what the comment answers, such as ``patches/5``."""
        said: Said = {"id": comment.id}
        if self.minor >= 3:
            said["url"] = f"{self.api}/{about}/comments/{comment.id}/"
        return self._mentioned(said, comment, f"{self.site}/comment/{comment.id}/")

    def _mentioned(self, said: Said, mail: Mention, page: str) -> Said:
        if self.minor >= 1:
            said["web_url"] = page
        said["msgid"] = mail.msgid
        if self.minor >= 2:
            said["list_archive_url"] = self.archived(mail.project_id, mail.msgid)
        said["date"] = written(mail.date)
        said["name"] = mail.name
        return said

    def series(self, revision: RevisionMention) -> Said:
        page = self.series_page(revision.series_id, revision.number)
        said: Said = {"id": revision.id, "url": self.series_url(revision.id)}
        if self.minor >= 1:
            said["web_url"] = page
        said["name"] = revision.name or None
        said["date"] = written(revision.date)
        said["version"] = revision.version
        said["mbox"] = f"{page}mbox/"
        return said

    def series_url(self, revision_id: int) -> str:
        return f"{self.api}/series/{revision_id}/"

    def series_page(self, series_id: int, number: int) -> str:
        """What is a series here is a revision of one on the pages."""
        return f"{self.site}/series/{series_id}/rev/{number}/"

    def all_series(self, revisions: Iterable[RevisionMention]) -> list[Said]:
        return [self.series(revision) for revision in revisions]

    def patches(self, patches: Iterable[Mention]) -> list[Said]:
        return [self.patch(patch) for patch in patches]


def written(date: datetime) -> str:
    """As this dialect writes times: UTC, without saying so."""
    if date.tzinfo is not UTC:
        date = date.astimezone(UTC)
    return date.replace(tzinfo=None).isoformat()
