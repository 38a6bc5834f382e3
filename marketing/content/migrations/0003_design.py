from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("content", "0002_push_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="template",
            name="design",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Of a mail made of blocks: the blocks, from which the HTML is made. Empty: the HTML is written.",
                verbose_name="design",
            ),
        ),
    ]
