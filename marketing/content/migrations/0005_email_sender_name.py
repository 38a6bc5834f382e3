from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("content", "0004_custom_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="template",
            name="sender_name",
            field=models.CharField(
                blank=True,
                help_text="Of a mail; empty: that of the sender address.",
                max_length=64,
                verbose_name="sender name",
            ),
        ),
    ]
