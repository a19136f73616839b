# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writers of the tracker: mails that arrive, and people who decide about patches."""
