# SPDX-License-Identifier: GPL-2.0-or-later
"""A Unix socket to listen on: who may use it, and what to do with one that is there already."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotListen(Exception):
    """The socket cannot be had; the message says why, in words for an operator."""


@contextmanager
def listening(path: Path, mode: int, group: str | None = None) -> Iterator[socket.socket]:
    """A socket bound to ``path``, which is gone from the disk afterwards.

    The file that a killed server left behind is replaced, a server that lives is left alone.
    """
    try:
        bound = _bind(path, mode, group)
    except (OSError, LookupError) as error:
        raise CannotListen(f"cannot listen on {path}: {error}") from error
    inode = path.stat().st_ino
    try:
        yield bound
    finally:
        bound.close()
        _remove(path, inode)


def _bind(path: Path, mode: int, group: str | None) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):
        _make_room(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        umask = os.umask(0o177)
        try:
            bound.bind(str(path))
            if group is not None:
                shutil.chown(path, group=group)
            path.chmod(mode)
            bound.listen()
        except BaseException:
            bound.close()
            raise
        finally:
            os.umask(umask)
    return bound


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Two servers that start at the same moment must not both find the same file stale."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_room(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise CannotListen(f"cannot listen on {path}: there is a file that is not a socket")
    if _is_served(path):
        raise CannotListen(f"cannot listen on {path}: another server does")
    path.unlink()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.settimeout(5)
        try:
            visitor.connect(str(path))
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            return True
    return True


def _remove(path: Path, inode: int) -> None:
    """Unless a successor has put its own there."""
    try:
        if path.stat().st_ino == inode:
            path.unlink()
    except FileNotFoundError:
        pass
