"""REST API of the audit log."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from admin_center.audit.export import export_entries
from admin_center.audit.models import AuditEntry
from admin_center.audit.queries import AuditFilter, entries_for
from cdp.core.api import WorkspaceViewSet


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    actor = serializers.CharField(source="actor.username", default=None)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "actor",
            "actor_name",
            "via",
            "ip",
            "action",
            "object_type",
            "object_id",
            "object_name",
            "before",
            "after",
            "detail",
            "correlation_id",
        ]


class AuditEntryViewSet(WorkspaceViewSet):
    """Who changed or exported what. Entries are never changed or deleted by hand."""

    model = AuditEntry
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    search_fields = ["action", "object_name", "actor_name"]
    ordering_fields = ["at"]
    required_permission = {"*": "admin.audit"}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        if getattr(self, "swagger_fake_view", False):
            return AuditEntry.objects.none()
        return entries_for(self.access)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The filtered entries as CSV; the export itself becomes an entry."""
        return export_entries(self.access, self.filter_queryset(self.get_queryset()))
