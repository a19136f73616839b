# SPDX-License-Identifier: GPL-2.0-or-later
"""Every order in which lists can be asked for has an index."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0005_notifications'),
    ]

    operations = [
        migrations.AddIndex('series', models.Index(fields=['project', 'id'], name='series_project_id')),
        migrations.AddIndex('series', models.Index(fields=['last_updated'], name='series_updated')),
        migrations.AddIndex('series', models.Index(fields=['submitted'], name='series_submitted')),
        migrations.AddIndex('series', models.Index(fields=['name', 'id'], name='series_name')),
        migrations.AddIndex('series', models.Index(fields=['state', 'id'], name='series_state')),
        migrations.AddIndex('patch', models.Index(fields=['project', 'id'], name='patch_project_id')),
        migrations.AddIndex('patch', models.Index(fields=['project', 'last_updated'], name='patch_project_updated')),
        migrations.AddIndex('patch', models.Index(fields=['date'], name='patch_date')),
        migrations.AddIndex('patch', models.Index(fields=['last_updated'], name='patch_updated')),
        migrations.AddIndex('patch', models.Index(fields=['name'], name='patch_name')),
    ]
