import django.db.models.deletion
from django.db import migrations, models

import cdp.core.models


class Migration(migrations.Migration):
    dependencies = [
        ("materials", "0001_initial"),
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="MaterialFolder",
            fields=[
                ("id", cdp.core.models.PrefixedIdField(prefix="mfl", serialize=False)),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="materials.materialfolder",
                        verbose_name="inside",
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
                "verbose_name": "folder",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace", "parent", "name"),
                        name="material_folder_name",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="material",
            name="folder",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="materials",
                to="materials.materialfolder",
                verbose_name="folder",
            ),
        ),
        migrations.AddField(
            model_name="material",
            name="thumbnail",
            field=models.CharField(
                blank=True, help_text="file name of its small picture", max_length=24, default=""
            ),
            preserve_default=False,
        ),
    ]
