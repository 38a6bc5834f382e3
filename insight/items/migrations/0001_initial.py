import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cdp.core.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("datasets", "0017_rows_per_user"),
        ("organizations", "0002_id_key"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ItemPool",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, db_index=True, verbose_name="updated")),
                ("edit_version", models.PositiveIntegerField(default=1, editable=False)),
                ("id", cdp.core.models.PrefixedIdField(prefix="pool", serialize=False)),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("remark", models.CharField(blank=True, max_length=500, verbose_name="remark")),
                ("rule", models.JSONField(verbose_name="conditions")),
                (
                    "builder",
                    models.JSONField(
                        help_text="The conditions as the editor had them, with those that are left out for now.",
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Computing"),
                            ("succeeded", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("reason_code", models.CharField(blank=True, max_length=64)),
                ("count", models.BigIntegerField(null=True, verbose_name="items")),
                ("version", models.PositiveIntegerField(default=0, verbose_name="version")),
                (
                    "numbers_used",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Last version number given out: each attempt has its own, so two can never share a table.",
                    ),
                ),
                ("refreshed_at", models.DateTimeField(null=True, verbose_name="updated")),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="item_pools",
                        to="datasets.dataset",
                        verbose_name="dataset",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.workspace",
                        verbose_name="workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "item pool",
                "verbose_name_plural": "item pools",
                "ordering": ["-updated_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ItemPoolVersion",
            fields=[
                ("id", cdp.core.models.PrefixedIdField(prefix="poolv", serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="version")),
                ("source", models.CharField(default="lake", max_length=64, verbose_name="data source")),
                ("table_name", models.CharField(max_length=80)),
                ("count", models.BigIntegerField(verbose_name="items")),
                ("rule", models.JSONField()),
                ("dataset_version", models.PositiveIntegerField()),
                ("as_of", models.DateField(verbose_name="computed for the day")),
                ("seconds", models.FloatField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "dropped_at",
                    models.DateTimeField(
                        help_text="When the table was dropped; the figures stay.", null=True
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="datasets.dataset",
                    ),
                ),
                (
                    "pool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="items.itempool",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.workspace",
                        verbose_name="workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "item pool version",
                "ordering": ["-number"],
            },
        ),
        migrations.AddField(
            model_name="itempool",
            name="current",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="items.itempoolversion",
                verbose_name="current version",
            ),
        ),
        migrations.AddConstraint(
            model_name="itempoolversion",
            constraint=models.UniqueConstraint(fields=("pool", "number"), name="item_pool_version_number"),
        ),
        migrations.AddConstraint(
            model_name="itempool",
            constraint=models.UniqueConstraint(fields=("workspace", "name"), name="item_pool_name_unique"),
        ),
    ]
