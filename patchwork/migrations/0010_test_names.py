# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of tests are compared byte for byte."""

from django.db import migrations

import patchwork.databases


class Migration(migrations.Migration):

    dependencies = [
        ('patchwork', '0009_patch_counts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='checkresult',
            name='context',
            field=patchwork.databases.IdentifierField(help_text="The test's label, made of letters, digits, - and _ only.", max_length=255),
        ),
        migrations.AlterField(
            model_name='checkresult',
            name='test_name',
            field=patchwork.databases.IdentifierField(max_length=255),
        ),
    ]
