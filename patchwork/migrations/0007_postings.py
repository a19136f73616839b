# SPDX-License-Identifier: GPL-2.0-or-later
"""Indexes for lists of postings, of cover letters, and of events of one kind."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0006_listing'),
    ]

    operations = [
        migrations.AddIndex('revision', models.Index(fields=['project', 'id'], name='revision_project_id')),
        migrations.AddIndex('revision', models.Index(fields=['project', 'date'], name='revision_project_date')),
        migrations.AddIndex('revision', models.Index(fields=['date'], name='revision_date')),
        migrations.AddIndex('cover', models.Index(fields=['project', 'id'], name='cover_project_id')),
        migrations.AddIndex('cover', models.Index(fields=['date'], name='cover_date')),
        migrations.AddIndex('event', models.Index(fields=['kind', 'historical', 'event_time'], name='event_kind_time')),
    ]
