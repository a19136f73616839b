# SPDX-License-Identifier: GPL-2.0-or-later
"""What the three databases do differently, in one place."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

logger = logging.getLogger(__name__)

_BYTEWISE = {"mysql": "utf8mb4_nopad_bin", "postgresql": "C"}

Answer = TypeVar("Answer")
Row = TypeVar("Row", bound=models.Model)

ATTEMPTS = 5
STATEMENT_VALUES = 50_000
_MARIADB_PASSING = {1205, 1213, 2006, 2013, 1020}
_POSTGRESQL_PASSING = {"40001", "40P01", "55P03", "57P01", "57P03"}


class IdentifierField(models.CharField):
    """A text that is compared byte for byte: Message-IDs, keys, hashes, branch names.

    MariaDB's default collation takes ``<AbC@x>`` and ``<abc@x>`` for the same text, and ignores
    blanks at the end; two mails would become one. PostgreSQL's "C" compares bytes, which is also
    what makes the many inserts into these indexes cheap.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor in _BYTEWISE:
            parameters["collation"] = _BYTEWISE[connection.vendor]
        return parameters


def raise_sqlite_limits(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Let one statement carry as many values as this SQLite was built for, not Django's 999."""
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = limit


def select(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that was compiled before, as the driver gives them."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def column(model: type[models.Model], name: str) -> str:
    """A column's full name for use in a statement."""
    field: Any = model._meta.get_field(name)
    return f"{table(model)}.{connection.ops.quote_name(field.column)}"


def places(values: Sized) -> str:
    """``(%s, %s)`` for as many values; never empty, and no value equals NULL."""
    return f"({', '.join(['%s'] * len(values)) or 'NULL'})"


def moment(value: Any) -> datetime:
    """A time as Django would give it, from what the driver gives."""
    time: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    unless: str = "",
) -> list[int]:
    """Insert rows of plain values and answer their ids, in order.

    What ``bulk_create`` does, without a model instance and a dozen calls for every value: half of
    the time of taking in an archive. Values are what the columns hold (ids for foreign keys), and
    columns that are not named need a default in the database or none at all. ``unless`` names a
    unique column: a row that has its value already stands for the new one.
    """
    if not rows:
        return []
    fields = [model._meta.get_field(name) for name in names]
    convert = [_conversion(field) for field in fields]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)  # type: ignore[union-attr]
    head = f"INSERT INTO {table(model)} ({columns}) VALUES "  # noqa: S608 (names)
    place = f"({', '.join(['%s'] * len(fields))})"
    tail = f"{_unless(unless)} RETURNING {quote('id')}"
    ids: list[int] = []
    with connection.cursor() as cursor:
        for chunk in _chunks(rows, len(fields)):
            values = [
                value if change is None or value is None else change(value)
                for row in chunk
                for change, value in zip(convert, row, strict=True)
            ]
            cursor.execute(head + ", ".join([place] * len(chunk)) + tail, values)
            ids += [row[0] for row in cursor.fetchall()]
    return ids


def _unless(column: str) -> str:
    """Touch the row that is there, so that its id is answered as well."""
    if not column:
        return ""
    return " " + connection.ops.on_conflict_suffix_sql([], OnConflict.UPDATE, [column], [column])


def _conversion(field: Any) -> Callable[[Any], Any] | None:
    """What a value of this field needs on its way into the database; None for nothing."""
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.JSONField | models.BinaryField):
        return lambda value: field.get_db_prep_save(value, connection)
    return None


def _chunks(rows: Sequence[Sequence[Any]], width: int) -> Iterator[Sequence[Sequence[Any]]]:
    size = max(1, (connection.features.max_query_params or STATEMENT_VALUES) // width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def upsert(rows: Sequence[Row], *, unique: Sequence[str], update: Sequence[str]) -> list[Row]:
    """Insert rows, or update those that clash on ``unique``; every row knows its id afterwards.

    Not ``ignore_conflicts``: MariaDB then also cuts texts that are too long without a word.
    """
    if not rows:
        return []
    targeted = connection.features.supports_update_conflicts_with_target
    return type(rows[0])._default_manager.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=list(update),
        unique_fields=list(unique) if targeted else None,
    )


def is_passing(error: Exception) -> bool:
    """Whether the same transaction may well succeed when it is tried again."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return state in _POSTGRESQL_PASSING or state.startswith("08")
    if connection.vendor == "mysql":
        return bool(error.args) and error.args[0] in _MARIADB_PASSING
    if connection.vendor == "sqlite":
        return "locked" in str(error) or "busy" in str(error)
    return True


def until_it_passes(transaction: Callable[[], Answer]) -> Answer:
    """Run a whole transaction, again after deadlocks, lock timeouts and lost connections."""
    for pause in _pauses():
        try:
            return transaction()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or not is_passing(error):
                raise
            logger.warning("transaction is tried again in %.0f ms: %s", pause * 1000, error)
            close_old_connections()
            time.sleep(pause)
    return transaction()


def _pauses() -> Iterator[float]:
    for attempt in range(ATTEMPTS - 1):
        yield 0.02 * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311 (spreads the retries)
