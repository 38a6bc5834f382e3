from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0011_digital_sms")]

    operations = [
        migrations.AddField(
            model_name="recipient",
            name="in_audiences",
            field=models.SmallIntegerField(
                db_default=0,
                default=0,
                help_text="A bit per audience that the person is in: 1, 2, 4 …; 0: not known.",
            ),
        ),
    ]
