"""REST API of the push channel's effect."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView
from marketing.delivery import push_effect


class PeriodSerializer(serializers.Serializer[Any]):
    """Whole days, both included."""

    to = serializers.DateField(required=False)
    provider = serializers.CharField(required=False, default="")

    def get_fields(self) -> dict[str, Any]:
        # "from" cannot be the name of an attribute.
        return {**super().get_fields(), "from": serializers.DateField(required=False)}


class PushEffectView(WorkspaceAPIView):
    """Totals, the course by day and each send-out of a period of at most 60 days."""

    required_permission = {"*": "marketing.push.view"}

    @extend_schema(
        parameters=[PeriodSerializer],
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "totals, by_day, send_outs"),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = PeriodSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        chosen = given.validated_data
        days = push_effect.period(self.access, chosen.get("from"), chosen.get("to"))
        found = push_effect.effect(self.access, days, provider=chosen["provider"])
        return Response(shown(found))


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The effect of some days with its send-outs as JSON."""
    rows = [
        {"id": row.pk, "name": row.name, "state": row.state, "started_at": row.started_at, **figures}
        for row, figures in found["send_outs"]
    ]
    return {**found, "send_outs": rows}
