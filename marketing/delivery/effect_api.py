"""REST API of what came of a channel's messages in some days."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView
from insight.audiences.streaming import csv_response
from marketing.delivery import channel_effect
from marketing.delivery.push_api import PeriodSerializer, shown


class EffectSerializer(PeriodSerializer):
    """`unit` counts people, or SMS segments."""

    channel = serializers.ChoiceField(choices=list(channel_effect.SERIES))
    unit = serializers.ChoiceField(choices=channel_effect.UNITS, required=False, default="people")


class ChannelEffectView(WorkspaceAPIView):
    """Totals, the course by day and each send-out of mails or SMS, of a period of at most a year."""

    def permission_point(self) -> str:
        channel = self.request.query_params.get("channel", "")
        return f"marketing.{channel if channel in channel_effect.SERIES else 'email'}.view"

    @extend_schema(
        parameters=[EffectSerializer],
        responses=OpenApiResponse(
            OpenApiTypes.OBJECT, "totals, by_day, send_outs, and by_hour of at most two days"
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        channel, days, more = self._asked(request)
        return Response(shown(channel_effect.effect(self.access, channel, days, **more)))

    def _asked(self, request: Request) -> tuple[str, Any, dict[str, str]]:
        given = EffectSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        chosen = given.validated_data
        days = channel_effect.period(self.access, chosen.get("from"), chosen.get("to"))
        return chosen["channel"], days, {name: chosen[name] for name in ("provider", "unit")}


class ChannelEffectDownload(ChannelEffectView):
    """The course by day as CSV."""

    @extend_schema(parameters=[EffectSerializer], responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        channel, days, more = self._asked(request)
        pieces = channel_effect.as_csv(self.access, channel, days, **more)
        return csv_response(request._request, pieces, f"{channel}-{days.first}-{days.last}.csv")
