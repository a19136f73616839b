# SPDX-License-Identifier: GPL-2.0-or-later
"""The other runner: Celery, which is told the ids of jobs. The rows stay the record."""
