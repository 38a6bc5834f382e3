"""REST API of one's own notices, and of what the home page shows."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.console import help_pages, home, visits
from cdp.console.models import Notification
from cdp.core.api import WorkspaceAPIView, WorkspaceViewSet
from cdp.core.schema import shape


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

    @extend_schema(request=None, responses=NotificationSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Mark as read."""
        notice = self.get_object()
        notice.read_at = notice.read_at or timezone.now()
        notice.save(update_fields=["read_at"])
        return self.answer(notice)


_WAY = shape("HomeLink", label=str, url=str)


class Home(WorkspaceAPIView):
    """What the home page shows to the asking person."""

    required_permission = {"get": "workspace.view"}

    @extend_schema(
        responses=shape(
            "Home",
            counts=[
                shape(
                    "HomeCount",
                    key=str,
                    label=str,
                    count=int,
                    url=str,
                    parts=[shape("HomePart", key=str, label=str, count=int, url=str)],
                    make=[_WAY],
                )
            ],
            used=[_WAY],
            releases=[_WAY],
            help=[_WAY],
        )
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`counts` of what the person may list: `key`, `label`, `count`, `url`, `parts` by kind (`key`, `label`,
        `count`, `url`), `make` (ways to make one more: `label`, `url`); at most a minute old. `used`: the pages that
        the person opened most in the last 30 days. `releases`: the latest notes. `help`: common topics. Each has
        `label` and `url`. Addresses are those of the console."""
        counts = [
            {
                "key": tile["key"],
                "label": str(tile["label"]),
                "count": tile["count"],
                "url": tile["url"],
                "parts": [
                    {"key": part.key, "label": str(part.label), "count": part.count, "url": part.url}
                    for part in tile["parts"]
                ],
                "make": [_way(way) for way in tile["shortcuts"]],
            }
            for tile in home.tiles(self.access)
        ]
        return Response(
            {
                "counts": counts,
                "used": [_way(row) for row in visits.most_used(self.access)],
                "releases": [_guide(note) for note in help_pages.releases()],
                "help": [_guide(topic) for topic in help_pages.topics()],
            }
        )


def _way(row: dict[str, Any]) -> dict[str, str]:
    return {"label": str(row["label"]), "url": row["url"]}


def _guide(page: dict[str, Any]) -> dict[str, str]:
    return {"label": str(page["title"]), "url": reverse("help-page", args=[page["name"]])}
