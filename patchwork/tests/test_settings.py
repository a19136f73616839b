# SPDX-License-Identifier: GPL-2.0-or-later
"""DATABASES entries: from the environment, and complete with what Patchwork relies on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.db import connection

from patchwork.settings import databases

FILE = Path("/srv/patchwork.sqlite3")


def test_nothing_said_is_sqlite():
    entry = databases.for_development({}, FILE)
    assert entry["ENGINE"] == databases.SQLITE
    assert entry["NAME"] == FILE
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("kind", "engine"), [("mysql", databases.MYSQL), ("postgresql", databases.POSTGRESQL)]
)
def test_a_server_has_the_defaults_of_the_documentation(kind, engine):
    entry = databases.for_development({"PW_TEST_DB_TYPE": kind}, FILE)
    assert entry["ENGINE"] == engine
    assert (entry["NAME"], entry["USER"], entry["PASSWORD"]) == (
        *("patchwork", "patchwork", "password"),
    )


def test_a_server_is_where_the_variables_say():
    entry = databases.for_development(
        {
            "PW_TEST_DB_TYPE": "postgresql",
            "PW_TEST_DB_NAME": "name",
            "PW_TEST_DB_USER": "user",
            "PW_TEST_DB_PASS": "",
            "PW_TEST_DB_HOST": "db.example.com",
            "PW_TEST_DB_PORT": "5433",
        },
        FILE,
    )
    assert {key: entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "name",
        "USER": "user",
        "PASSWORD": "",
        "HOST": "db.example.com",
        "PORT": "5433",
    }


def test_database_url_wins():
    entry = databases.for_development(
        {"PW_TEST_DB_TYPE": "mysql", "DATABASE_URL": "postgresql://u:p@h:1/n"}, FILE
    )
    assert (entry["ENGINE"], entry["NAME"], entry["HOST"]) == (databases.POSTGRESQL, "n", "h")


def test_an_unknown_kind_is_told():
    with pytest.raises(ValueError, match=r"'oracle'.*mysql, postgresql"):
        databases.for_development({"PW_TEST_DB_TYPE": "oracle"}, FILE)


def test_what_an_entry_says_itself_has_precedence():
    entry = databases.completed(
        {"ENGINE": databases.SQLITE, "NAME": "x", "CONN_MAX_AGE": 5, "OPTIONS": {"timeout": 3}}
    )
    assert entry["CONN_MAX_AGE"] == 5
    assert entry["OPTIONS"]["timeout"] == 3
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_mariadb_finds_a_driver():
    databases.completed({"ENGINE": databases.MYSQL, "NAME": "x"})
    assert "MySQLdb" in sys.modules


@pytest.mark.django_db
def test_the_connection_is_as_we_need_it():
    """What the options are for, asked of the database that the tests run on."""

    def ask(question: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return str(cursor.fetchone()[0])

    if connection.vendor == "sqlite":
        assert ask("PRAGMA synchronous") == "2"
        assert ask("PRAGMA foreign_keys") == "1"
        assert ask("PRAGMA busy_timeout") == "20000"
    elif connection.vendor == "postgresql":
        assert ask("SHOW timezone") == "UTC"
        assert ask("SHOW transaction_isolation") == "read committed"
    else:
        assert ask("SELECT @@time_zone") == "+00:00"
        assert ask("SELECT @@tx_isolation") == "READ-COMMITTED"
        assert ask("SELECT @@character_set_connection") == "utf8mb4"
        assert "STRICT_TRANS_TABLES" in ask("SELECT @@sql_mode")
