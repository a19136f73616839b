#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Patchwork's command line."""

from __future__ import annotations

import sys
import traceback

# What a mail server takes for "not now, try again later" (EX_TEMPFAIL of sysexits.h).
TRY_AGAIN_LATER = 75


def main(argv: list[str]) -> int:
    if argv[1:2] == ["parsemail"]:
        return take_mail(argv)
    return run(argv)


def take_mail(argv: list[str]) -> int:
    """Hand the mail to the running LMTP daemon, or take it in ourselves.

    With the daemon there Django is not even loaded. When Patchwork cannot start, the mail server
    keeps the mail and its log gets the traceback; a mail is never refused for our mistakes.
    """
    try:
        from patchwork.ingest.handover import try_handover

        handed_over = try_handover()
        if handed_over is not None:
            return handed_over
        return TRY_AGAIN_LATER if run(argv) else 0
    except Exception:  # noqa: BLE001 - the boundary of one mail
        traceback.print_exc()
        return TRY_AGAIN_LATER


def run(argv: list[str]) -> int:
    from patchwork import settings

    try:
        settings.choose()
    except settings.SettingsMissing as missing:
        sys.stderr.write(str(missing))
        return 1
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.stderr.write(
            "Django is not installed for this Python. Run tools/setup-devel.sh and use\n"
            "venv/bin/python manage.py, or activate the environment that Patchwork lives in.\n"
        )
        return 1
    execute_from_command_line(argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
