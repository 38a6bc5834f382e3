from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import TruncDate


def put_on_their_last_day(apps: Any, schema_editor: Any) -> None:
    """Visits were counted without their days: all that is known of them is the last one."""
    visits = apps.get_model("console", "PageVisit")
    visits.objects.filter(day=None).update(day=TruncDate("last_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="pagevisit", name="page_visit_unique"),
        migrations.AddField(model_name="pagevisit", name="day", field=models.DateField(null=True)),
        migrations.RunPython(put_on_their_last_day, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(model_name="pagevisit", name="day", field=models.DateField()),
        migrations.AddConstraint(
            model_name="pagevisit",
            constraint=models.UniqueConstraint(
                fields=("user", "workspace", "url_name", "day"), name="page_visit_once_a_day"
            ),
        ),
        migrations.AddIndex(
            model_name="pagevisit", index=models.Index(fields=["day"], name="page_visit_day")
        ),
    ]
