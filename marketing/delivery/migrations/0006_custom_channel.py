from django.db import migrations, models

CHANNELS = [
    ("email", "E-mail"),
    ("sms", "SMS"),
    ("push", "App push"),
    ("custom", "Custom channel"),
]


class Migration(migrations.Migration):
    dependencies = [("content", "0004_custom_messages"), ("delivery", "0005_push_channel")]

    operations = [
        migrations.AddField(
            model_name="sendout",
            name="id_type",
            field=models.CharField(
                blank=True,
                default="",
                help_text="On the custom channel: the ID that is sent. On others the provider's type says it.",
                max_length=16,
                verbose_name="ID type",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="sendout",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=16, verbose_name="channel"),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=16, verbose_name="channel"),
        ),
    ]
