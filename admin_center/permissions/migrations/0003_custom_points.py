from typing import Any

from django.db import migrations

OLD = "marketing.private.custom"
NEW = ["marketing.custom.view", "marketing.custom.create", "marketing.custom.send"]


def split(apps: Any, schema_editor: Any) -> None:
    """The custom channel has the same points as the other channels now."""
    for role in apps.get_model("permissions", "Role").objects.filter(permissions__contains=[OLD]):
        kept = [point for point in role.permissions if point != OLD]
        role.permissions = [*kept, *(point for point in NEW if point not in kept)]
        role.save(update_fields=["permissions"])


def join(apps: Any, schema_editor: Any) -> None:
    for role in apps.get_model("permissions", "Role").objects.filter(permissions__contains=NEW[2:]):
        kept = [point for point in role.permissions if point not in NEW]
        role.permissions = [*kept, OLD]
        role.save(update_fields=["permissions"])


class Migration(migrations.Migration):
    dependencies = [("permissions", "0002_push_points")]
    operations = [migrations.RunPython(split, join)]
