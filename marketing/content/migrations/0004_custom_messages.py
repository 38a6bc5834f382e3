import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels", "0003_custom_channel"), ("content", "0003_design")]

    operations = [
        migrations.AddField(
            model_name="template",
            name="params",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Of a custom channel: the values of its webhook's parameters.",
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="provider",
            field=models.ForeignKey(
                help_text="Of a custom channel: the webhook whose parameters these are.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="channels.provider",
            ),
        ),
        migrations.AlterField(
            model_name="template",
            name="channel",
            field=models.CharField(
                choices=[
                    ("email", "E-mail"),
                    ("sms", "SMS"),
                    ("push", "App push"),
                    ("custom", "Custom channel"),
                ],
                max_length=16,
                verbose_name="channel",
            ),
        ),
    ]
