"""Datasets of user tags that there are may go on having several rows per user: none of them was made otherwise."""

from typing import Any

from django.db import migrations


def allow(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("datasets", "Dataset").objects.filter(kind="user_tags")
    rows.update(definition={"rows_per_user": "many"})


class Migration(migrations.Migration):
    dependencies = [("datasets", "0016_error_code")]
    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
