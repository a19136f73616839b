# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeping what could not be read or stored, with its bytes and the reason."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from patchwork.databases import upsert
from patchwork.ingest.models import QuarantinedMail
from patchwork.tracking.models import RawMail

_HEAD = 65_536
_MSGID = re.compile(rb"^message-id:[ \t]*(<[^>\r\n]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(rb"^subject:[ \t]*([^\r\n]{0,255})", re.IGNORECASE | re.MULTILINE)


def keep(
    raw: bytes, *, reason: str, traceback: str = "", list_id: str = "", historical: bool = False
) -> QuarantinedMail:
    """Put a mail aside. The same bytes again are the same row, waiting again."""
    digest = hashlib.sha256(raw).hexdigest()
    with transaction.atomic():
        row = QuarantinedMail.objects.filter(sha256=digest).first() or QuarantinedMail(
            sha256=digest, received=timezone.now(), size=len(raw)
        )
        row.msgid, row.subject = _first(_MSGID, raw), _first(_SUBJECT, raw)
        row.reason, row.traceback = reason[:500], traceback.replace("\0", "")
        row.list_id, row.historical = list_id[:255], historical
        row.state = QuarantinedMail.State.WAITING
        if not row.raw_id and not row.spool_path:
            _store_bytes(row, raw)
        row.save()
    return row


def _store_bytes(row: QuarantinedMail, raw: bytes) -> None:
    """In the database; a mail over the limit on disk, where it is safe before the row exists."""
    if len(raw) > settings.MAX_MAIL_SIZE:
        row.spool_path = str(_spool(row.sha256, raw))
        return
    stored = RawMail(sha256=row.sha256, size=len(raw), compressed=zlib.compress(raw, 1))
    upsert([stored], unique=["sha256"], update=["size"])
    row.raw = stored


def _spool(digest: str, raw: bytes) -> Path:
    directory = Path(settings.SPOOL_DIR)
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    path = directory / digest
    unfinished = directory / f"{digest}.{os.getpid()}.tmp"
    with open(unfinished, "wb", opener=_private) as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    _sync_directory(directory)
    return path


def _private(path: str, flags: int) -> int:
    """Readable by the mail's user and group alone."""
    return os.open(path, flags, 0o640)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _first(pattern: re.Pattern[bytes], raw: bytes) -> str:
    """What a header says, as far as it can be told of a mail that cannot be read."""
    found = pattern.search(raw[:_HEAD])
    if found is None:
        return ""
    return found[1].decode("utf-8", "replace").replace("\0", "")[:255]
