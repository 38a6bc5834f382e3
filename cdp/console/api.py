"""REST API of one's own notices."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.console.models import Notification
from cdp.core.api import WorkspaceViewSet


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    class Meta:
        model = Notification
        fields = ["id", "level", "title", "text", "url", "created_at", "read_at"]


class NotificationViewSet(WorkspaceViewSet):
    """Notices for the asking person."""

    model = Notification
    serializer_class = NotificationSerializer
    filterset_fields = ["level"]
    ordering_fields = ["created_at"]
    required_permission = {"*": "workspace.view"}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if getattr(self, "swagger_fake_view", False) else rows.filter(user=self.access.user)

    @action(detail=True, methods=["post"])
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Mark as read."""
        notice = self.get_object()
        notice.read_at = notice.read_at or timezone.now()
        notice.save(update_fields=["read_at"])
        return self.answer(notice)
