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
        from patchwork import system_checks

        system_checks.register_all()
