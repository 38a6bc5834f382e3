"""Item pools as the API shows and takes them."""

from __future__ import annotations

from rest_framework import serializers

from insight.items.models import ItemPool


class ItemPoolSerializer(serializers.Serializer[ItemPool]):
    """An item pool. `count` and `version` are those of its latest good version."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=64)
    remark = serializers.CharField(max_length=500, required=False, allow_blank=True)
    owner = serializers.CharField(read_only=True, source="owner.username", default=None)
    dataset = serializers.CharField(
        read_only=True, source="dataset_id", help_text="The item-tag dataset that the conditions ask."
    )
    rule = serializers.JSONField(
        help_text="Tag conditions on one item-tag dataset, joined by `union` and `intersect`; "
        "see /api/v1/schema/rule.json"
    )
    state = serializers.ChoiceField(choices=ItemPool.State.choices, read_only=True)
    reason = serializers.SerializerMethodField(help_text="Why the last computation failed.")
    count = serializers.IntegerField(read_only=True, allow_null=True)
    version = serializers.IntegerField(read_only=True)
    dataset_version = serializers.IntegerField(
        read_only=True,
        source="current.dataset_version",
        default=None,
        help_text="The version of the dataset that the items were chosen from.",
    )
    refreshed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_reason(self, pool: ItemPool) -> dict[str, str] | None:
        return {"code": pool.reason_code, "detail": pool.reason} if pool.reason else None
