import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0001_chart_orders"),
        ("datasets", "0017_rows_per_user"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptCounts",
            fields=[
                (
                    "dataset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="datasets.dataset",
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("users", models.BigIntegerField()),
                ("tags", models.JSONField(default=dict)),
            ],
            options={"verbose_name": "counts of a dataset"},
        ),
    ]
