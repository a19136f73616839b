# SPDX-License-Identifier: GPL-2.0-or-later
"""How many patches there are, by project, state, and whether they are put away."""

import django.db.models.deletion
from django.db import migrations, models

COUNT = """
    INSERT INTO patchwork_patchcount (project_id, state_id, archived, count)
    SELECT project_id, state_id, archived, COUNT(*) FROM patchwork_patch
    GROUP BY project_id, state_id, archived
"""


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0008_far_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='PatchCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('archived', models.BooleanField()),
                ('count', models.IntegerField()),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='patchwork.project')),
                ('state', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='patchwork.state')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'state', 'archived'), name='patch_count_once')],
            },
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
