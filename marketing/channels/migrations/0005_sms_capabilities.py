from __future__ import annotations

from typing import Any

from django.db import migrations


def keep_what_worked(apps: Any, schema_editor: Any) -> None:
    """Platforms connected before they said what they take had variables and short links in every SMS."""
    providers = apps.get_model("channels", "Provider")
    for provider in providers.objects.filter(channel="sms", type="contract"):
        provider.config = {**provider.config, "promo_variables": True, "short_links": True}
        provider.save(update_fields=["config"])


class Migration(migrations.Migration):
    dependencies = [("channels", "0004_email_mailbox")]

    operations = [migrations.RunPython(keep_what_worked, migrations.RunPython.noop)]
