# SPDX-License-Identifier: GPL-2.0-or-later
"""A wrong configuration is told, a right one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks

from patchwork import system_checks
from patchwork.settings import DEVELOPMENT_SECRET_KEY

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ids(messages: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("key", "told"), [(DEVELOPMENT_SECRET_KEY, ["patchwork.E001"]), ("of our own", [])]
)
def test_the_secret_key_of_development_is_refused(settings, key, told):
    settings.SECRET_KEY = key
    assert ids(system_checks.secret_key_is_secret(None)) == told


@pytest.mark.parametrize(
    ("dialect", "told"),
    [("freedesktop", []), ("getpatchwork", []), ("Freedesktop", ["patchwork.E008"])],
)
def test_a_dialect_that_nobody_speaks(settings, dialect, told):
    settings.API_1_0_DIALECT = dialect
    assert ids(system_checks.dialect_is_known(None)) == told


@pytest.mark.parametrize(
    ("version", "told"),
    [((3, 39, 4), ["patchwork.E002"]), ((3, 40, 0), []), ((3, 40, 1), []), ((4, 0), [])],
)
def test_an_old_sqlite(version, told):
    assert ids(system_checks.sqlite_version_messages(version)) == told


@pytest.mark.parametrize(
    ("is_mariadb", "version", "told"),
    [
        (True, (10, 5, 27), ["patchwork.E003"]),
        (True, (10, 6, 0), []),
        (True, (11, 4, 2), []),
        (False, (8, 4, 0), ["patchwork.W002"]),
    ],
)
def test_an_old_mariadb_and_any_mysql(is_mariadb, version, told):
    assert ids(system_checks.mysql_messages(is_mariadb, version)) == told


@pytest.mark.parametrize(
    ("difference", "told"),
    [(timedelta(), []), (timedelta(seconds=-59), []), (timedelta(hours=2), ["patchwork.E004"])],
)
def test_a_clock_that_is_not_utc(difference, told):
    assert ids(system_checks.clock_messages(NOON + difference, NOON)) == told


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/srv/patchwork/patchwork.sqlite3", "nfs4"),
        ("/srv/patchwork-2/patchwork.sqlite3", "ext4"),
        ("/home/me/patchwork.sqlite3", "ext4"),
        ("/srv/patchwork/local/patchwork.sqlite3", "xfs"),
    ],
)
def test_the_filesystem_is_that_of_the_innermost_mount(file, kind):
    mounted = [("/", "ext4"), ("/srv/patchwork", "nfs4"), ("/srv/patchwork/local", "xfs")]
    assert system_checks.filesystem_of(Path(file), mounted) == kind


def test_sqlite_on_a_network_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(system_checks, "mounts", lambda: [("/", "nfs")])
    monkeypatch.setattr(system_checks, "is_in_memory", lambda name: False)
    told = ids(system_checks.sqlite_is_on_a_local_disk(None))
    is_sqlite = system_checks.connections["default"].vendor == "sqlite"
    assert told == (["patchwork.W001"] if is_sqlite else [])


@pytest.mark.django_db
def test_the_database_of_the_tests_is_in_order():
    told = run_checks(databases=["default"], tags=["database"])
    assert [message for message in told if str(message.id).startswith("patchwork.")] == []


@pytest.mark.parametrize(
    ("check", "more", "expected"),
    [
        (system_checks.bounces_have_an_address, {"BOUNCE_ADDRESS": ""}, []),
        (system_checks.bounces_have_an_address, {"BOUNCE_ADDRESS": "bounces@example.org"}, []),
        (system_checks.bounces_have_an_address, {"BOUNCE_ADDRESS": "bounces"}, ["patchwork.E005"]),
        (system_checks.encryption_is_of_one_kind, {"EMAIL_USE_SSL": True}, []),
        (
            system_checks.encryption_is_of_one_kind,
            {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": True},
            ["patchwork.E006"],
        ),
        (system_checks.runner_is_known, {"JOB_RUNNER": "celery"}, []),
        (system_checks.runner_is_known, {"JOB_RUNNER": "Celery"}, ["patchwork.E007"]),
    ],
)
def test_settings_that_cannot_be_meant(settings, check, more, expected):
    for name, value in more.items():
        setattr(settings, name, value)
    assert [message.id for message in check(None)] == expected
