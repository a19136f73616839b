# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast programs are answered: ``python -m benchmarks.api --help``."""
