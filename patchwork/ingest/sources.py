# SPDX-License-Identifier: GPL-2.0-or-later
"""Where stored mail lies: mbox files, single mails, Maildirs, directories of them, a pipe.

A source gives its mails in an order that is the same every time, each with a mark, so that an
import can go on behind the last mark it stored. Files may be compressed (gzip, xz, bzip2), which
their first bytes say, not their names.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from patchwork.mail.mbox import split_mbox

STANDARD_INPUT = "-"
BLOCK = 64 * 1024
PEEK = 512

DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a file that is cut off or broken raises."""

_DECOMPRESSORS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")


class NoSource(Exception):
    """There is no mail to be had from a path; the message says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mail, and the mark that says how far its source has been read."""

    raw: bytes
    mark: str


class Source(ABC):
    """Mails in a fixed order."""

    def __init__(self, name: str, size: int, identity: str | None) -> None:
        self.name = name
        self.size = size
        """In bytes on the disk; 0 when nobody knows."""
        self.identity = identity
        """The same as long as marks mean the same; None when there is no second reading."""
        self.problems: list[str] = []
        """What could not be read, in words; filled while the mails are read."""

    @abstractmethod
    def mails(self, after: str = "") -> Iterator[Found]:
        """The mails behind a mark, or all of them."""

    @abstractmethod
    def position(self) -> int:
        """How many bytes of ``size`` have been read."""

    def damaged(self, error: Exception) -> None:
        self.problems.append(f"{self.name}: damaged, what lies behind is missing: {error}")


class FileSource(Source):
    """An mbox, or a file with one mail. A mark is the number of a mail."""

    def __init__(self, path: Path) -> None:
        found = path.stat()
        identity = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}"
        super().__init__(str(path), found.st_size, identity)
        self._path = path
        self._position = 0

    def mails(self, after: str = "") -> Iterator[Found]:
        with self._path.open("rb") as file:
            for found in _numbered(readable(file, self.damaged), after):
                self._position = file.tell()
                yield found
        self._position = self.size

    def position(self) -> int:
        return self._position


class PipeSource(Source):
    """An mbox or one mail from standard input."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__("standard input", 0, None)
        self._file = file

    def mails(self, after: str = "") -> Iterator[Found]:
        yield from _numbered(readable(self._file, self.damaged), after)

    def position(self) -> int:
        return 0


class MailFiles(Source):
    """A file for each mail. A mark is the sorting key of a file."""

    def __init__(self, directory: Path, files: Sequence[tuple[str, Path]]) -> None:
        super().__init__(str(directory), sum(map(_size, (file for _, file in files))), None)
        self.identity = str(directory.resolve())
        self._files = sorted(files)
        self._position = 0

    def mails(self, after: str = "") -> Iterator[Found]:
        for key, path in self._files:
            self._position += _size(path)
            if key <= after:
                continue
            try:
                with path.open("rb") as file:
                    raw = readable(file, self.damaged).read()
            except OSError as error:
                self.problems.append(str(error))
            else:
                yield Found(raw, key)

    def position(self) -> int:
        return self._position


@dataclass(slots=True)
class Finding:
    """What lies below a path."""

    sources: list[Source] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    """Files of a directory that hold no mail."""


def find(path: str) -> Finding:
    """The sources that a path names; NoSource says why there are none."""
    if path == STANDARD_INPUT:
        return Finding([PipeSource(sys.stdin.buffer)])
    place = Path(path)
    try:
        finding = _in_directory(place) if place.is_dir() else _file(place)
    except DAMAGE as error:
        raise NoSource(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not finding.sources:
        raise NoSource(
            f"{path}: holds no mail (no Maildir, no file that begins as an mbox or a mail)"
        )
    return finding


def readable(file: BinaryIO, damaged: Callable[[Exception], None]) -> io.BufferedReader:
    """The file's content, decompressed. Damage ends it, and ``damaged`` hears of it."""
    start: io.BufferedReader = io.BufferedReader(_Guarded(file, damaged), BLOCK)
    magic = start.peek(PEEK)
    for prefix, decompressed in _DECOMPRESSORS.items():
        if magic.startswith(prefix):
            return io.BufferedReader(_Guarded(decompressed(start), damaged), BLOCK)
    return start


class _Guarded(io.RawIOBase):
    """A stream that ends where reading it fails."""

    def __init__(self, inner: Any, damaged: Callable[[Exception], None]) -> None:
        self._inner = inner
        self._damaged = damaged
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if self._ended:
            return 0
        try:
            # Not read(): what it had gathered would be lost with the error that follows.
            piece = self._inner.read1(len(target))
        except DAMAGE as error:
            self._damaged(error)
            self._ended = True
            return 0
        target[: len(piece)] = piece
        return len(piece)


def _numbered(stream: io.BufferedReader, after: str) -> Iterator[Found]:
    done = int(after or 0)
    for number, raw in enumerate(_split(stream), 1):
        if number > done:
            yield Found(raw, str(number))


def _split(stream: io.BufferedReader) -> Iterator[bytes]:
    if _is_mbox(stream.peek(PEEK)):
        yield from split_mbox(stream)
    elif raw := stream.read():
        yield raw


def _is_mbox(start: bytes) -> bool:
    return start.lstrip(b"\r\n").startswith(b"From ")


def _is_mail(start: bytes) -> bool:
    return _HEADER_LINE.match(start) is not None


def _file(path: Path) -> Finding:
    """A file named by somebody is taken for what they say it is: mail."""
    with path.open("rb"):
        return Finding([FileSource(path)])


def _in_directory(root: Path) -> Finding:
    finding = Finding()
    for name, subdirectories, files in os.walk(root, onerror=_raise):
        directory = Path(name)
        if _is_maildir(directory):
            finding.sources.append(_maildir(directory))
            # Its folders (".Archive", as Courier and Dovecot lay them) are Maildirs of their own.
            files = []
        subdirectories[:] = sorted(filter(lambda each: _worth(directory / each), subdirectories))
        _sort_files(directory, files, finding)
    return finding


def _raise(error: OSError) -> None:
    raise error


def _worth(directory: Path) -> bool:
    """Whether to look into it: hidden directories and the parts of a Maildir are not searched."""
    if _is_maildir(directory):
        return True
    part = directory.name in ("cur", "new", "tmp") and _is_maildir(directory.parent)
    return not part and not directory.name.startswith(".")


def _is_maildir(directory: Path) -> bool:
    return (directory / "cur").is_dir() and (directory / "new").is_dir()


def _maildir(directory: Path) -> MailFiles:
    """By the unique part of the names, which begins with the time and outlives a change of flags
    and the move from new to cur."""
    files = [
        (file.name.partition(":")[0], file)
        for part in ("cur", "new")
        for file in (directory / part).iterdir()
        if file.is_file() and not file.name.startswith(".")
    ]
    return MailFiles(directory, files)


def _sort_files(directory: Path, names: Sequence[str], finding: Finding) -> None:
    """Each mbox is a source; the single mails of a directory are one together."""
    single: list[tuple[str, Path]] = []
    for name in sorted(names):
        path = directory / name
        start = _start(path)
        if _is_mbox(start):
            finding.sources.append(FileSource(path))
        elif _is_mail(start):
            single.append((name, path))
        else:
            finding.skipped.append(path)
    if single:
        finding.sources.append(MailFiles(directory, single))


def _start(path: Path) -> bytes:
    if path.name.startswith(".") or not path.is_file():
        return b""
    with path.open("rb") as file:
        return readable(file, lambda error: None).peek(PEEK)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
