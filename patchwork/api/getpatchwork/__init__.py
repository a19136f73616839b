# SPDX-License-Identifier: GPL-2.0-or-later
"""The dialect of getpatchwork's clients, at /api/ and /api/1.1/ and later."""
