from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("content", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="template",
            name="push",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Of a push message: what a tap opens, and how it is shown.",
            ),
        ),
        migrations.AlterField(
            model_name="template",
            name="channel",
            field=models.CharField(
                choices=[("email", "E-mail"), ("sms", "SMS"), ("push", "App push")],
                max_length=16,
                verbose_name="channel",
            ),
        ),
    ]
