"""REST API of analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView
from cdp.core.schema import nullable, shape
from insight.analysis import choosing, orders, parts
from insight.analysis.perspective import perspective
from insight.analysis.pivot import pivot
from insight.analysis.significance import significance

OFFERED = 50


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(
        required=False,
        max_length=64,
        help_text=_("A newer request with the same token stops this one, which then answers 409."),
    )


class TranslateSerializer(TokenSerializer):
    translate = serializers.BooleanField(
        required=False,
        default=False,
        help_text=_(
            "Translate audiences that know their people by another ID than the dataset, by the identities."
        ),
    )


class FilterSerializer(TokenSerializer):
    null_filter = serializers.BooleanField(
        required=False, default=False, help_text=_("Leave users without a value out of counts and shares.")
    )


class PerspectiveSerializer(FilterSerializer, TranslateSerializer):
    """What to look at: some tags of a dataset, over all its users or over an audience."""

    dataset = serializers.CharField()
    audience = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    compare = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=_("“population”, or another audience, to compare the audience with."),
    )
    tags = serializers.ListField(child=serializers.CharField(), min_length=1)


class TagsOfDatasetSerializer(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField(), min_length=1)


class PivotSerializer(FilterSerializer):
    """Up to five datasets, each with tags."""

    datasets = TagsOfDatasetSerializer(many=True)


class SignificanceSerializer(TranslateSerializer):
    audience = serializers.CharField()
    dataset = serializers.CharField()
    show_all = serializers.BooleanField(
        required=False, default=False, help_text=_("Also answer with the tags that are not significant.")
    )


class TagOrderSerializer(serializers.Serializer[Any]):
    """The order of a tag's values in one's own charts; an empty list forgets it."""

    dataset = serializers.CharField()
    tag = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False))


class AdditionSerializer(serializers.Serializer[Any]):
    """A condition, and how it joins the rule of an audience."""

    audience = serializers.CharField()
    condition = serializers.JSONField()
    operator = serializers.ChoiceField(choices=parts.OPERATORS, default="union")


class AnalysisView(WorkspaceAPIView):
    """Reads its body with `serializer`."""

    required_permission = {"post": "insight.analysis"}
    serializer: type[serializers.Serializer[Any]]

    def given(self, request: Request) -> dict[str, Any]:
        found = self.serializer(data=request.data)
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)


class PerspectiveView(AnalysisView):
    """How the values of tags spread over users."""

    serializer = PerspectiveSerializer

    def permission_point(self) -> str:
        data = self.request.data
        of_audience = isinstance(data, Mapping) and bool(data.get("audience"))
        return choosing.OF_AUDIENCES if of_audience else super().permission_point()

    @extend_schema(
        request=PerspectiveSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "Users per value")
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        return Response(
            perspective(
                self.access,
                data["dataset"],
                data["tags"],
                audience_id=data.get("audience") or "",
                compare=data.get("compare") or "",
                null_filter=data["null_filter"],
                translate=data["translate"],
                token=data.get("token", ""),
            )
        )


class PivotView(AnalysisView):
    """How the values of tags of several datasets spread, dataset by dataset."""

    serializer = PivotSerializer

    @extend_schema(request=PivotSerializer, responses=shape("PivotResult", results=[dict]))
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        found = pivot(
            self.access, data["datasets"], null_filter=data["null_filter"], token=data.get("token", "")
        )
        return Response({"results": found})


class SignificanceView(AnalysisView):
    """The tags that set an audience apart."""

    required_permission = {"post": choosing.OF_AUDIENCES}
    serializer = SignificanceSerializer

    @extend_schema(
        request=SignificanceSerializer,
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "Tags, the most different first"),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        return Response(
            significance(
                self.access,
                data["audience"],
                data["dataset"],
                show_all=data["show_all"],
                translate=data["translate"],
                token=data.get("token", ""),
            )
        )


class OrderView(AnalysisView):
    """One's own order of a tag's values."""

    required_permission = {"put": "insight.analysis"}
    serializer = TagOrderSerializer

    @extend_schema(request=TagOrderSerializer, responses=TagOrderSerializer)
    def put(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        found = orders.keep(self.access, data["dataset"], data["tag"], data["values"])
        return Response({"dataset": data["dataset"], "tag": data["tag"], "values": found})


class PartsView(AnalysisView):
    """Audiences that take a part of a chart as another condition, and adding it."""

    required_permission = {"*": parts.SELECT}
    serializer = AdditionSerializer

    @extend_schema(
        parameters=[OpenApiParameter("dataset", str, required=True), OpenApiParameter("search", str)],
        responses=shape(
            "OfferedAudiences", results=[shape("OfferedAudience", id=str, name=str, count=nullable(int))]
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = parts.offered(
            self.access, request.query_params.get("dataset", ""), request.query_params.get("search", "")
        )
        return Response({"results": list(rows.values("id", "name", "count")[:OFFERED])})

    @extend_schema(
        request=AdditionSerializer, responses=shape("ChangedAudience", id=str, name=str, rule=dict)
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        etag = request.headers.get("If-Match", "")
        audience = parts.add(self.access, data["audience"], data["condition"], data["operator"], etag=etag)
        return Response({"id": audience.pk, "name": audience.name, "rule": audience.rule})


class PartsPreviewView(AnalysisView):
    """How many people an audience would have with a part of a chart more."""

    required_permission = {"post": parts.SELECT}
    serializer = AdditionSerializer

    @extend_schema(
        request=AdditionSerializer,
        responses=shape("AdditionPreview", before=nullable(int), after=nullable(int), part=nullable(int)),
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given(request)
        return Response(parts.preview(self.access, data["audience"], data["condition"], data["operator"]))
