from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="provider",
            name="channel",
            field=models.CharField(
                choices=[("email", "E-mail"), ("sms", "SMS"), ("push", "App push")],
                max_length=16,
                verbose_name="channel",
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="type",
            field=models.CharField(
                help_text="How it is spoken to: smtp, contract, upush_android or upush_ios.",
                max_length=16,
                verbose_name="type",
            ),
        ),
    ]
