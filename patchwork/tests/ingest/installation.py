# SPDX-License-Identifier: GPL-2.0-or-later
"""Real processes that work on the database of a test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Model

from patchwork.databases import select
from patchwork.tracking.models import Mail

ROOT = Path(__file__).resolve().parents[3]
PARSEMAIL = ROOT / "patchwork" / "bin" / "parsemail.sh"
PATIENCE = 120
"""Seconds; only a failure waits that long."""

_IN_DATABASES = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")

_SETTINGS = """\
from patchwork.settings.dev import *
from patchwork.settings.databases import completed
DATABASES = {{"default": completed({database!r})}}
SPOOL_DIR = {spool!r}
{more}
"""


class Installation:
    """The settings of child processes, and ways to start them.

    SQLite's test database is in memory: its content is copied to a file for the children by
    ``publish``, and back by ``fetch``. On the servers, both do nothing.
    """

    def __init__(self, path: Path, **more: Any) -> None:
        """``more`` are settings for the children."""
        self.path = path
        self._more = "\n".join(f"{name} = {value!r}" for name, value in more.items())
        self.socket = path / "lmtpd.sock"
        self.spool = path / "spool"
        self._file = path / "db.sqlite3" if connection.vendor == "sqlite" else None
        (path / "child_settings.py").write_text(self.settings())
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(path),
            "DJANGO_SETTINGS_MODULE": "child_settings",
            "PATCHWORK_LMTP_SOCKET": str(self.socket),
        }

    def settings(self) -> str:
        """The source of a settings module that leads to the test's database."""
        database = {key: connection.settings_dict[key] for key in _IN_DATABASES}
        if self._file:
            database["NAME"] = str(self._file)
        return _SETTINGS.format(database=database, spool=str(self.spool), more=self._more)

    def publish(self) -> None:
        """Show the children what the test has made."""
        if self._file:
            with closing(sqlite3.connect(self._file)) as file:
                connection.ensure_connection()
                connection.connection.backup(file)
            self._file.chmod(0o666)

    def fetch(self) -> None:
        """Show the test what the children have made."""
        if self._file:
            with closing(sqlite3.connect(self._file)) as file:
                file.backup(connection.connection)

    def count(self, model: type[Model] = Mail, where: str = "1 = 1") -> int:
        """How many rows there are by now, without ``fetch``: mails, if nothing else is named."""
        statement = f"SELECT COUNT(*) FROM {model._meta.db_table} WHERE {where}"
        if not self._file:
            return int(select(statement, [])[0][0])
        with closing(sqlite3.connect(self._file, timeout=PATIENCE)) as file:
            return int(file.execute(statement).fetchone()[0])

    def stop_between_writes(self, process: subprocess.Popen[str]) -> None:
        """SIGSTOP, at a moment when it does not keep SQLite's one lock from the others."""
        while True:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            if self._file is None or self._can_be_written():
                return
            process.send_signal(signal.SIGCONT)

    def _can_be_written(self) -> bool:
        with closing(sqlite3.connect(str(self._file), timeout=0.5)) as file:
            try:
                file.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True

    def parsemail(
        self, mail: bytes, *arguments: str, script: Path = PARSEMAIL, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """What an MTA does for a mail. The environment is as empty as it can be."""
        return run([str(script), *arguments], mail, **{"env": self.environment} | more)

    def deliver(self, mail: bytes) -> subprocess.CompletedProcess[str]:
        """What an MTA does until it is told that the mail is in safe hands, within limits."""
        for _ in range(5):
            done = self.parsemail(mail)
            if done.returncode != 75:
                break
        return done

    def manage(
        self, *arguments: str, mail: bytes = b"", **more: Any
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return run(command, mail, **{"env": self.environment} | more)

    @contextmanager
    def lmtpd(
        self, *arguments: str, manage: Sequence[str] = (), **more: Any
    ) -> Iterator[subprocess.Popen[str]]:
        """The daemon, ready to serve."""
        command = [*(manage or (sys.executable, str(ROOT / "manage.py"))), "lmtpd", *arguments]
        options: dict[str, Any] = {"env": self.environment, "stderr": subprocess.PIPE} | more
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as daemon:
            try:
                assert daemon.stdout is not None
                assert daemon.stdout.readline().startswith("listening on")
                yield daemon
            finally:
                daemon.kill()


def run(command: Sequence[str], mail: bytes, **more: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, input=mail, capture_output=True, timeout=PATIENCE, **more)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other processes do; fail when they never do it."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


class DeadlyProxy:
    """Passes a conversation on to a daemon, and kills it at the worst moment."""

    def __init__(
        self, path: Path, daemon: subprocess.Popen[str], target: Path, *, stored: bool
    ) -> None:
        self._daemon = daemon
        self._target = str(target)
        self._stored = stored
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._target)
            client.sendall(server.recv(4096))
            for _ in range(2):
                server.sendall(client.recv(4096))
                client.sendall(_replies(server))
            mail = b""
            while not mail.endswith(b"\r\n.\r\n"):
                mail += client.recv(65536)
            if self._stored:
                server.sendall(mail)
                assert server.recv(4096).startswith(b"250")
            self._daemon.send_signal(signal.SIGKILL)
            self._daemon.wait()


def _replies(server: socket.socket) -> bytes:
    """To LHLO, or to MAIL, RCPT and DATA, which are said together."""
    replies = server.recv(4096)
    while not (b"\r\n354" in replies or b"XLIST\r\n" in replies):
        replies += server.recv(4096)
    return replies


def deployed(path: Path, installation: Installation, user: str) -> Path:
    """A checkout as an administrator makes it, whose Python ``user`` can run."""
    shutil.copytree(
        ROOT / "patchwork", path / "patchwork", ignore=shutil.ignore_patterns("tests", "static")
    )
    shutil.copy2(ROOT / "manage.py", path)
    (path / "patchwork" / "settings" / "production.py").write_text(installation.settings())
    python = path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{python_for(user)}\n")
    python.chmod(0o755)
    return path


def python_for(user: str) -> str:
    """A shell command that runs a Python with Django as a user; empty when there is none."""
    packages = Path(sys.modules["django"].__file__ or "").parents[1]
    system = f"/usr/bin/python3.{sys.version_info.minor}"
    for command in (f'exec {sys.executable} "$@"', f'PYTHONPATH={packages} exec {system} "$@"'):
        attempt = ["/bin/sh", "-c", command, "sh", "-c", "import django, aiosmtpd, environ"]
        if run(attempt, b"", user=user, cwd="/").returncode == 0:
            return command
    return ""
