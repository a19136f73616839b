# SPDX-License-Identifier: GPL-2.0-or-later
"""Telling people by mail what has happened."""
