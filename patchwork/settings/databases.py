# SPDX-License-Identifier: GPL-2.0-or-later
"""The DATABASES entry: what each engine needs to be a safe home for mail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ

from patchwork.compat import provide_mysqldb

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
MYSQL = "django.db.backends.mysql"

# Options that Patchwork's locking, clock and durability rely on, engine by engine.
# Django itself turns on foreign keys (SQLite) and UTC (PostgreSQL).
NEEDED_OPTIONS: dict[str, dict[str, Any]] = {
    SQLITE: {
        # A writer takes the write lock when its transaction begins, and waits for it.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    },
    POSTGRESQL: {},
    MYSQL: {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "init_command": (
            "SET time_zone='+00:00', sql_mode='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
            "NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'"
        ),
    },
}

PW_TEST_ENGINES = {"mysql": MYSQL, "postgresql": POSTGRESQL}


def completed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the options its engine needs; what the entry says itself has precedence."""
    engine = entry["ENGINE"]
    full: dict[str, Any] = {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        **entry,
    }
    full["OPTIONS"] = {**NEEDED_OPTIONS.get(engine, {}), **entry.get("OPTIONS", {})}
    if engine == MYSQL:
        full["TEST"] = {
            "CHARSET": "utf8mb4",
            "COLLATION": "utf8mb4_unicode_ci",
            **entry.get("TEST", {}),
        }
        provide_mysqldb()
    return full


def from_url(url: str) -> dict[str, Any]:
    """The entry that a DATABASE_URL such as ``postgresql://user:password@host/name`` describes."""
    return completed(environ.Env.db_url_config(url))


def for_development(environment: Mapping[str, str], sqlite_file: Path) -> dict[str, Any]:
    """DATABASE_URL when it is set, else what the PW_TEST_DB_* variables say, else SQLite."""
    if url := environment.get("DATABASE_URL"):
        return from_url(url)
    kind = environment.get("PW_TEST_DB_TYPE", "")
    if not kind:
        return completed({"ENGINE": SQLITE, "NAME": sqlite_file})
    if kind not in PW_TEST_ENGINES:
        known = ", ".join(PW_TEST_ENGINES)
        raise ValueError(f"PW_TEST_DB_TYPE is {kind!r}; use one of {known}, or unset it for SQLite")
    return completed(
        {
            "ENGINE": PW_TEST_ENGINES[kind],
            "NAME": environment.get("PW_TEST_DB_NAME", "patchwork"),
            "USER": environment.get("PW_TEST_DB_USER", "patchwork"),
            "PASSWORD": environment.get("PW_TEST_DB_PASS", "password"),
            "HOST": environment.get("PW_TEST_DB_HOST", "localhost"),
            "PORT": environment.get("PW_TEST_DB_PORT", ""),
        }
    )
