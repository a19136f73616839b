# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast mail comes in: ``python -m benchmarks.ingest --help``."""
