import django.core.serializers.json
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0002_waiting"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendout",
            name="resend_of",
            field=models.ForeignKey(
                help_text="The send-out whose failed recipients, and nobody else, get the message once more.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="resends",
                to="delivery.sendout",
            ),
        ),
        migrations.AddField(
            model_name="sendout",
            name="rows_deleted_at",
            field=models.DateTimeField(help_text="Since when its recipients are not kept.", null=True),
        ),
        migrations.AddField(
            model_name="sendout",
            name="counters",
            field=models.JSONField(
                default=dict,
                encoder=django.core.serializers.json.DjangoJSONEncoder,
                help_text="The numbers, once its recipients are not kept.",
            ),
        ),
    ]
