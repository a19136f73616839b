# SPDX-License-Identifier: GPL-2.0-or-later
"""A database server that goes away under load, and comes back.

PostgreSQL only, on a server of the test's own: nobody else's is restarted.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from patchwork.tests.ingest.installation import Installation, until
from patchwork.tests.jobs.processes import Trace, log_of, worker

JOBS = 300
SETTINGS = """\
from patchwork.settings.dev import *
from patchwork.settings.databases import from_url
DATABASES = {{"default": from_url("postgresql://patchwork@127.0.0.1:{port}/postgres")}}
"""
ENQUEUE = """\
from patchwork.jobs.tasks import enqueue_many
from patchwork.tests.jobs.chores import leave_trace_in_line
calls = [({path!r}, f"k{{number % 4}}", number, 0.002) for number in range({jobs})]
print(len(enqueue_many(leave_trace_in_line, calls)))
"""
STANDING = """\
from collections import Counter
from patchwork.jobs.models import Job, JobKey
print(dict(Counter(Job.objects.filter(name__endswith="in_line").values_list("state", flat=True))))
print(JobKey.objects.exclude(name__startswith="periodic:").count())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'",
        reason="PostgreSQL is restarted in its own suite only (PW_TEST_DB_TYPE=postgresql)",
    ),
]


class Server:
    """A PostgreSQL of our own."""

    def __init__(self, directory: Path) -> None:
        self._binaries = postgresql_binaries()
        self._data = directory / "data"
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._run("initdb", "--auth=trust", "--username=patchwork", "--no-sync", "--encoding=UTF8")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{directory}'\nmax_connections = 30\n"
            )

    def control(self, *arguments: str) -> None:
        self._run("pg_ctl", "--wait", f"--log={self._directory / 'log'}", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        """The server refuses to be run by root."""
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run(
            [str(self._binaries / program), f"--pgdata={self._data}", *arguments],
            check=True,
            user=user,
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )


def postgresql_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    if program := shutil.which("initdb"):
        return Path(program).parent
    pytest.skip("PostgreSQL's programs (initdb, pg_ctl) are not installed here")


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="patchwork-pg-") as name:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(name, owner.pw_uid, owner.pw_gid)
        server = Server(Path(name))
        server.control("start")
        try:
            yield server
        finally:
            server.control("stop", "--mode=immediate")


@pytest.fixture
def trace(tmp_path) -> Trace:
    return Trace(tmp_path / "trace")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_workers_live_through_a_restart(server, tmp_path, trace, mode):
    assert connection.vendor == "postgresql"
    installation = Installation(tmp_path)
    (tmp_path / "child_settings.py").write_text(
        SETTINGS.format(port=server.port) + "JOB_LEASE_SECONDS = 5\n"
    )
    assert installation.manage("migrate", "--verbosity", "0").returncode == 0
    queued = installation.manage("shell", "-c", ENQUEUE.format(path=str(trace.path), jobs=JOBS))
    assert queued.stdout.endswith(f"{JOBS}\n"), queued.stderr
    with worker(installation), worker(installation):
        for share in (3, 2):
            until(partial(trace.has_ended, JOBS // share))
            server.control("restart", f"--mode={mode}")
        until(lambda: trace.ended() == JOBS)
    assert "asked again" in log_of(installation) or "tried again" in log_of(installation)
    installation.manage("cron")
    standing = installation.manage("shell", "-c", STANDING).stdout
    assert standing.splitlines()[-2:] == [f"{{'done': {JOBS}}}", "0"]
    assert trace.disorder() == []
    # A job may have been done when the server went away, and its end not been recorded.
    assert trace.doubles() <= 4, "at most one for each worker and restart"
