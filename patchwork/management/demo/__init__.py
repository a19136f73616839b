# SPDX-License-Identifier: GPL-2.0-or-later
"""Two invented projects and what was sent to their lists in the last weeks.

``trees`` makes diffs, ``lists`` makes mails of them, ``lanternd`` and ``wicker`` tell what people
wrote, and ``performance`` lets it happen.
"""
