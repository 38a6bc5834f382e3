from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels", "0002_push_channel")]

    operations = [
        migrations.AlterField(
            model_name="provider",
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
        migrations.AlterField(
            model_name="provider",
            name="type",
            field=models.CharField(
                help_text="How it is spoken to: smtp, contract, upush_android, upush_ios or webhook.",
                max_length=16,
                verbose_name="type",
            ),
        ),
    ]
