import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0002_drafts"),
        ("content", "0001_initial"),
        ("delivery", "0003_life_cycle"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendout",
            name="holdout",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="Per cent of the people who could get the message and do not, to compare with.",
                verbose_name="kept back for comparison, in per cent",
            ),
        ),
        migrations.AddField(
            model_name="sendout",
            name="holdout_salt",
            field=models.CharField(
                blank=True,
                help_text="Send-outs with the same salt keep back the same people; empty: that of the workspace.",
                max_length=64,
            ),
        ),
        migrations.AddConstraint(
            model_name="sendout",
            constraint=models.CheckConstraint(
                condition=models.Q(("holdout__lte", 50)), name="send_out_holdout_at_most_50"
            ),
        ),
        migrations.CreateModel(
            name="SendOutAudience",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("excluded", models.BooleanField(default=False)),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audiences.audience",
                    ),
                ),
                (
                    "send_out",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="delivery.sendout",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        help_text="Fixed when sending starts.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="audiences.audienceversion",
                    ),
                ),
            ],
            options={
                "ordering": ["excluded", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("send_out", "audience"), name="send_out_audience_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Variant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.PositiveSmallIntegerField(help_text="From 0; `letter` is what people see."),
                ),
                (
                    "share",
                    models.PositiveSmallIntegerField(
                        help_text="Per cent of the people; all together are 100."
                    ),
                ),
                (
                    "send_out",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="variants",
                        to="delivery.sendout",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="content.template",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=("send_out", "number"), name="variant_number_unique")
                ],
            },
        ),
        migrations.AddField(
            model_name="sendbatch",
            name="variant",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="recipient",
            name="variant",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Number of the variant; 0 without any."
            ),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("filtered", "Left out"),
                    ("control", "Control group"),
                    ("handing", "Being handed over"),
                    ("handed", "Sent, no report yet"),
                    ("delivered", "Delivered"),
                    ("failed", "Failed"),
                    ("unknown", "Unknown"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "control"), _negated=True),
                    models.Q(("batch__isnull", True), ("handed_at__isnull", True)),
                    _connector="OR",
                ),
                name="control_group_gets_nothing",
            ),
        ),
    ]
