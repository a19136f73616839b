# SPDX-License-Identifier: GPL-2.0-or-later
"""Indexes that answer for pages far behind, and for words in names, without reading rows."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0007_postings'),
    ]

    operations = [
        migrations.AddIndex('patch', models.Index(fields=['id', 'name'], name='patch_id_name')),
        migrations.RemoveIndex('patch', 'patch_date'),
        migrations.AddIndex('patch', models.Index(fields=['date', 'id'], name='patch_date')),
        migrations.AddIndex('revision', models.Index(fields=['id', 'rerun_of', 'series'], name='revision_posted')),
    ]
