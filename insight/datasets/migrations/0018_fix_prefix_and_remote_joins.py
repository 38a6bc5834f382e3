from __future__ import annotations

from django.db import migrations, models

HELP = "Take +86, 86 or 0086 off mobile numbers; without it, such numbers are invalid."


class Migration(migrations.Migration):
    """Datasets that are there took 86 off mobile numbers, and go on doing so. Joined tables may lie outside."""

    dependencies = [("datasets", "0017_rows_per_user")]

    operations = [
        migrations.AddField("dataset", "fix_prefix", models.BooleanField(default=True, help_text=HELP)),
        migrations.AlterField("dataset", "fix_prefix", models.BooleanField(default=False, help_text=HELP)),
        migrations.AddField(
            "datasetjoin",
            "remote",
            models.CharField(
                blank=True,
                default="",
                help_text="The table's name in the data source, where that is not the built-in one.",
                max_length=128,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            "datasetjoin",
            "table",
            models.ForeignKey(
                null=True,
                on_delete=models.PROTECT,
                related_name="joined_in",
                to="datasources.sourcetable",
            ),
        ),
        migrations.AddConstraint(
            "datasetjoin",
            models.UniqueConstraint(
                condition=models.Q(("remote", ""), _negated=True),
                fields=("dataset", "remote"),
                name="dataset_join_remote_once",
            ),
        ),
    ]
