# SPDX-License-Identifier: GPL-2.0-or-later
"""The admin: a door for those who run the site.

It shows everything, and changes what it changes through the rooms' writers, with the account that
is logged in as the actor: what is done here has its events and counters like anything done
elsewhere. What comes out of mail, and what happened, is only to be looked at.
"""

from django.contrib import admin

from patchwork.admin import (
    bundles,
    checks,
    events,
    ingest,
    jobs,
    notifications,
    outbox,
    people,
    projects,
    tracking,
)

__all__ = [
    "bundles",
    "checks",
    "events",
    "ingest",
    "jobs",
    "notifications",
    "outbox",
    "people",
    "projects",
    "tracking",
]

admin.site.site_header = "Patchwork"
admin.site.site_title = "Patchwork"
admin.site.index_title = "Administration"
