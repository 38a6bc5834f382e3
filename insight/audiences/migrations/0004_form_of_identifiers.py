from django.db import migrations, models


def derive(apps, schema_editor):
    """What earlier versions know their members by, from what their rules read: most are plain, as the default says."""
    version_model = apps.get_model("audiences", "AudienceVersion")
    fields = apps.get_model("datasets", "DatasetField").objects.filter(role="identifier")
    of_datasets = dict(fields.exclude(encryption="plain").values_list("dataset_id", "encryption"))
    found, of_audiences = {}, {}
    rows = version_model.objects.order_by("created_at", "number").select_related("audience")
    # Older ones first: what an audience is made from was there before it.
    for version in rows.iterator(chunk_size=1000):
        saved = version.id_stats.get(version.user_id_type, {}).get("encryption")
        form = saved or version.audience.origin_detail.get("encryption")
        leaf = version.rule if isinstance(version.rule, dict) else {}
        while leaf.get("items"):
            leaf = leaf["items"][0]
        if form is None and leaf.get("kind") == "audience":
            form = of_audiences.get(leaf.get("audience"))
        form = form or of_datasets.get(leaf.get("dataset"), "plain")
        of_audiences[version.audience_id] = form
        if form != "plain":
            found[version.pk] = form
    for form in set(found.values()):
        keys = [key for key, held in found.items() if held == form]
        version_model.objects.filter(pk__in=keys).update(user_id_encryption=form)


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0003_whose_ids_count"),
        ("datasets", "0019_user_groups"),
    ]

    operations = [
        migrations.AddField(
            model_name="audienceversion",
            name="user_id_encryption",
            field=models.CharField(
                default="plain",
                help_text="Whether the members are known by plain identifiers, by hashes of them, or by AES cipher texts.",
                max_length=8,
                verbose_name="form of the user identifier",
            ),
        ),
        migrations.RunPython(derive, migrations.RunPython.noop),
    ]
