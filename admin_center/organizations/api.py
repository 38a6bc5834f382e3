"""REST API of a workspace's own settings."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.organizations import id_key, services
from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import workspace_settings
from cdp.core.api import WorkspaceAPIView

_FIELDS = ("name", "description", "time_zone")


class QuietHoursSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(required=False)
    start = serializers.TimeField(required=False, format="%H:%M")
    end = serializers.TimeField(required=False, format="%H:%M")
    action = serializers.ChoiceField(choices=["delay", "skip"], required=False)


class FrequencyCapSerializer(serializers.Serializer[Any]):
    per_day = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    per_week = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class FrequencyCapsSerializer(serializers.Serializer[Any]):
    sms = FrequencyCapSerializer(required=False)
    email = FrequencyCapSerializer(required=False)
    push = FrequencyCapSerializer(required=False)
    custom = FrequencyCapSerializer(required=False)


class ApprovalRuleSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(required=False)
    above = serializers.IntegerField(required=False, min_value=0)


class LateRuleSerializer(serializers.Serializer[Any]):
    hours = serializers.IntegerField(required=False, min_value=0, max_value=72)
    action = serializers.ChoiceField(choices=["send", "skip", "ask"], required=False)


class SendingQuotasSerializer(serializers.Serializer[Any]):
    sms = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    email = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    push = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    custom = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    materials_mb = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class WorkspaceSettingsSerializer(serializers.Serializer[Any]):
    """What a workspace is called, and how it works."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(max_length=64, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    time_zone = serializers.CharField(required=False, help_text="IANA name, such as Asia/Shanghai")
    update_concurrency = serializers.IntegerField(
        min_value=1, max_value=10, required=False, help_text="Scheduled updates that run at once"
    )
    push_concurrency = serializers.IntegerField(
        min_value=1, max_value=5, required=False, help_text="Pushes of one kind that run at once"
    )
    aipl_update = serializers.TimeField(required=False, help_text="When AIPL models are computed each day")
    rfm_update = serializers.TimeField(required=False, help_text="When RFM models are computed each day")
    shown_in_full = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="ID types that are not masked"
    )
    recipients_days = serializers.IntegerField(
        min_value=7, max_value=90, required=False, help_text="Days that recipients are kept after the end"
    )
    quiet_hours = QuietHoursSerializer(required=False)
    caps = FrequencyCapsSerializer(required=False)
    approval = ApprovalRuleSerializer(required=False)
    late = LateRuleSerializer(required=False)
    quotas = SendingQuotasSerializer(required=False)

    def to_representation(self, instance: Workspace) -> dict[str, Any]:
        fields = {field: getattr(instance, field) for field in ("slug", *_FIELDS)}
        return {**fields, **workspace_settings(instance).model_dump(mode="json")}


class SettingsView(WorkspaceAPIView):
    """Name, description, time zone and settings of the workspace."""

    required_permission = {"get": "admin.workspace", "patch": "admin.workspace"}

    @extend_schema(responses=WorkspaceSettingsSerializer)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer()

    @extend_schema(request=WorkspaceSettingsSerializer, responses=WorkspaceSettingsSerializer)
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.check_etag(self.workspace)
        services.update_workspace(self.workspace, dict(request.data), access=self.access)
        return self._answer()

    def _answer(self) -> Response:
        data = WorkspaceSettingsSerializer(self.workspace).data
        return Response(data, headers={"ETag": self.workspace.etag})


class IdKeySerializer(serializers.Serializer[Any]):
    """Whether the organization has a key for AES-encrypted IDs. The key itself is never shown."""

    key = serializers.CharField(write_only=True, max_length=16)
    is_set = serializers.BooleanField(read_only=True)


class IdKeyView(WorkspaceAPIView):
    """The key that the organization's IDs are AES-encrypted with; it is set once."""

    required_permission = {"get": "admin.workspace", "put": "admin.workspace"}

    @extend_schema(responses=IdKeySerializer)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"is_set": id_key.is_set(self.workspace)})

    @extend_schema(request=IdKeySerializer, responses=IdKeySerializer)
    def put(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set it: `{"key": "…"}`, by a manager of the organization."""
        given = IdKeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        id_key.put(self.access, given.validated_data["key"])
        return Response({"is_set": True})
