# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong configuration is told before serving.

``manage.py check`` and most commands run these; those that ask the database server something run
with ``migrate`` and ``check --database default``, the one on SECRET_KEY with ``check --deploy``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from patchwork.jobs.announcing import RUNNERS
from patchwork.mail.bounces import verp
from patchwork.settings import DEVELOPMENT_SECRET_KEY

OLDEST_SQLITE = (3, 40)
OLDEST_MARIADB = (10, 6)
TOLERATED_CLOCK_DIFFERENCE = timedelta(minutes=1)

# On these SQLite's locks, and the shared memory of its write-ahead log, cannot be relied upon.
NETWORK_FILESYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"}
)

DIALECTS = ("freedesktop", "getpatchwork")

Apps = Sequence[AppConfig] | None


def register_all() -> None:
    register(secret_key_is_secret, Tags.security, deploy=True)
    register(bounces_have_an_address)
    register(encryption_is_of_one_kind)
    register(runner_is_known)
    register(dialect_is_known)
    register(sqlite_is_recent)
    register(sqlite_is_on_a_local_disk)
    register(server_is_supported, Tags.database)
    register(server_clock_is_utc, Tags.database)


def secret_key_is_secret(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY != DEVELOPMENT_SECRET_KEY:
        return []
    return [
        Error(
            "SECRET_KEY is that of the development settings, which everybody knows.",
            hint="Set one of your own in production.py.",
            id="patchwork.E001",
        )
    ]


def bounces_have_an_address(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    address = settings.BOUNCE_ADDRESS
    if not address:
        return []
    try:
        verp(address, "1")
    except ValueError:
        return [
            Error(
                f"BOUNCE_ADDRESS is {address!r}, which is no address: no mail could be sent.",
                hint="Give it as bounces@patchwork.example.com, or leave it empty.",
                id="patchwork.E005",
            )
        ]
    return []


def encryption_is_of_one_kind(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if not (settings.EMAIL_USE_TLS and settings.EMAIL_USE_SSL):
        return []
    return [
        Error(
            "EMAIL_USE_TLS and EMAIL_USE_SSL are both set.",
            hint="Use EMAIL_USE_SSL for a port that begins with TLS (465), else EMAIL_USE_TLS.",
            id="patchwork.E006",
        )
    ]


def runner_is_known(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if settings.JOB_RUNNER in RUNNERS:
        return []
    known = " or ".join(repr(name) for name in sorted(RUNNERS))
    return [
        Error(
            f"JOB_RUNNER is {settings.JOB_RUNNER!r}, but there is only {known}.",
            id="patchwork.E007",
        )
    ]


def dialect_is_known(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if settings.API_1_0_DIALECT in DIALECTS:
        return []
    return [
        Error(
            f"API_1_0_DIALECT is {settings.API_1_0_DIALECT!r}, which no client speaks.",
            hint=f"Set it to one of: {', '.join(DIALECTS)}.",
            id="patchwork.E008",
        )
    ]


def sqlite_is_recent(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if not any(connections[alias].vendor == "sqlite" for alias in connections):
        return []
    return sqlite_version_messages(sqlite3.sqlite_version_info)


def sqlite_version_messages(version: tuple[int, ...]) -> list[CheckMessage]:
    if version >= OLDEST_SQLITE:
        return []
    return [
        Error(
            f"SQLite is {dotted(version)}; Patchwork needs {dotted(OLDEST_SQLITE)} or later.",
            hint="Use a Python that is linked with a newer SQLite, or another database.",
            id="patchwork.E002",
        )
    ]


def sqlite_is_on_a_local_disk(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in connections:
        connection = connections[alias]
        if connection.vendor != "sqlite" or is_in_memory(str(connection.settings_dict["NAME"])):
            continue
        file = Path(connection.settings_dict["NAME"])
        filesystem = filesystem_of(file, mounts())
        if filesystem in NETWORK_FILESYSTEMS:
            messages.append(
                Warning(
                    f"The SQLite database {file} is on a network filesystem ({filesystem}), "
                    "where its locks cannot be relied upon.",
                    hint="Move it to a local disk, or use PostgreSQL or MariaDB.",
                    id="patchwork.W001",
                )
            )
    return messages


def is_in_memory(name: str) -> bool:
    return name == ":memory:" or "mode=memory" in name


def mounts() -> list[tuple[str, str]]:
    """Mount points with their kinds of filesystem, as Linux tells them; elsewhere none."""
    try:
        table = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    rows = (line.split(" ") for line in table.splitlines())
    return [(row[1].replace("\\040", " "), row[2]) for row in rows if len(row) > 2]


def filesystem_of(file: Path, mounted: Iterable[tuple[str, str]]) -> str | None:
    """The kind of filesystem of the innermost mount point that holds the file."""
    real = os.path.realpath(file)
    kind, depth = None, -1
    for point, its_kind in mounted:
        if os.path.commonpath((real, point)) == point and len(point) >= depth:
            kind, depth = its_kind, len(point)
    return kind


def server_is_supported(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection: Any = connections[alias]
        if connection.vendor == "mysql":
            messages += mysql_messages(connection.mysql_is_mariadb, connection.mysql_version)
    return messages


def mysql_messages(is_mariadb: bool, version: tuple[int, ...]) -> list[CheckMessage]:
    if not is_mariadb:
        return [
            Warning(
                f"The database server is MySQL {dotted(version)}. Patchwork is tested with "
                "MariaDB only; MySQL may or may not work.",
                id="patchwork.W002",
            )
        ]
    if version >= OLDEST_MARIADB:
        return []
    return [
        Error(
            f"MariaDB is {dotted(version)}; Patchwork needs {dotted(OLDEST_MARIADB)} or later.",
            id="patchwork.E003",
        )
    ]


def server_clock_is_utc(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Event times come from the database's clock: it has to be UTC, and right."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT NOW(6)")
                row = cursor.fetchone()
            messages += clock_messages(row[0].replace(tzinfo=UTC), datetime.now(UTC))
    return messages


def clock_messages(theirs: datetime, ours: datetime) -> list[CheckMessage]:
    difference = theirs - ours
    if abs(difference) <= TOLERATED_CLOCK_DIFFERENCE:
        return []
    return [
        Error(
            f"The database server's now is {theirs:%Y-%m-%d %H:%M:%S}, ours is "
            f"{ours:%Y-%m-%d %H:%M:%S} UTC.",
            hint=(
                "Build the DATABASES entry with patchwork.settings.databases.completed(), which "
                "sets the session's time zone, and keep both clocks right."
            ),
            id="patchwork.E004",
        )
    ]


def dotted(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)
