# SPDX-License-Identifier: GPL-2.0-or-later
"""The indexes by which words are found: parts of words in names, whole words in texts.

Each database has its own kind, and Django knows none of them, so they are made by hand. PostgreSQL:
GIN indexes, of trigrams for names and of words for texts. SQLite: FTS5 tables that triggers keep up
to date. MariaDB: full-text indexes for texts; names are searched through.

Migration 0011 makes them of the tables named here. Whoever adds a table, or cuts texts otherwise,
lets a later migration drop and make them, and 0011 pass over what is not there yet.
"""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TEXT_LIMIT = 100_000
"""So many characters of a text are indexed: PostgreSQL refuses a row with too many words."""
WORDS = ("patchwork_patch", "patchwork_cover")
"""Tables whose column ``content`` is searched for whole words."""
PARTS = ("patchwork_patch",)
"""Tables whose column ``name`` is searched for parts of words by an index: the long ones."""
PART_LENGTH = 3
"""Shorter parts of words are in no index."""

_POSTGRESQL_NAME = 'UPPER(name COLLATE "C")'
_GLUE = "-./@_:+&=?~#<>"
"""What PostgreSQL takes for a part of a word, in names of files, addresses and the like."""
_CUT = f"'{_GLUE}', '{' ' * len(_GLUE)}'"
_POSTGRESQL_WORDS = f"to_tsvector('simple', translate(left(content, {TEXT_LIMIT}), {_CUT}))"
_MATCH = "MATCH ({column}) AGAINST ({phrase} IN BOOLEAN MODE)"
_WHOLE_WORDS = "unicode61 remove_diacritics 0"
_ANY_THREE_LETTERS = "trigram"
_MOMENTS = ("come", "gone", "said")


def words_of(table: str) -> str:
    """The index of the words in a table's texts."""
    return f"{table}_words"


def parts_of(table: str) -> str:
    """The index of the parts of words in a table's names."""
    return f"{table}_parts"


def has_words(vendor: str, table: str) -> tuple[str, str]:
    """The condition that a row's text has a phrase, in SQL: which column it asks, and what with
    ``{column}`` and ``{phrase}`` in it."""
    if vendor == "postgresql":
        condition = _phrase_in_postgresql("{phrase}")
        return "id", f"{{column}} IN (SELECT id FROM {table} WHERE {condition})"  # noqa: S608 (names)
    if vendor == "mysql":
        return "content", f"{_MATCH} > 0"
    return _matching(words_of(table))


def few_with_words(vendor: str, table: str, limit: int) -> str:
    """The ids of some rows whose text has a phrase, which the statement takes as a value."""
    if vendor == "postgresql":
        # By itself, PostgreSQL may think that reading all texts is quicker when a few will do.
        condition = _phrase_in_postgresql("%s")
        return (
            f"WITH found AS MATERIALIZED (SELECT id FROM {table} WHERE {condition})"  # noqa: S608
            f" SELECT id FROM found LIMIT {limit}"
        )
    if vendor == "mysql":
        condition = _MATCH.format(column="content", phrase="%s")
        return f"SELECT id FROM {table} WHERE {condition} LIMIT {limit}"  # noqa: S608 (names)
    return _few_matching(words_of(table), limit)


def few_with_part(table: str, limit: int) -> str:
    """The same of a part of a word in rows' names, in SQLite."""
    return _few_matching(parts_of(table), limit)


def has_part(table: str) -> tuple[str, str]:
    """The same of a part of a word in a row's name, in SQLite."""
    return _matching(parts_of(table))


def _matching(index: str) -> tuple[str, str]:
    """Asking row by row would be quicker for a word that many have, and a hundred times slower for
    two that never meet."""
    found = f"SELECT rowid FROM {index} WHERE {index} MATCH {{phrase}}"  # noqa: S608 (names)
    return "id", f"{{column}} IN ({found})"


def _few_matching(index: str, limit: int) -> str:
    return f"SELECT rowid FROM {index} WHERE {index} MATCH %s LIMIT {limit}"  # noqa: S608 (names)


def _phrase_in_postgresql(phrase: str) -> str:
    return f"{_POSTGRESQL_WORDS} @@ phraseto_tsquery('simple', translate({phrase}, {_CUT}))"


def make_indexes(connection: BaseDatabaseWrapper) -> None:
    """Those that are not there yet; what is in the tables is indexed."""
    with connection.cursor() as cursor:
        for statement in _MAKING[connection.vendor](cursor):
            cursor.execute(statement)


def drop_indexes(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for statement in _DROPPING[connection.vendor]():
            cursor.execute(statement)


def keep_search(using: str, **_: object) -> None:
    """SQLite drops a table's triggers with it, and Django drops a table to change it: after
    migrating, whatever is missing is made anew."""
    if connections[using].vendor == "sqlite" and _are_here(connections[using]):
        make_indexes(connections[using])


def _are_here(connection: BaseDatabaseWrapper) -> bool:
    """Not where somebody has migrated back to before there were any."""
    return words_of(WORDS[0]) in connection.introspection.table_names()


def _make_in_postgresql(cursor: Any) -> list[str]:
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except (ProgrammingError, NotSupportedError) as error:
        raise ProgrammingError(
            "Searching needs PostgreSQL's extension pg_trgm, which is not there or which this role "
            "may not add. Install the server's contrib package if it has one, let a superuser run "
            "CREATE EXTENSION pg_trgm in this database, and migrate again."
        ) from error
    return [
        *(
            f"CREATE INDEX IF NOT EXISTS {words_of(table)} ON {table}"
            f" USING gin ({_POSTGRESQL_WORDS})"
            for table in WORDS
        ),
        *(
            f"CREATE INDEX IF NOT EXISTS {parts_of(table)} ON {table}"
            f" USING gin ({_POSTGRESQL_NAME} gin_trgm_ops)"
            for table in PARTS
        ),
    ]


def _drop_in_postgresql() -> list[str]:
    """Others may use the extension."""
    indexes = [*map(words_of, WORDS), *map(parts_of, PARTS)]
    return [f"DROP INDEX IF EXISTS {index}" for index in indexes]


def _make_in_mariadb(cursor: Any) -> list[str]:
    """By a copy: made in place where one was dropped before, it would forget the rows of then."""
    return [
        f"ALTER TABLE {table} ADD FULLTEXT INDEX IF NOT EXISTS {words_of(table)} (content), "
        "ALGORITHM=COPY"
        for table in WORDS
    ]


def _drop_in_mariadb() -> list[str]:
    return [f"DROP INDEX IF EXISTS {words_of(table)} ON {table}" for table in WORDS]


def _make_in_sqlite(cursor: Any) -> list[str]:
    cursor.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')")
    there = {name for (name,) in cursor.fetchall()}
    statements = []
    for table, column, index, tokenizer in _sqlite_indexes():
        statements.append(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {index} USING fts5({column},"
            f" content='{table}', content_rowid='id', columnsize=0, tokenize='{tokenizer}')"
        )
        if not there.issuperset([index, *(f"{index}_{moment}" for moment in _MOMENTS)]):
            # What came while a trigger was missing is not in it.
            statements.append(f"INSERT INTO {index}({index}) VALUES ('rebuild')")  # noqa: S608 (names)
        gone = (
            f"INSERT INTO {index}({index}, rowid, {column})"  # noqa: S608 (names)
            f" VALUES ('delete', old.id, old.{column})"
        )
        come = f"INSERT INTO {index}(rowid, {column}) VALUES (new.id, new.{column})"  # noqa: S608
        events = ("INSERT", [come]), ("DELETE", [gone]), (f"UPDATE OF {column}", [gone, come])
        for moment, (event, done) in zip(_MOMENTS, events, strict=True):
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS {index}_{moment} AFTER {event} ON {table} "
                f"BEGIN {' '.join(f'{each};' for each in done)} END"
            )
    return statements


def _drop_in_sqlite() -> list[str]:
    statements = []
    for _, _, index, _ in _sqlite_indexes():
        for moment in _MOMENTS:
            statements.append(f"DROP TRIGGER IF EXISTS {index}_{moment}")
        statements.append(f"DROP TABLE IF EXISTS {index}")
    return statements


def _sqlite_indexes() -> list[tuple[str, str, str, str]]:
    """Table, column, index, and how it cuts texts."""
    return [
        *((table, "content", words_of(table), _WHOLE_WORDS) for table in WORDS),
        *((table, "name", parts_of(table), _ANY_THREE_LETTERS) for table in PARTS),
    ]


_MAKING = {
    "postgresql": _make_in_postgresql,
    "mysql": _make_in_mariadb,
    "sqlite": _make_in_sqlite,
}
_DROPPING = {
    "postgresql": _drop_in_postgresql,
    "mysql": _drop_in_mariadb,
    "sqlite": _drop_in_sqlite,
}
