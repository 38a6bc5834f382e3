"""REST API of analysis."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView
from insight.analysis.perspective import perspective


class PerspectiveSerializer(serializers.Serializer[Any]):
    """What to look at: some tags of a dataset, over all its users or over an audience."""

    dataset = serializers.CharField()
    audience = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), min_length=1)
    null_filter = serializers.BooleanField(
        required=False, default=False, help_text=_("Leave users without a value out of counts and shares.")
    )


class PerspectiveView(WorkspaceAPIView):
    """How the values of tags spread over users."""

    required_permission = {"post": "insight.analysis"}

    @extend_schema(request=PerspectiveSerializer, responses=OpenApiResponse(description="Users per value"))
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = PerspectiveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        return Response(
            perspective(
                self.access,
                data["dataset"],
                data["tags"],
                audience_id=data.get("audience") or "",
                null_filter=data["null_filter"],
            )
        )
