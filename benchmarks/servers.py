# SPDX-License-Identifier: GPL-2.0-or-later
"""Databases of our own on SQLite, PostgreSQL and MariaDB: made, copied and dropped again."""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_PREFIX = "pw_bench"
_numbers = count(1)


class Unreachable(Exception):
    """There is no such server here; the message says why."""


class Server(ABC):
    """Where databases are."""

    name: str
    copies = True
    """Whether ``copy`` works here."""

    @abstractmethod
    def url(self, database: str) -> str:
        """The DATABASE_URL of a database."""

    @abstractmethod
    def version(self) -> str:
        """What serves; Unreachable when nothing does."""

    @abstractmethod
    def create(self, database: str) -> None:
        """Make an empty one."""

    @abstractmethod
    def copy(self, database: str, copy: str) -> None:
        """Make one with the same content."""

    @abstractmethod
    def drop(self, database: str) -> None:
        """Remove it."""

    @contextmanager
    def database(self, copy_of: str | None = None) -> Iterator[tuple[str, bool]]:
        """The name of a new database, and whether it has the content of the other one."""
        name = f"{_PREFIX}_{os.getpid()}_{next(_numbers)}"
        copied = copy_of is not None and self.copies
        if copy_of is not None and self.copies:
            self.copy(copy_of, name)
        else:
            self.create(name)
        try:
            yield name, copied
        finally:
            self.drop(name)


class Sqlite(Server):
    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def url(self, database: str) -> str:
        return f"sqlite:///{self._file(database)}"

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def create(self, database: str) -> None:
        """Connecting does it."""

    def copy(self, database: str, copy: str) -> None:
        with (
            closing(sqlite3.connect(self._file(database))) as source,
            closing(sqlite3.connect(self._file(copy))) as target,
        ):
            source.backup(target)

    def drop(self, database: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._file(database)}{suffix}").unlink(missing_ok=True)

    def _file(self, database: str) -> Path:
        return self._directory / f"{database}.sqlite3"


class PostgreSQL(Server):
    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, database: str) -> str:
        return _with_database(self._url, database)

    def version(self) -> str:
        return f"PostgreSQL {self._run('SHOW server_version')[0][0]}"

    def create(self, database: str) -> None:
        self._run(f"CREATE DATABASE {database}")

    def copy(self, database: str, copy: str) -> None:
        self._run(f"CREATE DATABASE {copy} TEMPLATE {database}")

    def drop(self, database: str) -> None:
        self._run(f"DROP DATABASE {database} WITH (FORCE)")

    def _run(self, statement: str) -> Sequence[tuple[str, ...]]:
        try:
            import psycopg
        except ImportError as error:
            raise Unreachable("psycopg is not installed") from error
        url = self.url("postgres")
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise Unreachable(f"{url}: {error}") from error


class MariaDB(Server):
    name = "mariadb"
    copies = False

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, database: str) -> str:
        return _with_database(self._url, database)

    def version(self) -> str:
        return self._run("SELECT version()")[0][0]

    def create(self, database: str) -> None:
        self._run(f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")

    def copy(self, database: str, copy: str) -> None:
        """Never asked for, because ``copies`` says no."""
        raise NotImplementedError

    def drop(self, database: str) -> None:
        self._run(f"DROP DATABASE {database}")

    def _run(self, statement: str) -> Sequence[tuple[str, ...]]:
        try:
            import pymysql
        except ImportError as error:
            raise Unreachable("PyMySQL is not installed") from error
        place = urlsplit(self._url)
        try:
            connection = pymysql.connect(
                host=place.hostname,
                port=place.port or 3306,
                user=unquote(place.username or ""),
                password=unquote(place.password or ""),
                charset="utf8mb4",
            )
        except pymysql.err.OperationalError as error:
            raise Unreachable(f"{place.hostname}: {error}") from error
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


def _with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
