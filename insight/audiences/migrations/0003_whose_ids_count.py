from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0002_drafts"),
    ]

    operations = [
        migrations.AddField(
            model_name="audience",
            name="ids_from",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="Of a set operation: the place of the input whose saved IDs win where inputs disagree.",
                verbose_name="whose IDs count",
            ),
        ),
    ]
