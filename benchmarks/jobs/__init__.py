# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast work is done that was put off: ``python -m benchmarks.jobs --help``."""
