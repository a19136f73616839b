# SPDX-License-Identifier: GPL-2.0-or-later
"""The dialect of freedesktop's clients, at /api/1.0/."""
