# SPDX-License-Identifier: GPL-2.0-or-later
"""Who writes to the demo's lists. Nobody of them exists."""

from __future__ import annotations

from patchwork.management.demo.lists import Author

MAREN = Author("Maren Holt", "maren.holt")
"""Maintains lanternd; reviews with the account ``maren``."""
TADEO = Author("Tadeo Quispe", "tadeo")
"""Maintains wicker; reviews with the account ``tadeo``."""
BJORK = Author("Þórdís Bjarkadóttir", "thordis", "example.net")
IGOR = Author("Игорь Ветров", "i.vetrov", "example.net")
LIN = Author("林 晓雨", "lin.xiaoyu", "lamps.example.com")
SANA = Author("Sana Qureshi", "sana", "lamps.example.com")
OTTO = Author("Otto Brandstätter", "otto.b", "example.net")
NIAMH = Author("Niamh O'Dwyer", "niamh", "example.org")
PETR = Author("Petr Žák", "petr.zak", "example.net")
YAW = Author("Yaw Mensah", "yaw", "lamps.example.com")
