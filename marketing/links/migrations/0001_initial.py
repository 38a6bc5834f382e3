import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import cdp.core.models
import cdp.crypto.at_rest
import marketing.links.codes


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LinkDomain",
            fields=[
                ("id", cdp.core.models.PrefixedIdField(prefix="ldm", serialize=False)),
                ("name", models.CharField(max_length=253, verbose_name="domain")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
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
            options={"verbose_name": "link domain", "ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="ShortLink",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, db_index=True, verbose_name="updated")),
                ("id", cdp.core.models.PrefixedIdField(prefix="lnk", serialize=False)),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("target", models.TextField(max_length=2000, verbose_name="leads to")),
                ("code", models.CharField(editable=False, max_length=16, unique=True)),
                (
                    "key",
                    cdp.crypto.at_rest.EncryptedTextField(
                        default=marketing.links.codes.new_key, editable=False
                    ),
                ),
                (
                    "forward_query",
                    models.BooleanField(default=False, verbose_name="pass parameters on"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
                ("stopped_at", models.DateTimeField(editable=False, null=True)),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
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
            options={"verbose_name": "short link", "ordering": ["-created_at"]},
        ),
        migrations.CreateModel(
            name="LinkClick",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("person", models.CharField(blank=True, max_length=10)),
                ("visitor", models.CharField(max_length=32)),
                (
                    "device",
                    models.CharField(
                        choices=[
                            ("phone", "Phone"),
                            ("tablet", "Tablet"),
                            ("computer", "Computer"),
                            ("other", "Other"),
                        ],
                        max_length=8,
                    ),
                ),
                ("system", models.CharField(blank=True, max_length=16)),
                ("region", models.CharField(blank=True, max_length=64)),
                ("is_machine", models.BooleanField(default=False)),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clicks",
                        to="links.shortlink",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["link", "at"], name="link_click_link_at")],
            },
        ),
        migrations.AddConstraint(
            model_name="linkdomain",
            constraint=models.UniqueConstraint(fields=("workspace", "name"), name="link_domain_unique"),
        ),
    ]
