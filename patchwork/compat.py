# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between the versions and drivers that Patchwork runs on, in one place."""

from __future__ import annotations

from importlib.util import find_spec


def provide_mysqldb() -> None:
    """Let Django's MySQL backend find a driver: mysqlclient where it is installed, else PyMySQL.

    mysqlclient is faster but must be compiled; PyMySQL is pure Python and stands in for it, under
    a version number that Django accepts. With neither installed Django says so itself.
    """
    if find_spec("MySQLdb") is not None or find_spec("pymysql") is None:
        return
    import pymysql

    pymysql.install_as_MySQLdb()
