from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channels", "0003_custom_channel"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="mailbox_checked_at",
            field=models.DateTimeField(
                help_text="When its bounce mailbox was last read.",
                null=True,
                verbose_name="bounce mailbox read",
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="mailbox_error",
            field=models.TextField(
                blank=True,
                help_text="Why its bounce mailbox cannot be read.",
                verbose_name="error of the bounce mailbox",
            ),
        ),
    ]
