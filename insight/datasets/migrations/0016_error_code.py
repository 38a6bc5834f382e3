from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0015_remote"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="error_code",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
