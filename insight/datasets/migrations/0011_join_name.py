from django.db import migrations, models


def name_after_table(apps, schema_editor):
    joins = apps.get_model("datasets", "DatasetJoin")
    for join in joins.objects.select_related("table"):
        join.name = join.table.name
        join.save(update_fields=["name"])


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0010_custom_tags"),
    ]

    operations = [
        migrations.AddField(
            model_name="datasetjoin",
            name="name",
            field=models.CharField(
                default="",
                help_text="What its columns begin with; the table may be renamed, this stays.",
                max_length=64,
            ),
        ),
        migrations.RunPython(name_after_table, migrations.RunPython.noop),
    ]
