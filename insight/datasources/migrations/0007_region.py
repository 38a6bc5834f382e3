from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasources", "0006_push_down")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="region",
            field=models.CharField(blank=True, max_length=64, verbose_name="region"),
        ),
    ]
