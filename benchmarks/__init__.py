# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that measure; none of them judges."""
