from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0004_audiences_and_variants")]

    operations = [
        migrations.AddField(
            model_name="recipient",
            name="dismissed_at",
            field=models.DateTimeField(help_text="When a push message was swiped away.", null=True),
        ),
        migrations.AddField(
            model_name="sendbatch",
            name="counts",
            field=models.JSONField(
                default=dict,
                help_text="What the platform counts: planned, sent, opened, ignored devices.",
            ),
        ),
        migrations.AlterField(
            model_name="sendout",
            name="channel",
            field=models.CharField(
                choices=[("email", "E-mail"), ("sms", "SMS"), ("push", "App push")],
                max_length=16,
                verbose_name="channel",
            ),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="channel",
            field=models.CharField(
                choices=[("email", "E-mail"), ("sms", "SMS"), ("push", "App push")],
                max_length=16,
                verbose_name="channel",
            ),
        ),
    ]
