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
from patchwork.tracking.search import (
    PART_LENGTH,
    PARTS,
    few_with_part,
    few_with_words,
    has_part,
    has_words,
)

FEW = 500
"""Rows that have a word are looked up one by one up to here; a word that more of them have is soon
met on the way through the list. SQLite takes 32,766 values in a statement, for all words of it."""


def naming(model: type[models.Model], word: str) -> Q:
    """Rows whose name has this in it, whatever its case."""
    table = model._meta.db_table
    if connection.vendor == "sqlite" and table in PARTS and len(word) >= PART_LENGTH:
        phrase = _phrase(word)
        if (few := _few(few_with_part(table, FEW + 1), phrase)) is not None:
            return few
        # Comparing name by name is quicker then, but knows the capitals of ASCII alone.
        if not word.isascii():
            return Q(_Has(*has_part(table), phrase))
    return containing("name", word)


def saying(model: type[Patch] | type[Cover], word: str) -> Q:
    """Rows whose text has this word, whatever its case."""
    vendor, table, phrase = connection.vendor, model._meta.db_table, _phrase(word)
    few = _few(few_with_words(vendor, table, FEW + 1), phrase)
    return few if few is not None else Q(_Has(*has_words(vendor, table), phrase))


def _few(statement: str, phrase: str) -> Q | None:
    """The rows that a phrase finds, if they are few."""
    ids = [pk for (pk,) in select(statement, [phrase])]
    return Q(pk__in=ids) if len(ids) <= FEW else None


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


def _phrase(word: str) -> str:
    """As the database takes it, none of its characters meaning anything but itself."""
    if connection.vendor == "postgresql":
        return word
    doubled = '""' if connection.vendor == "sqlite" else " "
    return '"' + word.replace('"', doubled) + '"'
