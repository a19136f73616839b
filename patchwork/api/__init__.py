# SPDX-License-Identifier: GPL-2.0-or-later
"""The doors for machines: two dialects of REST, on the same house."""
