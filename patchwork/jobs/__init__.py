# SPDX-License-Identifier: GPL-2.0-or-later
"""Durable work: what is decided now and done later, at least once."""
