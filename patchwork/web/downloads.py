# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers that are files, not pages. No browser is to take what a mail says for a page."""

from __future__ import annotations

from django.http import HttpResponse

from patchwork.tracking.mbox import file_name


def as_mbox(content: bytes, name: str, ending: str = "mbox") -> HttpResponse:
    """A mailbox to be kept. Clients take the name for what stands behind the equals sign: it needs
    no quotes, and has none."""
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f"attachment; filename={file_name(name)}.{ending}"
    return response


def as_patch(content: bytes, name: str) -> HttpResponse:
    """A single one, under the ending that pwclient takes off again."""
    return as_mbox(content, name, "patch")


def as_text(content: str) -> HttpResponse:
    """A text to be read as it is."""
    return HttpResponse(content, content_type="text/plain; charset=utf-8")
