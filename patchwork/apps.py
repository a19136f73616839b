# SPDX-License-Identifier: GPL-2.0-or-later
"""The one Django app; every room's tables are patchwork_*."""

from __future__ import annotations

from django.apps import AppConfig


class PatchworkConfig(AppConfig):
    name = "patchwork"
    label = "patchwork"
    verbose_name = "Patchwork"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate

        from patchwork import system_checks
        from patchwork.databases import raise_sqlite_limits
        from patchwork.jobs import upkeep as jobs_upkeep
        from patchwork.notifications import registration as notifications
        from patchwork.outbox import upkeep as outbox_upkeep
        from patchwork.people import upkeep as people_upkeep
        from patchwork.tracking.search import keep_search

        connection_created.connect(raise_sqlite_limits)
        post_migrate.connect(keep_search, sender=self)
        system_checks.register_all()
        jobs_upkeep.register_all()
        outbox_upkeep.register_all()
        people_upkeep.register_all()
        notifications.register_all()
