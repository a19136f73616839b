# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that speak of something: parts of words in their names, whole words in their texts."""

from __future__ import annotations

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from patchwork.databases import containing, select
from patchwork.tracking.models import Cover, Patch
from patchwork.tracking.search import PART_LENGTH, PARTS, has_words, parts_of, words_of

FEW = 2_000
"""Rows that have a word are looked up one by one up to here; a word that more of them have is soon
met on the way through the list."""


def naming(model: type[models.Model], word: str) -> Q:
    """Rows whose name has this in it, whatever its case."""
    table = model._meta.db_table
    if connection.vendor == "sqlite" and table in PARTS and len(word) >= PART_LENGTH:
        ids = _found_in(parts_of(table), word)
        if len(ids) <= FEW:
            return Q(pk__in=ids)
    return containing("name", word)


def saying(model: type[Patch] | type[Cover], word: str) -> Q:
    """Rows whose text has this word, whatever its case."""
    table = model._meta.db_table
    phrase = word if connection.vendor == "postgresql" else _quoted(word)
    condition = RawSQL(  # noqa: S611 (names)
        has_words(connection.vendor, table), [phrase], output_field=models.BooleanField()
    )
    if connection.vendor == "postgresql":
        return Q(condition)
    ids = _found_in(words_of(table), word) if connection.vendor == "sqlite" else _few(table, phrase)
    return Q(pk__in=ids) if len(ids) <= FEW else Q(condition)


def _found_in(index: str, word: str) -> list[int]:
    """As many as it takes to know whether they are few."""
    statement = f"SELECT rowid FROM {index} WHERE {index} MATCH %s LIMIT {FEW + 1}"  # noqa: S608 (names)
    return [pk for (pk,) in select(statement, [_quoted(word)])]


def _few(table: str, phrase: str) -> list[int]:
    condition = has_words("mysql", table)
    statement = f"SELECT id FROM {table} WHERE {condition} LIMIT {FEW + 1}"  # noqa: S608 (names)
    return [pk for (pk,) in select(statement, [phrase])]


def _quoted(word: str) -> str:
    """A phrase, none of whose characters means anything but itself."""
    doubled = '""' if connection.vendor == "sqlite" else " "
    return '"' + word.replace('"', doubled) + '"'
