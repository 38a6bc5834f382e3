"""REST API of funnels, retention, paths and audiences over time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import maybe, nullable, shape
from insight.audiences.models import Audience
from insight.audiences.serializers import AudienceSerializer
from insight.behaviour_analysis import funnel, history, paths, retention, services, splitting
from insight.behaviour_analysis.asking import OF_AUDIENCES, Ground, ground_of


class _Period(serializers.Serializer[Any]):
    dataset = serializers.CharField(help_text="A behaviour dataset.")
    to = serializers.DateField()
    audience = serializers.CharField(required=False, help_text="Only the people in this audience.")
    translate = serializers.BooleanField(
        default=False, help_text="Translate audiences that know their people by another ID than the dataset."
    )

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.DateField()}


_SPLIT = '{"dataset", "tag"}: a tag with choices; or {"audience"}: those in it and those who are not.'


class FunnelSerializer(_Period):
    """Steps in order, each by `type`, `channel` and `objects` as in a rule's condition."""

    steps = serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=8)
    days = serializers.IntegerField(help_text="Days from the first step to the last one.", default=30)
    split = serializers.JSONField(required=False, help_text=_SPLIT)


class RetentionSerializer(_Period):
    unit = serializers.ChoiceField(choices=retention.UNITS, default="week")
    first = serializers.JSONField(required=False, help_text="What makes somebody part of a cohort.")
    split = serializers.JSONField(required=False, help_text=_SPLIT)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "return": serializers.JSONField(required=False)}


class PathsSerializer(_Period):
    start = serializers.CharField(help_text="The type that paths start with.")
    within = serializers.IntegerField(default=7, help_text="The longest pause between two steps.")
    unit = serializers.ChoiceField(choices=paths.UNITS, default="days")
    levels = serializers.IntegerField(default=4, min_value=1, max_value=paths.MOST_LEVELS)


class _Analysis(WorkspaceAPIView):
    required_permission = {"post": "insight.analysis"}

    def ground(self, given: Mapping[str, Any]) -> Ground:
        return ground_of(self.access, given)


class FunnelView(_Analysis):
    @extend_schema(
        request=FunnelSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "People per step")
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many people took the steps one after another."""
        given = json_object(request)
        return Response(funnel.funnel(funnel.funnel_of(self.ground(given), given)))


class RetentionView(_Analysis):
    @extend_schema(
        request=RetentionSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "People per cohort")
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many of each week's or month's newcomers came back later."""
        given = json_object(request)
        return Response(retention.retention(retention.retention_of(self.ground(given), given)))


class PathsView(_Analysis):
    @extend_schema(
        request=PathsSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "People per step of a path")
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What people did after a starting behaviour."""
        given = json_object(request)
        return Response(paths.paths(paths.paths_of(self.ground(given), given)))


class _Audiences(_Analysis):
    """`query` is the body of the analysis, `part` says which of its people; the rest are an audience's own fields."""

    required_permission = {"post": "insight.audience.filter"}

    def answer(self, request: Request) -> Response:
        self.access.require("insight.analysis")
        given = json_object(request)
        query, part = given.pop("query", None), given.pop("part", None)
        if not isinstance(query, dict) or not isinstance(part, dict):
            raise ValidationFailed(_("Give the objects “query” and “part”."))
        made = self.make(query, part, given)
        return Response(AudienceSerializer(made).data, status=201)

    def make(self, query: Any, part: Any, data: dict[str, Any]) -> Audience:
        raise NotImplementedError


class AnalysisPart(serializers.Serializer[Any]):
    query = serializers.JSONField(help_text="The body of the analysis.")
    part = serializers.JSONField(help_text="Which of its people.")
    name = serializers.CharField(max_length=64)
    folder = serializers.CharField(required=False)
    remark = serializers.CharField(required=False)
    public = serializers.BooleanField(required=False)


class FunnelAudiences(_Audiences):
    @extend_schema(request=AnalysisPart, responses={201: AudienceSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of a step: `part` is {"step": 2, "outcome": "reached" or "dropped"}, and `value` of the split."""
        return self.answer(request)

    def make(self, query: Any, part: Any, data: dict[str, Any]) -> Audience:
        asked = funnel.funnel_of(self.ground(query), query)
        return services.from_funnel(
            asked, part.get("step"), part.get("outcome"), data, splitting.part_value(part)
        )


class RetentionAudiences(_Audiences):
    @extend_schema(request=AnalysisPart, responses={201: AudienceSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of a cell: `part` is {"cohort": "2026-01-05", "offset": 2}; offset 0 is the whole cohort.

        `value` of the split asks for the people who have it, the cohort "all" with offset 0 for all cohorts.
        """
        return self.answer(request)

    def make(self, query: Any, part: Any, data: dict[str, Any]) -> Audience:
        asked = retention.retention_of(self.ground(query), query)
        return services.from_retention(
            asked, part.get("cohort"), part.get("offset"), data, splitting.part_value(part)
        )


class PathAudiences(_Audiences):
    @extend_schema(request=AnalysisPart, responses={201: AudienceSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of a node, {"level": 1, "type": "visit"}, or with "from" of the link that leads to it.

        The type null are those whose path ended with the level before.
        """
        return self.answer(request)

    def make(self, query: Any, part: Any, data: dict[str, Any]) -> Audience:
        asked = paths.paths_of(self.ground(query), query)
        to, come_from = (
            None if name is None else str(name) for name in (part.get("type", ""), part.get("from"))
        )
        return services.from_paths(asked, part.get("level"), to, come_from, data)


class AudienceVersionPart(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    part = serializers.JSONField(
        required=False, help_text='{"dataset", "tag", "value"}; the value null for the people without one.'
    )
    name = serializers.CharField(max_length=64)
    folder = serializers.CharField(required=False)
    remark = serializers.CharField(required=False)
    public = serializers.BooleanField(required=False)


class HistoryView(WorkspaceAPIView):
    required_permission = {"get": "insight.audience.analysis"}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "dataset", str, description="With `tag`: how its values spread in each version."
            ),
            OpenApiParameter("tag", str),
        ],
        responses=shape(
            "AudienceHistory",
            versions=[
                shape(
                    "AudienceHistoryVersion",
                    number=int,
                    at=datetime,
                    count=int,
                    joined=nullable(int),
                    left=nullable(int),
                    kept=bool,
                    snapshot=nullable(str),
                )
            ],
            composition=maybe(dict),
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """People, joined and left per version, and the composition by a tag where one is given."""
        audience = history.get(self.access, kwargs["pk"])
        answer: dict[str, Any] = {"versions": history.sizes(audience)}
        dataset, tag = (request.query_params.get(name, "") for name in ("dataset", "tag"))
        if dataset or tag:
            answer["composition"] = history.composition(self.access, audience, dataset, tag)
        return Response(answer)


class HistoryAudiences(WorkspaceAPIView):
    required_permission = {"post": "insight.audience.filter"}

    @extend_schema(request=AudienceVersionPart, responses={201: AudienceSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of those who were in at a version, or of those of them with a value of a tag."""
        self.access.require(OF_AUDIENCES)
        audience = history.get(self.access, kwargs["pk"])
        given = json_object(request)
        part = history.part_of(given.pop("part", None))
        made = history.keep(self.access, audience, given.pop("version", None), given, part)
        return Response(AudienceSerializer(made).data, status=201)
