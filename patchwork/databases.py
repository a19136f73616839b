# SPDX-License-Identifier: GPL-2.0-or-later
"""What the three databases do differently, in one place."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
    models,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict
from django.db.models.functions import Collate, Upper
from django.db.models.lookups import Contains

logger = logging.getLogger(__name__)

_SECONDS_FROM_NOW = {
    "postgresql": "statement_timestamp() + %s * interval '1 second'",
    "mysql": "NOW(6) + INTERVAL %s SECOND",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')",
}
_NOW = {
    "postgresql": "statement_timestamp()",
    "mysql": "NOW(6)",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
}
_BYTEWISE = {"mysql": "utf8mb4_nopad_bin", "postgresql": "C"}

Answer = TypeVar("Answer")
Row = TypeVar("Row", bound=models.Model)

ATTEMPTS = 5
STATEMENT_VALUES = 50_000
ARRAYS_FROM = 5
"""So many rows are given to PostgreSQL column by column, as Django 5.2 does: psycopg takes longer
to find thousands of places in a statement than the server takes for the rows."""
_IN_TRANSACTION = 1
"""A bit of what MariaDB says of itself with each answer."""
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


@contextmanager
def without_query_log() -> Iterator[None]:
    """For commands that run for long or move much, which must not keep what they have done.

    In DEBUG mode Django remembers the last 9,000 statements of each connection with their values:
    mails, that is, by the hundred megabytes. It also asks SQLite to spell each of them out.
    """
    debug, settings.DEBUG = settings.DEBUG, False
    try:
        yield
    finally:
        settings.DEBUG = debug


def select(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that was compiled before, as the driver gives them."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def now() -> str:
    """The database's own clock, for use in a statement: the clocks of several machines differ."""
    return _NOW[connection.vendor]


def seconds_from_now() -> str:
    """A time by the database's clock, for use in a statement; takes the seconds as a value."""
    return _SECONDS_FROM_NOW[connection.vendor]


@lru_cache
def table(model: type[models.Model]) -> str:
    """Its name for use in a statement; like all of these, of the one database that there is."""
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache
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


def containing(name: str, text: str) -> models.Q:
    """Rows whose column has this text in it, whatever its case.

    PostgreSQL looks for the capitals of every letter there is, which takes three times as long as
    comparing. Text in ASCII needs but those of ASCII, and other letters cannot be part of it.
    """
    if connection.vendor != "postgresql" or not text.isascii():
        return models.Q(**{f"{name}__icontains": text})
    column: Any = Upper(Collate(models.F(name), _BYTEWISE["postgresql"]))
    return models.Q(Contains(column, text.upper()))


def load(model: type[Row], where: str = "1 = 1", values: Sequence[Any] = ()) -> list[Row]:
    """The rows that a condition in SQL finds, with all that their columns hold."""
    return [revive(model, row) for row in select(f"{_all_of(model)} WHERE {where}", values)]


def rows(
    model: type[models.Model], names: tuple[str, ...], where: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """What ``values_list`` answers for these names, as the driver gives it.

    The statement is compiled once, which takes Django as long as it takes a database to answer.
    The condition may speak of the table itself, by ``column``.
    """
    return select(f"{_values_of(model, names)} WHERE {where}", values)


@lru_cache
def _values_of(model: type[models.Model], names: tuple[str, ...]) -> str:
    query = model._default_manager.order_by().values_list(*names).query
    return query.sql_with_params()[0]


@lru_cache
def _all_of(model: type[models.Model]) -> str:
    columns = ", ".join(column(model, name) for name in attributes(model))
    return f"SELECT {columns} FROM {table(model)}"  # noqa: S608 (names)


@lru_cache
def attributes(model: type[models.Model]) -> tuple[str, ...]:
    """What the columns of a table are called on its rows."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def revive(model: type[Row], values: Sequence[Any]) -> Row:
    """A row as Django would have made it of what the driver gives, in the order of the columns."""
    held = list(values)
    for place, change in _revivals(model):
        if held[place] is not None:
            held[place] = change(held[place])
    return model.from_db(connection.alias, attributes(model), held)


@lru_cache
def _revivals(model: type[models.Model]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """What drivers give otherwise than Django does: by the place of the column."""
    differing: list[tuple[type[models.Field[Any, Any]], Callable[[Any], Any]]] = [
        (models.BooleanField, bool),
        (models.DateTimeField, moment),
    ]
    return tuple(
        (place, change)
        for place, field in enumerate(model._meta.concrete_fields)
        for kind, change in differing
        if isinstance(field, kind)
    )


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
    # Touch the row that is there, so that its id is answered as well.
    return (
        _insert(model, names, rows, [unless], [unless]) if unless else _insert(model, names, rows)
    )


def create(rows: Sequence[Row]) -> Sequence[Row]:
    """``insert`` for rows that are model instances already; each knows its id afterwards."""
    return upsert(rows, unique=(), update=())


def upsert(rows: Sequence[Row], *, unique: Sequence[str], update: Sequence[str]) -> Sequence[Row]:
    """Insert rows, or update those that clash on ``unique``; every row knows its id afterwards.

    Not ``ignore_conflicts``: MariaDB then also cuts texts that are too long without a word.
    """
    if not rows:
        return rows
    model = type(rows[0])
    fields = [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key or rows[0].pk is not None
    ]
    names = [field.name for field in fields]
    read = attrgetter(*(field.attname for field in fields))
    for row, row_id in zip(
        rows, _insert(model, names, [*map(read, rows)], unique, update), strict=True
    ):
        row.pk = row_id
        row._state.adding = False
    return rows


def increase(
    model: type[models.Model],
    names: Sequence[str],
    by: Mapping[tuple[Any, ...], int],
    counter: str = "count",
) -> None:
    """Add to counters, those that are not there yet included; negative numbers take away.

    ``names`` are the unique columns that say which counter, in the order of the keys of ``by``.
    """
    if not by:
        return
    columns = [connection.ops.quote_name(_column_of(model, name)) for name in (*names, counter)]
    amount = columns[-1]
    if connection.vendor == "mysql":
        clash = f"ON DUPLICATE KEY UPDATE {amount} = {amount} + VALUES({amount})"
    else:
        sum_of_both = f"{table(model)}.{amount} + EXCLUDED.{amount}"
        clash = f"ON CONFLICT ({', '.join(columns[:-1])}) DO UPDATE SET {amount} = {sum_of_both}"
    rows = [(*key, number) for key, number in sorted(by.items())]
    row = f"({', '.join(['%s'] * len(columns))})"
    statement = (
        f"INSERT INTO {table(model)} ({', '.join(columns)}) "  # noqa: S608 (names)
        f"VALUES {', '.join([row] * len(rows))} {clash}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for each in rows for value in each])


def change(model: type[models.Model], ids: Collection[int], **values: Any) -> None:
    """Give all rows with these ids the same values: what the columns hold."""
    if not ids:
        return
    fields = [model._meta.get_field(name) for name in values]
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)  # type: ignore[union-attr]
    converted = [
        value if (convert := _conversion(field)) is None or value is None else convert(value)
        for field, value in zip(fields, values.values(), strict=True)
    ]
    statement = f"UPDATE {table(model)} SET {columns} WHERE {quote('id')} IN {places(ids)}"  # noqa: S608 (names)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*converted, *ids])


@dataclass(frozen=True, slots=True)
class _Inserting:
    """An INSERT for any number of rows."""

    head: str
    row: str
    arrays: str
    """Instead of the rows: an array for each column. PostgreSQL only."""
    tail: str
    converted: Sequence[tuple[int, Any]]
    """The fields whose values the driver does not take as they are, and their places."""


@lru_cache
def _inserting(
    model: type[models.Model],
    names: tuple[str, ...],
    unique: tuple[str, ...],
    update: tuple[str, ...],
) -> _Inserting:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(_column_of(model, name)) for name in names)
    fields = [model._meta.get_field(name) for name in names]
    types = [str(field.db_type(connection)).partition("(")[0] for field in fields]
    return _Inserting(
        head=f"INSERT INTO {table(model)} ({columns}) ",
        row=f"({', '.join(['%s'] * len(names))})",
        arrays=f"SELECT * FROM UNNEST({', '.join(f'%s::{kind}[]' for kind in types)})",  # noqa: S608 (names)
        tail=f"{_on_clash(model, unique, update)} RETURNING {quote('id')}",
        converted=[(place, field) for place, field in enumerate(fields) if _conversion(field)],
    )


def _insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> list[int]:
    if not rows:
        return []
    statement = _inserting(model, tuple(names), tuple(unique), tuple(update))
    ids: list[int] = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(rows) >= ARRAYS_FROM and not unique:
            chunks = iter([_as_arrays(statement, rows)])
        else:
            chunks = (_as_rows(statement, chunk) for chunk in _chunks(rows, len(names)))
        for places, values in chunks:
            cursor.execute(f"{statement.head}{places}{statement.tail}", values)
            ids += [row[0] for row in cursor.fetchall()]
    return ids


def _as_rows(statement: _Inserting, rows: Sequence[Sequence[Any]]) -> tuple[str, Sequence[Any]]:
    width = len(rows[0])
    values = [value for row in rows for value in row]
    for start, field in statement.converted:
        values[start::width] = _converted(field, values[start::width])
    return f"VALUES {', '.join([statement.row] * len(rows))}", values


def _as_arrays(statement: _Inserting, rows: Sequence[Sequence[Any]]) -> tuple[str, Sequence[Any]]:
    columns = [list(values) for values in zip(*rows, strict=True)]
    for place, field in statement.converted:
        columns[place] = _converted(field, columns[place])
    return statement.arrays, columns


def _converted(field: Any, values: Sequence[Any]) -> list[Any]:
    convert = _conversion(field)
    assert convert is not None
    return [value if value is None else convert(value) for value in values]


def _on_clash(model: type[models.Model], unique: Sequence[str], update: Sequence[str]) -> str:
    if not unique:
        return ""
    columns = [[_column_of(model, name) for name in names] for names in (update, unique)]
    return " " + connection.ops.on_conflict_suffix_sql([], OnConflict.UPDATE, *columns)


def _column_of(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _conversion(field: Any) -> Callable[[Any], Any] | None:
    """What a value of this field needs on its way into the database; None for nothing."""
    if isinstance(field, models.DateTimeField):
        return _stored_moment
    if isinstance(field, models.JSONField | models.BinaryField):
        return lambda value: field.get_db_prep_save(value, connection)
    return None


def _stored_moment(value: datetime) -> Any:
    """As Django's ``adapt_datetimefield_value``, which takes five times as long for the time zone:
    every third value is a time."""
    if connection.vendor == "postgresql":
        return value
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _chunks(rows: Sequence[Sequence[Any]], width: int) -> Iterator[Sequence[Sequence[Any]]]:
    size = max(1, (connection.features.max_query_params or STATEMENT_VALUES) // width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def is_transaction_open() -> bool:
    """Whether the next statement would be part of one that is there already: by what Django knows,
    by what the database itself says, or because it cannot be asked."""
    raw: Any = connection.connection
    if raw is None:
        return connection.in_atomic_block
    if connection.in_atomic_block or not connection.autocommit:
        return True
    try:
        if connection.vendor == "sqlite":
            # Asking a closed one for its cursor raises.
            raw.cursor()
            return bool(raw.in_transaction)
        if connection.vendor == "postgresql":
            return bool(raw.info.transaction_status)
        return not raw.open or bool(getattr(raw, "server_status", 0) & _IN_TRANSACTION)
    except Exception:  # noqa: BLE001 (drivers raise errors of their own)
        return True


def throw_connection_away() -> None:
    """Whatever state it is in: what is open is rolled back, the next statement has a new one."""
    raw: Any = connection.connection
    if raw is not None:
        with suppress(Exception):
            raw.close()
    del connections[DEFAULT_DB_ALIAS]


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
