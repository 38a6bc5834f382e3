"""Audiences as the API shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from cdp.core.schema import maybe, nullable, shape
from cdp.jobs.api import started
from insight.audiences import combining, origins
from insight.audiences.campaign_links import KIND
from insight.audiences.models import Audience, AudienceVersion
from insight.campaigns import links


class AudienceSerializer(serializers.Serializer[Audience]):
    """An audience. `count`, `version` and `ids` are those of its latest good version."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=64)
    owner = serializers.CharField(read_only=True, source="owner.username", default=None)
    origin = serializers.CharField(read_only=True)
    origin_label = serializers.SerializerMethodField()
    combinable = serializers.SerializerMethodField(
        help_text="Whether conditions and set operations can use it."
    )
    origin_detail = serializers.SerializerMethodField(
        help_text="Uploads: figures of the file. Tables: its name. Set operations: inputs, operators, ids_from."
    )
    rule = serializers.JSONField(help_text="See /api/v1/schema/rule.json")
    rule_version = serializers.IntegerField(read_only=True)
    source = serializers.CharField(  # type: ignore[assignment]
        read_only=True, help_text="The data source that the members live in."
    )
    user_id_type = serializers.CharField(read_only=True)
    user_id_encryption = serializers.SerializerMethodField(
        help_text="The form of the identifiers: plain, md5, sha256 or aes."
    )
    save_ids = serializers.ListField(child=serializers.CharField(), required=False)
    ids = serializers.SerializerMethodField(
        help_text="Per saved ID: filled, distinct, fill_rate, encryption."
    )
    folder = serializers.CharField(source="folder_id", allow_null=True, required=False)
    public = serializers.BooleanField(required=False)
    campaigns = serializers.SerializerMethodField(help_text="IDs of campaigns; written as a list of IDs.")
    remark = serializers.CharField(max_length=500, required=False, allow_blank=True)
    limit = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    refresh = serializers.JSONField(
        required=False,
        help_text='{"every": "day", "at": "03:00"} or {"every": "hour", "hours": 4}, {} for none.',
    )
    next_refresh_at = serializers.DateTimeField(read_only=True, allow_null=True)
    auto_snapshot = serializers.BooleanField(required=False)
    draft = serializers.BooleanField(
        required=False, help_text="Saved without being computed; false computes a draft."
    )
    state = serializers.ChoiceField(choices=Audience.State.choices, read_only=True)
    reason = serializers.SerializerMethodField(help_text="Why the last refresh failed.")
    count = serializers.IntegerField(read_only=True, allow_null=True)
    version = serializers.IntegerField(read_only=True)
    refreshed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_origin_label(self, audience: Audience) -> str:
        return str(origins.label_of(audience))

    def get_combinable(self, audience: Audience) -> bool:
        return "combine" in origins.origin_of(audience).actions

    def get_origin_detail(self, audience: Audience) -> dict[str, Any]:
        if audience.origin == combining.COMBINED:
            return {**combining.parts(audience.rule), "ids_from": audience.ids_from}
        hidden = ("table", "refused_table", "builder", "source_table")
        return {key: value for key, value in audience.origin_detail.items() if key not in hidden}

    def get_campaigns(self, audience: Audience) -> list[str]:
        known: list[str] | None = getattr(audience, "campaign_ids", None)
        return links.ids_of(KIND, audience.pk) if known is None else known

    def get_user_id_encryption(self, audience: Audience) -> str:
        return audience.known_by[1]

    def get_ids(self, audience: Audience) -> dict[str, Any]:
        return audience.current.id_stats if audience.current else {}

    def get_reason(self, audience: Audience) -> dict[str, str] | None:
        return {"code": audience.reason_code, "detail": audience.reason} if audience.reason else None


COMBINED_WITH = shape("CombinedWith", audience=str, snapshot=maybe(Any))


class AudienceInput(serializers.Serializer[Any]):
    """What an audience is given."""

    name = serializers.CharField(max_length=64)
    rule = serializers.JSONField(help_text="See /api/v1/schema/rule.json")
    save_ids = serializers.ListField(child=serializers.CharField(), required=False)
    folder = serializers.CharField(allow_null=True, required=False)
    public = serializers.BooleanField(required=False)
    campaigns = serializers.ListField(child=serializers.CharField(), required=False)
    remark = serializers.CharField(max_length=500, required=False, allow_blank=True)
    limit = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    refresh = serializers.JSONField(
        required=False,
        help_text='{"every": "day", "at": "03:00"} or {"every": "hour", "hours": 4}, {} for none.',
    )
    auto_snapshot = serializers.BooleanField(required=False)
    draft = serializers.BooleanField(
        required=False, help_text="Saved without being computed; false computes a draft."
    )


class AudienceChange(AudienceInput):
    """`inputs`, `operators` and `ids_from` are those of one that combines others."""

    inputs = serializers.ListField(child=COMBINED_WITH(), required=False)
    operators = serializers.ListField(child=serializers.CharField(), required=False)
    ids_from = serializers.IntegerField(required=False)


OF_AN_AUDIENCE: dict[str, Any] = {
    "name": str,
    "folder": maybe(str),
    "public": maybe(bool),
    "remark": maybe(str),
    "campaigns": maybe([str]),
}
"""What every new audience may be given, for the schema."""
AUDIENCE_STARTED = started("AudienceStarted", audience=shape("AudienceName", id=str, name=str))


AUDIENCES = shape("Audiences", audiences=[str])
REFUSED = shape("RefusedAudience", audience=str, code=str, detail=str)
RULE_SUMMARY = shape("RuleSummary", text=str, warnings=[str])
MADE_FROM = shape(
    "MadeFrom",
    kind=str,
    id=str,
    name=str,
    version=nullable(int),
    used_version=nullable(int),
    refreshed_at=nullable(datetime),
    newer=bool,
    table=nullable(str),
    table_at=nullable(datetime),
    table_newer=bool,
    missing=bool,
    failures=[shape("FailedCopy", table=str, code=str, detail=str)],
)
APPLICATIONS = shape(
    "Applications",
    results=[
        shape(
            "Application",
            key=str,
            label=str,
            id_types=[str],
            usable=bool,
            reason=nullable(str),
            addable=[str],
            url=str,
        )
    ],
)


class AudienceVersionSerializer(serializers.Serializer[AudienceVersion]):
    """A version. `available`: its members can still be read."""

    id = serializers.CharField()
    number = serializers.IntegerField()
    count = serializers.IntegerField()
    joined = serializers.IntegerField(allow_null=True)
    left = serializers.IntegerField(allow_null=True)
    kind = serializers.CharField()
    as_of = serializers.DateField(allow_null=True)
    rule_version = serializers.IntegerField()
    user_id_type = serializers.CharField()
    user_id_encryption = serializers.CharField()
    save_ids = serializers.ListField(child=serializers.CharField())
    ids = serializers.JSONField(source="id_stats")
    dataset_versions = serializers.JSONField()
    audience_versions = serializers.JSONField()
    snapshot = serializers.SerializerMethodField()
    available = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_snapshot(self, version: AudienceVersion) -> str | None:
        return version.snapshot_name if version.is_snapshot else None

    def get_available(self, version: AudienceVersion) -> bool:
        return version.dropped_at is None


class SnapshotSerializer(serializers.Serializer[AudienceVersion]):
    id = serializers.CharField()
    name = serializers.CharField(source="snapshot_name")
    version = serializers.IntegerField(source="number")
    count = serializers.IntegerField()
    automatic = serializers.BooleanField(source="snapshot_auto")
    created_at = serializers.DateTimeField()


class RuleSerializer(serializers.Serializer[Any]):
    """A rule to count, describe or look at."""

    rule = serializers.JSONField(help_text="See /api/v1/schema/rule.json")
    token = serializers.CharField(
        required=False,
        max_length=64,
        allow_blank=True,
        help_text="A newer request with the same token interrupts the older one.",
    )
