# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways by which mail leaves; OUTBOX_TRANSPORT says which one."""

from __future__ import annotations

import threading

from django.conf import settings
from django.utils.module_loading import import_string

from patchwork.outbox.transports.base import Transport

_of_thread = threading.local()


def current() -> Transport:
    """This thread's own: a connection serves many mails, and one conversation at a time."""
    path = settings.OUTBOX_TRANSPORT
    if getattr(_of_thread, "path", None) != path:
        let_go()
        _of_thread.transport = import_string(path)()
        _of_thread.path = path
    transport: Transport = _of_thread.transport
    return transport


def let_go() -> None:
    """Close what this thread holds open."""
    if getattr(_of_thread, "path", None) is not None:
        _of_thread.transport.close()
        _of_thread.path = None
