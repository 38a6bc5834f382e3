import django.db.models.deletion
from django.db import migrations, models

_GONE = r"^5\.(1\.(1|2|3|6|10)|2\.1)(\M|$)"


def name_the_gone(apps, schema_editor):
    """Addresses that do not exist were known by the words of the server alone."""
    recipients = apps.get_model("delivery", "Recipient").objects
    recipients.filter(send_out__channel="email", state="failed", detail__regex=_GONE).update(reason="gone")


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0007_approval_and_conversion"),
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendout",
            name="return_path",
            field=models.CharField(
                choices=[("random", "Random address"), ("sender", "Sender address")],
                default="random",
                help_text="Of mails: where servers return what they cannot deliver.",
                max_length=6,
                verbose_name="return path",
            ),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(
                choices=[
                    ("unsubscribed", "Unsubscribed"),
                    ("hard_bounce", "The address does not exist"),
                    ("soft_bounce", "Mail came back again and again"),
                    ("complaint", "Reported as spam"),
                    ("manual", "Added by hand"),
                ],
                max_length=16,
                verbose_name="reason",
            ),
        ),
        migrations.CreateModel(
            name="Bounce",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("send_out", models.CharField(max_length=40)),
                ("target_hash", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("hard", "The address does not exist"),
                            ("soft", "Could not be delivered this time"),
                            ("complaint", "Marked as spam"),
                        ],
                        max_length=9,
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=64)),
                ("detail", models.CharField(blank=True, max_length=500)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.workspace",
                        verbose_name="workspace",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["workspace", "target_hash", "kind", "at"],
                        name="delivery_bo_workspa_f7fc96_idx",
                    ),
                    models.Index(fields=["at"], name="delivery_bo_at_0c83a4_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("send_out", "target_hash", "kind"), name="bounce_once")
                ],
            },
        ),
        migrations.RunPython(name_the_gone, migrations.RunPython.noop),
    ]
