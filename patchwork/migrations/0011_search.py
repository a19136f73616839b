# SPDX-License-Identifier: GPL-2.0-or-later
"""Indexes for words in names and texts, each database's own kind."""

from django.db import migrations

from patchwork.tracking.search import drop_indexes, make_indexes


def make(apps, schema_editor):
    make_indexes(schema_editor.connection)


def drop(apps, schema_editor):
    drop_indexes(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0010_test_names'),
    ]

    operations = [
        migrations.RunPython(make, drop),
    ]
