# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that go into OUTBOX_DIR: for development, or for another program to take from there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from patchwork.mail import mbox
from patchwork.outbox.transports.base import NotSent, Parcel, Refusal, Transport


class Maildir(Transport):
    """A file for each mail. The same mail once more is the same file."""

    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        self._content = as_delivered(parcel)
        return {}

    def transmit(self) -> str:
        name = sha256(self._content).hexdigest()[:32]
        directory = Path(settings.OUTBOX_DIR)
        try:
            for each in ("tmp", "new", "cur"):
                (directory / each).mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = directory / "tmp" / f"{name}.{os.getpid()}"
            with open(unfinished, "wb", opener=_private) as file:
                file.write(self._content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(directory / "new" / name)
        except OSError as error:
            raise NotSent(f"cannot write to {directory}: {error}") from error
        return f"written to {directory}/new/{name}"


class Mbox(Transport):
    """One file for all mails, ``outbox.mbox``."""

    def offer(self, parcel: Parcel) -> Mapping[str, Refusal]:
        self._entry = mbox.entry(as_delivered(parcel), parcel.sender, timezone.now())
        return {}

    def transmit(self) -> str:
        path = Path(settings.OUTBOX_DIR) / "outbox.mbox"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(path, "ab", opener=_private) as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                file.write(self._entry)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotSent(f"cannot write to {path}: {error}") from error
        return f"written to {path}"


def as_delivered(parcel: Parcel) -> bytes:
    """With its envelope on top, as a mail server writes it into a mailbox."""
    envelope = [f"Return-Path: <{parcel.sender}>"]
    envelope += [f"Delivered-To: {recipient}" for recipient in parcel.recipients]
    head = "".join(f"{line}\n" for line in envelope).encode()
    return head + parcel.content.replace(b"\r\n", b"\n")


def _private(path: str, flags: int) -> int:
    """For the user alone who sends the mail: there are links in it that open accounts."""
    return os.open(path, flags, 0o600)
