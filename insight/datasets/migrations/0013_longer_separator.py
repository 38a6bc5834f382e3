from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0012_aipl_kind")]

    operations = [
        migrations.AlterField(
            model_name="datasetfield",
            name="separator",
            field=models.CharField(blank=True, max_length=4, verbose_name="separator"),
        ),
    ]
