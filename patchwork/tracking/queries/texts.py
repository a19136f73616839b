# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that speak of something: parts of words in their names, whole words in their texts."""

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Q, Value
from django.db.models.sql.compiler import SQLCompiler

from patchwork.databases import containing, select
from patchwork.tracking.models import Cover, Patch
from patchwork.tracking.search import PART_LENGTH, PARTS, has_part, has_words, parts_of, words_of

FEW = 500
"""Rows that have a word are looked up one by one up to here; a word that more of them have is soon
met on the way through the list. SQLite takes 32,766 values in a statement, for all words of it."""


def naming(model: type[models.Model], word: str) -> Q:
    """Rows whose name has this in it, whatever its case."""
    table = model._meta.db_table
    if connection.vendor == "sqlite" and table in PARTS and len(word) >= PART_LENGTH:
        ids = _found_in(parts_of(table), word)
        return Q(pk__in=ids) if len(ids) <= FEW else Q(_Has(*has_part(table), _quoted(word)))
    return containing("name", word)


def saying(model: type[Patch] | type[Cover], word: str) -> Q:
    """Rows whose text has this word, whatever its case."""
    phrase = word if connection.vendor == "postgresql" else _quoted(word)
    condition = Q(_Has(*has_words(connection.vendor, model._meta.db_table), phrase))
    if connection.vendor == "postgresql":
        return condition
    if connection.vendor == "sqlite":
        ids = _found_in(words_of(model._meta.db_table), word)
    else:
        found = model._default_manager.filter(condition)
        ids = list(found.values_list("pk", flat=True)[: FEW + 1])
    return Q(pk__in=ids) if len(ids) <= FEW else condition


class _Has(Func):
    """The database's own way to ask for a phrase."""

    def __init__(self, column: str, condition: str, phrase: str) -> None:
        self._condition = condition
        super().__init__(F(column), Value(phrase), output_field=models.BooleanField())

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        (column, before), (phrase, after) = map(compiler.compile, self.get_source_expressions())
        return self._condition.format(column=column, phrase=phrase), (*before, *after)


def _found_in(index: str, word: str) -> list[int]:
    """As many as it takes to know whether they are few."""
    statement = f"SELECT rowid FROM {index} WHERE {index} MATCH %s LIMIT {FEW + 1}"  # noqa: S608 (names)
    return [pk for (pk,) in select(statement, [_quoted(word)])]


def _quoted(word: str) -> str:
    """A phrase, none of whose characters means anything but itself."""
    doubled = '""' if connection.vendor == "sqlite" else " "
    return '"' + word.replace('"', doubled) + '"'
